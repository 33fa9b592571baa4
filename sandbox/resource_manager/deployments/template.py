"""Turns a template and the values of its parameters into a plan: the resources to create, and their order.

Pure: nothing is created here, and nothing requested from Azure. Errors in a template are raised as the AzureError with
which Resource Manager rejects it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.resource_manager.deployments import errors, graph, parameters, resources
from sandbox.resource_manager.deployments.context import Context, Reference, Surroundings, not_found
from sandbox.resource_manager.deployments.errors import PARAMETERS
from sandbox.resource_manager.deployments.language.errors import TemplateError
from sandbox.resource_manager.deployments.language.evaluate import UNKNOWN, Unknown, find_key
from sandbox.resource_manager.deployments.language.jsonc import place_of
from sandbox.resource_manager.deployments.parameters import Parameter
from sandbox.resource_manager.deployments.resources import Resource

_REQUIRED = ("$schema", "contentVersion", "resources")
_MEMBERS = (
    *_REQUIRED,
    "languageVersion",
    "apiProfile",
    "metadata",
    "definitions",
    "functions",
    "parameters",
    "variables",
    "outputs",
)
_OBJECTS = ("definitions", "parameters", "variables", "outputs")
_TYPES = {"string": str, "int": int, "bool": bool, "object": dict, "array": list}


@dataclass
class Plan:
    """What a deployment does. `needs` has for each resource the indexes of its dependencies."""

    parameters: dict[str, Parameter]
    context: Context
    resources: list[Resource]
    needs: list[set[int]]
    index: graph.Index
    outputs: dict[str, Any]
    template: dict[str, Any]

    def evaluate_outputs(self, reference: Reference) -> tuple[dict[str, Any], dict[str, TemplateError]]:
        """The outputs as they are returned, and the errors of the others."""
        context, shown, wrong = self.context.but(reference=reference), {}, {}
        for name, definition in self.outputs.items():
            value = _try_output(self.template, definition, context)
            if isinstance(value, TemplateError):
                wrong[name] = value
            elif value is not None:
                shown[name] = value
        return shown, wrong


def read(template: dict[str, Any], given: dict[str, Any], surroundings: Surroundings) -> Plan:
    """The plan of a template. Raises AzureError."""
    try:
        return _read(_canonical(template), given, surroundings)
    except TemplateError as error:
        raise errors.evaluation_failed(error) from None
    except RecursionError:
        raise errors.evaluation_failed(TemplateError("The template refers to itself too deeply")) from None


def _read(template: dict[str, Any], given: dict[str, Any], surroundings: Surroundings) -> Plan:
    own_functions = _own_functions(template.get("functions") or [])
    context = Context(surroundings, _unavailable("parameter"), _unavailable("variable"), own_functions)
    settled = parameters.settle(template, given, context)
    variables = _Variables(template.get("variables") or {})
    context = context.but(parameters=parameters.finder(settled), variables=variables.find)
    variables.context = context
    variables.check()
    found = resources.expand(template, context)
    index = graph.Index(found)
    needs = graph.connect(found, index)
    plan = Plan(settled, context, found, needs, index, template.get("outputs") or {}, template)
    _check_outputs(plan)
    return plan


def _canonical(template: dict[str, Any]) -> dict[str, Any]:
    """The template with its members spelled as documented, and with a one-digit languageVersion."""
    line, column = place_of(template)
    known = {name.lower(): name for name in _MEMBERS}
    unknown = next((name for name in template if name.lower() not in known), None)
    where = f"line {line}, position {column}"
    if unknown:
        raise errors.parse_failed(f"Could not find member '{unknown}' on object of type 'Template'. {where}.")
    found = {known[name.lower()]: value for name, value in template.items()}
    missing = next((name for name in _REQUIRED if found.get(name) is None), None)
    if missing:
        path = "Path 'properties.template'"
        raise errors.parse_failed(f"Required property '{missing}' not found in JSON. {path}, {where}.", (line, column))
    wrong = next((name for name in _OBJECTS if not isinstance(found.get(name), dict | None)), None)
    if wrong:
        raise errors.parse_failed(f"The property '{wrong}' of a template has to be an object")
    version = str(found.get("languageVersion") or "1.0").partition("-")[0]
    if version not in ("1.0", "2.0", "2.1", "2.2"):
        raise errors.parse_failed(f"The language version '{version}' is not supported")
    return found | {"languageVersion": version[0]}


def _own_functions(namespaces: Any) -> dict[str, dict[str, Any]]:
    try:
        return {
            f"{entry['namespace']}.{name}".lower(): member
            for entry in namespaces
            for name, member in entry["members"].items()
            if member["output"]["value"] is not None
        }
    except (KeyError, TypeError, AttributeError):
        raise errors.parse_failed("The functions of a template need 'namespace', 'members' and an 'output'") from None


def _unavailable(kind: str) -> Callable[[str], Any]:
    def find(name: str) -> Any:
        raise not_found(kind, name)

    return find


class _Variables:
    """Variables are evaluated when they are used, as they may use each other."""

    context: Context

    def __init__(self, raw: dict[str, Any]):
        self._raw = {name: value for name, value in raw.items() if name.lower() != "copy"}
        loops = next((value for name, value in raw.items() if name.lower() == "copy"), [])
        if not isinstance(loops, list) or not all(isinstance(each, dict) and "name" in each for each in loops):
            raise errors.parse_failed("The property 'copy' of the variables has to be an array of named definitions")
        self._loops = {str(loop["name"]): loop for loop in loops}
        self._known: dict[str, Any] = {}
        self._under_way: set[str] = set()

    def check(self) -> None:
        """Evaluate all variables."""
        for name in (*self._raw, *self._loops):
            self._check(name)

    def _check(self, name: str) -> None:
        try:
            self.find(name)
        except TemplateError as error:
            raise errors.invalid_part("variable", name, place_of(self._raw.get(name)), error) from None

    def find(self, name: str) -> Any:
        key = name.lower()
        if key not in self._known:
            if key in self._under_way:
                raise TemplateError(f"The template variable '{name}' refers to itself")  # from memory
            self._under_way.add(key)
            self._known[key] = self._value(name)
            self._under_way.discard(key)
        return self._known[key]

    def _value(self, name: str) -> Any:
        plain, loop = find_key(self._raw, name), find_key(self._loops, name)
        if plain is not None:
            return self.context.value(self._raw[plain])
        if loop is not None:
            definition = self._loops[loop]
            return self.context.repeat(loop, definition.get("count"), definition.get("input"))
        raise not_found("variable", name)


def _check_outputs(plan: Plan) -> None:
    """Reject outputs that can't be evaluated whatever the deployment's results are."""

    def note(*arguments: Any) -> Any:
        graph.check_reference(plan.index, arguments)
        return UNKNOWN

    _, wrong = plan.evaluate_outputs(note)
    for name, error in wrong.items():
        raise errors.invalid_part("output", name, place_of(plan.outputs[name]), error)


def _try_output(template: dict[str, Any], definition: Any, context: Context) -> dict[str, Any] | TemplateError | None:
    try:
        return _output(template, definition, context)
    except TemplateError as error:
        return error


def _output(template: dict[str, Any], definition: Any, context: Context) -> dict[str, Any] | None:
    """An output as it is returned; None if its condition is false."""
    if not isinstance(definition, dict):
        raise TemplateError("It has to be an object")
    kind = parameters.typed(template, definition, "output")
    if context.value(definition.get("condition", True)) is False:
        return None
    loop = definition.get("copy")
    if isinstance(loop, dict):
        value = context.repeat("", loop.get("count"), loop.get("input"))
    elif "value" in definition:
        value = context.value(definition["value"])
    else:
        raise TemplateError("It has neither a value nor a copy definition")
    nullable = value is None and definition.get("nullable")
    if not isinstance(value, Unknown) and not nullable:
        _check_type(kind, value)
    return {"type": kind} if kind.startswith("Secure") else {"type": kind, "value": value}


def _check_type(kind: str, value: Any) -> None:
    expected = _TYPES[kind.removeprefix("Secure").lower()]
    if not isinstance(value, expected) or (isinstance(value, bool) and expected is not bool):
        actual = {dict: "Object", list: "Array", bool: "Boolean", int: "Integer", str: "String"}.get(
            type(value), "Null"
        )
        shown = {"String": "String, Uri"}.get(kind.removeprefix("Secure"), kind)
        raise TemplateError(
            f"Template output JToken type is not valid. Expected '{shown}'. Actual '{actual}'. {PARAMETERS}"
        )
