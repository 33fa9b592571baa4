"""The parameters of a template: given values, defaults, and validation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.core.web import AzureError
from sandbox.resource_manager.deployments import errors
from sandbox.resource_manager.deployments.context import Context, not_found
from sandbox.resource_manager.deployments.errors import PARAMETERS
from sandbox.resource_manager.deployments.language.errors import TemplateError
from sandbox.resource_manager.deployments.language.evaluate import find_key, has_unknown, is_number
from sandbox.resource_manager.deployments.language.jsonc import place_of

TYPES = ("String", "SecureString", "Int", "Bool", "Object", "SecureObject", "Array")
_LIMIT = 256
_FILE = "Please see https://aka.ms/arm-create-parameter-file for usage details"
_HOLDS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "int": is_number,
    "bool": lambda value: isinstance(value, bool),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
}
# The names of JSON types in messages.
_JSON_TYPES = {str: "String", bool: "Boolean", int: "Integer", float: "Float", dict: "Object", list: "Array"}


@dataclass(frozen=True)
class Parameter:
    name: str
    type: str  # one of TYPES
    value: Any

    @property
    def secret(self) -> bool:
        return self.type.startswith("Secure")


def settle(template: dict[str, Any], given: dict[str, Any], context: Context) -> dict[str, Parameter]:
    """The parameters by name in lowercase. Defaults may use other parameters. Raises AzureError."""
    definitions = template.get("parameters") or {}
    if len(definitions) > _LIMIT:
        raise errors.validation_failed(
            f"The number of template parameters limit exceeded. Limit: '{_LIMIT}' and actual: '{len(definitions)}'"
        )
    _check_names(definitions, given)
    settler = _Settler(template, given, context)
    return {name.lower(): settler.settle(name) for name in definitions}


def finder(parameters: dict[str, Parameter]) -> Callable[[str], Any]:
    def find(name: str) -> Any:
        if name.lower() not in parameters:
            raise not_found("parameter", name)
        return parameters[name.lower()].value

    return find


def typed(template: dict[str, Any], definition: Any, what: str) -> str:
    """The type of a parameter or output, from itself or from the definition that it references."""
    definition = resolve(template, definition)
    name = definition.get("type") if isinstance(definition, dict) else None
    found = next((known for known in TYPES if isinstance(name, str) and known.lower() == name.lower()), None)
    if found is None:
        known = ", ".join(TYPES)
        raise TemplateError(f"The type '{name}' of the {what} is not one of '{known}'. {PARAMETERS}")
    return found


def resolve(template: dict[str, Any], definition: Any) -> Any:
    """A definition merged with the definitions that it references (languageVersion 2)."""
    seen = 0
    while isinstance(definition, dict) and "$ref" in definition:
        name = str(definition["$ref"]).removeprefix("#/definitions/")
        target = (template.get("definitions") or {}).get(name)
        seen += 1
        if not isinstance(target, dict) or seen > _LIMIT:
            raise TemplateError(f"The type definition '{definition['$ref']}' is not found. {PARAMETERS}")
        definition = {**target, **{key: value for key, value in definition.items() if key != "$ref"}}
    return definition


def _check_names(definitions: dict[str, Any], given: dict[str, Any]) -> None:
    unknown = [name for name in given if find_key(definitions, name) is None]
    if unknown:
        raise errors.validation_failed(
            f"The template parameters '{', '.join(unknown)}' in the parameters file are not valid; they are not "
            "present in the original template and can therefore not be provided at deployment time. The only supported "
            f"parameters for this template are '{', '.join(definitions)}'. Please see "
            "https://aka.ms/arm-pass-parameter-values for usage details."
        )


class _Settler:
    """Evaluates parameters one by one. Parameters that a default uses are evaluated first."""

    def __init__(self, template: dict[str, Any], given: dict[str, Any], context: Context):
        self._template = template
        self._definitions = template.get("parameters") or {}
        self._given = {name.lower(): value for name, value in given.items()}
        self._settled: dict[str, Parameter] = {}
        self._under_way: set[str] = set()
        self._context = context.but(parameters=self._find, in_default=True)

    def settle(self, name: str) -> Parameter:
        key = name.lower()
        if key in self._under_way:
            raise TemplateError(f"The default value of parameter '{name}' refers to itself. {PARAMETERS}")
        if key not in self._settled:
            self._under_way.add(key)
            self._settled[key] = self._read(name)
            self._under_way.discard(key)
        return self._settled[key]

    def _find(self, name: str) -> Any:
        key = find_key(self._definitions, name)
        if key is None:
            raise not_found("parameter", name)
        return self.settle(key).value

    def _read(self, name: str) -> Parameter:
        raw = self._definitions[name]
        place = place_of(raw)
        try:
            definition = resolve(self._template, raw)
            kind = typed(self._template, definition, f"parameter '{name}'")
            value = self._value(name, definition, place)
        except TemplateError as error:
            raise errors.invalid_part("parameter", name, place, error) from None
        parameter = Parameter(name, kind, value)
        if value is not None or not definition.get("nullable"):
            check(parameter, definition, place)
        return parameter

    def _value(self, name: str, definition: dict[str, Any], place: errors.Place) -> Any:
        given = self._given.get(name.lower())
        if isinstance(given, dict) and "value" in given:
            return given["value"]
        if isinstance(given, dict) and "reference" in given:
            # The sandbox's vaults hold no secrets.
            raise TemplateError("The sandbox can't read the secret that the parameter refers to")
        if "defaultValue" in definition:
            return self._context.value(definition["defaultValue"])
        if definition.get("nullable"):
            return None
        raise errors.validation_failed(
            f"The value for the template parameter '{name}' at line '{place[0]}' and column '{place[1]}' is not "
            "provided. Please see https://aka.ms/arm-create-parameter-file for usage details.",
            place,
        )


def check(parameter: Parameter, definition: dict[str, Any], place: errors.Place) -> None:
    """Reject a value of another type, one that is not allowed, one that is too small or too large."""
    value, kind = parameter.value, parameter.type.removeprefix("Secure").lower()
    if has_unknown(value):
        return
    if not _HOLDS[kind](value):
        expected = {"string": "String, Uri", "int": "Integer", "bool": "Boolean"}.get(kind, kind.capitalize())
        actual = _JSON_TYPES.get(type(value), "Null")
        raise errors.validation_failed(
            f"The provided value for the template parameter '{parameter.name}' is not valid. Expected a value of type "
            f"'{expected}', but received a value of type '{actual}'. {_FILE}.",
            place,
        )
    allowed = definition.get("allowedValues")
    if isinstance(allowed, list) and not _among(value, allowed):
        shown = ",".join(str(each) for each in allowed)
        given = None if parameter.secret else str(value)
        raise _wrong(parameter, place, f"The parameter value is not part of the allowed value(s): '{shown}'.", given)
    measure = value if kind == "int" else len(value) if kind in ("string", "array") else None
    what, suffix = ("The value", "Value") if kind == "int" else ("Length of the value", "Length")
    limits = definition.get(f"min{suffix}"), definition.get(f"max{suffix}")
    if measure is not None and is_number(limits[0]) and measure < limits[0]:
        raise _wrong(parameter, place, f"{what} should be greater than or equal to '{limits[0]}'. {PARAMETERS}")
    if measure is not None and is_number(limits[1]) and measure > limits[1]:
        raise _wrong(parameter, place, f"{what} should be less than or equal to '{limits[1]}'. {PARAMETERS}")


def _among(value: Any, allowed: list[Any]) -> bool:
    if isinstance(value, list) and not any(isinstance(each, list) for each in allowed):
        return all(each in allowed for each in value)
    return value in allowed


def _wrong(parameter: Parameter, place: errors.Place, why: str, shown: str | None = None) -> AzureError:
    value = f"value '{shown}'" if shown is not None else "value"
    where = f"at line '{place[0]}' and column '{place[1]}'"
    return errors.validation_failed(
        f"The provided {value} for the template parameter '{parameter.name}' {where} is not valid. {why}", place
    )
