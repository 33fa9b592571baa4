"""The dependencies between resources: `dependsOn`, `reference` to a name, and serial loops."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sandbox.resource_manager.deployments import errors, ids
from sandbox.resource_manager.deployments.language.errors import TemplateError
from sandbox.resource_manager.deployments.language.evaluate import UNKNOWN
from sandbox.resource_manager.deployments.resources import Resource


class Index:
    """Finds resources of a template by the names that templates use for them."""

    def __init__(self, resources: list[Resource]):
        self._resources = resources
        self._by_name: dict[str, list[int]] = {}
        for at, resource in enumerate(resources):
            for name in _names(resource):
                self._by_name.setdefault(name.lower(), []).append(at)

    def find(self, name: str) -> list[int]:
        """The resources with this name, loop name, ID, or type and name."""
        return self._by_name.get(name.lower(), [])

    def one(self, name: str) -> Resource | None:
        """The only resource with this name. Raises TemplateError if there are several."""
        found = self.find(name)
        if len(found) > 1:
            raise TemplateError(f"The resource '{name}' is ambiguous: the template has {len(found)} of that name")
        return self._resources[found[0]] if found else None


def connect(resources: list[Resource], index: Index) -> list[set[int]]:
    """The dependencies of each resource. Also evaluates its properties as far as they are known.

    Resources that aren't deployed (false condition, or `existing`) are no dependencies. Raises AzureError.
    """
    needs = [
        _named(resource, index) | _referred(resource, index) | _earlier_batch(resource, index) for resource in resources
    ]
    _check_acyclic(resources, needs)
    made = {at for at, resource in enumerate(resources) if resource.made}
    return [found & made for found in needs]


def check_reference(index: Index, arguments: Iterable[Any]) -> str:
    """The target of a `reference` call. Raises TemplateError if it can't be resolved."""
    named, *more = arguments or [None]
    if not isinstance(named, str):
        raise TemplateError("The template function 'reference' expects the name or id of a resource")
    versioned = bool(more) and isinstance(more[0], str)
    if not versioned and not index.find(named):
        raise TemplateError(_undefined(named))
    return named


def _names(resource: Resource) -> set[str]:
    typed = ids.interleave(resource.type, resource.names)
    found = {resource.id, typed, resource.name}
    if resource.loop:
        found.add(resource.loop.name)
    if resource.symbol:
        # If the template has symbolic names, names refer to those only.
        found = {resource.id, resource.symbol}
        if resource.loop:
            found.add(f"{resource.symbol}[{resource.loop.index}]")
    return found


def _named(resource: Resource, index: Index) -> set[int]:
    found: set[int] = set()
    for name in resource.depends_on:
        targets = index.find(name)
        if not targets:
            raise errors.validation_failed(_undefined(name), resource.place)
        found |= set(targets)
    return found


def _referred(resource: Resource, index: Index) -> set[int]:
    """The resources that its properties reference by name. An ID alone is no dependency (facts templates.md 2.2)."""
    found: set[int] = set()

    def note(*arguments: Any) -> Any:
        name = check_reference(index, arguments)
        if not name.startswith("/"):
            found.update(index.find(name))
        return UNKNOWN

    try:
        resource.probed = None if resource.existing else resource.properties(note)
    except TemplateError as error:
        raise errors.invalid_part("resource", resource.symbol or resource.name, resource.place, error) from None
    return found


def _earlier_batch(resource: Resource, index: Index) -> set[int]:
    loop = resource.loop
    if loop is None or loop.batch is None:
        return set()
    start = (loop.index // loop.batch - 1) * loop.batch
    instances = index.find(resource.symbol or loop.name)
    return set(instances[start : start + loop.batch]) if start >= 0 else set()


def _check_acyclic(resources: list[Resource], needs: list[set[int]]) -> None:
    left = dict(enumerate(needs))
    while left:
        ready = [at for at, wanted in left.items() if not wanted & left.keys()]
        if not ready:
            first = resources[min(left)]
            raise errors.validation_failed(
                f"Circular dependency detected on resource: '{first.id}'. {errors.RESOURCES}", first.place
            )
        for at in ready:
            del left[at]


def _undefined(name: str) -> str:
    shown = name.rpartition("/providers/")[2]
    about = "Please see https://aka.ms/arm-template for usage details."
    return f"The resource '{shown}' is not defined in the template. {about}"
