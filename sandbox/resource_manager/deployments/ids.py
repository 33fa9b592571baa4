"""Resource IDs from types and names."""

from __future__ import annotations

from typing import Any

from sandbox.resource_manager.deployments.language.errors import TemplateError


def interleave(resource_type: str, names: list[str]) -> str:
    """`Microsoft.KeyVault/vaults/v/keys/k` from type and names."""
    namespace, *kinds = resource_type.split("/")
    return "/".join([namespace, *(part for pair in zip(kinds, names, strict=True) for part in pair)])


def provider_id(scope: str, resource_type: str, names: list[str]) -> str:
    return f"{scope.rstrip('/')}/providers/{interleave(resource_type, names)}"


def fits(resource_type: str, names: list[str]) -> bool:
    """Whether the type has a namespace and as many segments as there are names, none of them empty."""
    parts = resource_type.split("/")
    return len(parts) == len(names) + 1 and all(parts) and all(names)


def scope_of(subscription: str, group: str | None) -> str:
    return f"/subscriptions/{subscription}" + (f"/resourceGroups/{group}" if group else "")


def resource_id(function: str, arguments: tuple[Any, ...], scopes: list[str]) -> str:
    """The result of `resourceId` and similar functions. `scopes` are the defaults of the optional arguments before
    the type: for `resourceId` the IDs of the subscription and the group, whose last segments the arguments replace."""
    if not all(isinstance(argument, str) for argument in arguments):
        raise _wrong(function, "all arguments have to be strings")
    at = next((at for at, argument in enumerate(arguments) if "/" in argument), None)
    if at is None or at > len(scopes):
        raise _wrong(function, "the first argument that is not a scope has to be a resource type")
    resource_type, names = arguments[at].strip("/"), list(arguments[at + 1 :])
    if not fits(resource_type, names):
        count = resource_type.count("/")
        raise _wrong(function, f"the type '{resource_type}' requires '{count}' resource name argument(s)")
    given = list(arguments[:at])
    settled = [*scopes[: len(scopes) - at], *given]
    labels = ("subscriptions", "resourceGroups")
    scope = "".join(f"/{label}/{name}" for label, name in zip(labels, settled, strict=False))
    return provider_id(scope, resource_type, names)


def _wrong(function: str, reason: str) -> TemplateError:
    return TemplateError(
        f"Unable to evaluate template language function '{function}': {reason}. Please see "
        "https://aka.ms/arm-resource-functions/#resourceid for usage details."
    )
