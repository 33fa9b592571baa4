"""What the expressions of a template can access besides their arguments: parameters, variables, the scope."""

from __future__ import annotations

import copy
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from sandbox.resource_manager.deployments.errors import PARAMETERS
from sandbox.resource_manager.deployments.ids import provider_id, resource_id
from sandbox.resource_manager.deployments.language import expressions
from sandbox.resource_manager.deployments.language.errors import FUNCTIONS as ABOUT_FUNCTIONS
from sandbox.resource_manager.deployments.language.errors import TemplateError
from sandbox.resource_manager.deployments.language.evaluate import Function, Unknown, evaluate
from sandbox.resource_manager.deployments.language.functions import FUNCTIONS

_CALLS = 20  # the maximum depth of calls of user-defined functions
_TIME = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}

Reference = Callable[..., Any]


@dataclass(frozen=True)
class Surroundings:
    """The scope of a deployment, as its functions return it. `group` is None at subscription scope."""

    subscription: dict[str, Any]
    tenant: dict[str, Any]
    environment: dict[str, Any]
    deployment: dict[str, Any]
    deployer: dict[str, Any]
    group: dict[str, Any] | None = None
    now: float = 0.0

    @property
    def scopes(self) -> list[str]:
        """The subscription ID and the group name, as they are written."""
        return [self.subscription["subscriptionId"], *([self.group["name"]] if self.group else [])]


def no_reference(*arguments: Any) -> Any:
    raise TemplateError(f"The template function 'reference' is not expected at this location. {ABOUT_FUNCTIONS}")


@dataclass
class Context:
    """`parameters` and `variables` are looked up by name in lowercase and may raise TemplateError."""

    surroundings: Surroundings
    parameters: Callable[[str], Any]
    variables: Callable[[str], Any]
    own_functions: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    reference: Reference = no_reference
    copies: tuple[tuple[str, int], ...] = ()  # the enclosing loops, innermost last
    in_default: bool = False
    depth: int = 0

    def but(self, **changes: Any) -> Context:
        changed = copy.copy(self)
        changed.__dict__.update(changes)
        return changed

    def with_copy(self, name: str, index: int) -> Context:
        return self.but(copies=(*self.copies, (name, index)))

    def value(self, raw: Any, *, escape: bool = False) -> Any:
        """A value of the template with all expressions evaluated. Values that aren't known yet are Unknown.

        With `escape`, the result is an equivalent template again, for nested deployments with outer scope.
        """
        if isinstance(raw, dict):
            return self._object(raw, escape)
        if isinstance(raw, list):
            return [self.value(item, escape=escape) for item in raw]
        if not isinstance(raw, str):
            return raw
        if not expressions.is_expression(raw):
            return raw if escape else expressions.unescape(raw)
        result = evaluate(expressions.parse(raw[1:-1]), self.lookup)
        if isinstance(result, Unknown):
            return Unknown(raw)
        return _escaped(result) if escape else result

    def lookup(self, name: str) -> Function | None:
        if name in FUNCTIONS:
            return FUNCTIONS[name]
        if name in self.own_functions:
            return lambda *arguments: self._own(name, arguments)
        method = _METHODS.get(name)
        return method.__get__(self) if method else None

    def _object(self, raw: dict[str, Any], escape: bool) -> dict[str, Any]:
        found = {}
        for key, value in raw.items():
            if key.lower() == "copy" and isinstance(value, list) and not escape:
                found |= {loop["name"]: items for loop, items in map(self._loop, value)}
            else:
                found[self._key(key, escape)] = self.value(value, escape=escape)
        return found

    def _key(self, raw: str, escape: bool) -> str:
        if not expressions.is_expression(raw):
            return raw
        key = self.value(raw, escape=escape)
        if not isinstance(key, str):
            raise TemplateError(f"The property name '{raw}' does not evaluate to a string")  # from memory
        return key

    def _loop(self, loop: Any) -> tuple[dict[str, Any], list[Any]]:
        """A loop that creates the values of a property: {"name", "count", "input"}."""
        if not isinstance(loop, dict) or not isinstance(loop.get("name"), str) or "input" not in loop:
            raise TemplateError("The copy definition has to have 'name', 'count' and 'input'")  # from memory
        return loop, self.repeat(loop["name"], loop.get("count"), loop["input"])

    def repeat(self, name: str, raw_count: Any, raw: Any) -> list[Any]:
        """The values of a loop."""
        return [self.with_copy(name, index).value(raw) for index in range(self.count_of(raw_count))]

    def count_of(self, raw: Any) -> int:
        count = self.value(raw)
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= 800:
            raise TemplateError(
                f"The template copy definition has a count '{count}' that is not an integer between 0 and 800. Please "
                "see https://aka.ms/arm-copy for usage details"
            )
        return count

    def _own(self, name: str, arguments: tuple[Any, ...]) -> Any:
        """A user-defined function, which can access only its arguments."""
        definition = self.own_functions[name]
        names = [parameter["name"].lower() for parameter in definition.get("parameters") or ()]
        if len(names) != len(arguments) or self.depth >= _CALLS:
            raise TemplateError(f"The template function '{name}' can't be called like this. {ABOUT_FUNCTIONS}")
        values = dict(zip(names, arguments, strict=True))
        inner = Context(self.surroundings, finder(values, "parameter"), finder({}, "variable"), self.own_functions)
        return inner.but(depth=self.depth + 1).value(definition["output"]["value"])

    # The functions. Their arguments are those in the template.

    def _parameter(self, name: Any) -> Any:
        return self.parameters(_name("parameters", name))

    def _variable(self, name: Any) -> Any:
        return self.variables(_name("variables", name))

    def _reference(self, *arguments: Any) -> Any:
        return self.reference(*arguments)

    def _resource_id(self, *arguments: Any) -> str:
        return resource_id("resourceId", arguments, self.surroundings.scopes)

    def _subscription_resource_id(self, *arguments: Any) -> str:
        return resource_id("subscriptionResourceId", arguments, self.surroundings.scopes[:1])

    def _tenant_resource_id(self, *arguments: Any) -> str:
        return resource_id("tenantResourceId", arguments, [])

    def _extension_resource_id(self, scope: Any, *arguments: Any) -> str:
        if not isinstance(scope, str) or not scope.startswith("/"):
            raise TemplateError(
                f"Unable to evaluate template language function 'extensionResourceId': '{scope}' is not a resource id. "
                f"{ABOUT_FUNCTIONS}"
            )
        below = resource_id("extensionResourceId", arguments, [])
        return provider_id(scope, *_split(below.removeprefix("/providers/")))

    def _copy_index(self, *arguments: Any) -> int:
        loop = arguments[0] if arguments and isinstance(arguments[0], str) else None
        offsets = arguments[1:] if loop is not None else arguments
        found = [index for name, index in self.copies if loop is None or name.lower() == loop.lower()]
        if not found or len(offsets) > 1 or not all(isinstance(offset, int) for offset in offsets):
            raise TemplateError(
                "The template function 'copyIndex' is not expected at this location. The function can only be used in "
                "a resource with copy specified. Please see https://aka.ms/arm-copy for usage details"
            )
        return found[-1] + sum(offsets)

    def _resource_group(self) -> Any:
        if self.surroundings.group is None:
            raise TemplateError(
                f"The template function 'resourceGroup' is not expected at this location. {ABOUT_FUNCTIONS}"
            )
        return self.surroundings.group

    def _new_guid(self) -> str:
        self._only_in_default("newGuid")
        return str(uuid.uuid4())

    def _utc_now(self, pattern: Any = "yyyyMMddTHHmmssZ") -> str:
        self._only_in_default("utcNow")
        moment = datetime.fromtimestamp(self.surroundings.now, timezone.utc)
        return re.sub("|".join(_TIME), lambda match: moment.strftime(_TIME[match[0]]), _name("utcNow", pattern))

    def _only_in_default(self, name: str) -> None:
        if not self.in_default:
            raise TemplateError(
                f"The template function '{name}' is not expected at this location. It can only be used in the default "
                f"value of a parameter. {ABOUT_FUNCTIONS}"
            )


def finder(values: Mapping[str, Any], kind: str) -> Callable[[str], Any]:
    """A lookup of parameters or variables whose values are all known."""

    def find(name: str) -> Any:
        if name.lower() not in values:
            raise not_found(kind, name)
        return values[name.lower()]

    return find


def not_found(kind: str, name: str) -> TemplateError:
    about = PARAMETERS if kind == "parameter" else "Please see https://aka.ms/arm-syntax-variables for usage details."
    return TemplateError(f"The template {kind} '{name}' is not found. {about}")


def _escaped(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _escaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_escaped(item) for item in value]
    return expressions.escape(value) if isinstance(value, str) else value


def _name(function: str, name: Any) -> str:
    if not isinstance(name, str):
        raise TemplateError(
            f"Unable to evaluate template language function '{function}': the argument is not a string. "
            f"{ABOUT_FUNCTIONS}"
        )
    return name


def _split(path: str) -> tuple[str, list[str]]:
    namespace, *rest = path.split("/")
    return "/".join([namespace, *rest[::2]]), rest[1::2]


_METHODS: dict[str, Callable[..., Any]] = {
    "parameters": Context._parameter,
    "variables": Context._variable,
    "reference": Context._reference,
    "resourceid": Context._resource_id,
    "subscriptionresourceid": Context._subscription_resource_id,
    "tenantresourceid": Context._tenant_resource_id,
    "extensionresourceid": Context._extension_resource_id,
    "copyindex": Context._copy_index,
    "resourcegroup": Context._resource_group,
    "newguid": Context._new_guid,
    "utcnow": Context._utc_now,
    "subscription": lambda context: context.surroundings.subscription,
    "tenant": lambda context: context.surroundings.tenant,
    "deployment": lambda context: context.surroundings.deployment,
    "deployer": lambda context: context.surroundings.deployer,
    "environment": lambda context: context.surroundings.environment,
}
