"""The single resources of a template: loops expanded, children next to their parents, IDs and conditions evaluated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.resource_manager.deployments import errors, ids
from sandbox.resource_manager.deployments.context import Context, Reference
from sandbox.resource_manager.deployments.language.errors import TemplateError
from sandbox.resource_manager.deployments.language.evaluate import find_key
from sandbox.resource_manager.deployments.language.jsonc import JsonObject, place_of

DEPLOYMENTS = "Microsoft.Resources/deployments"
GROUPS = "Microsoft.Resources/resourceGroups"
LIMIT = 800
_OWN = (  # members for Resource Manager itself
    "type",
    "apiVersion",
    "name",
    "dependsOn",
    "condition",
    "copy",
    "comments",
    "metadata",
    "scope",
    "resourceGroup",
    "subscriptionId",
    "resources",
    "existing",
    "@options",
    "properties",
)
_SENT = (  # members sent to the resource provider besides the properties
    "location",
    "tags",
    "sku",
    "kind",
    "plan",
    "identity",
    "zones",
    "managedBy",
    "managedByExtended",
    "extendedLocation",
    "eTag",
    "scale",
    "placement",
)
_MEMBERS = {name.lower(): name for name in (*_OWN, *_SENT)}
_OPTIONS = {"onlyifnotexists"}


@dataclass(frozen=True)
class Loop:
    """The position of a resource in a copy loop. `batch` is None if all are created in parallel."""

    name: str
    index: int
    batch: int | None = None


@dataclass
class Resource:
    """One resource to create, or to read if it is `existing`."""

    symbol: str  # its symbolic name with languageVersion 2, otherwise ""
    type: str
    names: list[str]
    api_version: str
    id: str
    raw: dict[str, Any]
    context: Context
    condition: bool
    depends_on: list[str]
    sent: dict[str, Any]
    scopes: list[str]  # its subscription and group; no group at subscription scope
    loop: Loop | None = None
    existing: bool = False
    options: set[str] = field(default_factory=set)
    probed: Any = None  # its properties as far as they are known before the deployment (see graph.py)

    @property
    def name(self) -> str:
        return "/".join(self.names)

    @property
    def place(self) -> errors.Place:
        return place_of(self.raw)

    @property
    def nests(self) -> bool:
        return self.type.lower() == DEPLOYMENTS.lower() and not self.existing

    @property
    def made(self) -> bool:
        return self.condition and not self.existing

    def properties(self, reference: Reference) -> Any:
        """Its properties. Those of a nested deployment keep the template; with inner scope that is evaluated later."""
        raw, context = self.raw.get("properties"), self.context.but(reference=reference)
        if not self.nests or not isinstance(raw, dict):
            return context.value(raw)
        template = find_key(raw, "template")
        found = context.value({key: value for key, value in raw.items() if key != template})
        if template:
            inner = _is_inner(found)
            found[template] = raw[template] if inner else context.value(raw[template], escape=True)
        return found

    def body(self, properties: Any) -> dict[str, Any]:
        return self.sent | ({} if properties is None else {"properties": properties})


def expand(template: dict[str, Any], context: Context) -> list[Resource]:
    """All resources of a template. Raises AzureError."""
    found: list[Resource] = []
    for resource in _expand(template["resources"], context, ("", []), template["languageVersion"] == "2"):
        found.append(resource)
        if len(found) > LIMIT:
            raise errors.validation_failed(f"The number of template resources limit exceeded. Limit: '{LIMIT}'")
    _check_unique(found)
    return found


def _expand(resources: Any, context: Context, parent: tuple[str, list[str]], symbolic: bool) -> Iterator[Resource]:
    if not isinstance(resources, dict if symbolic else list):
        kind, given = ("an object", "2.0") if symbolic else ("an array", "1.0")
        raise errors.parse_failed(f"The resources of a template have to be {kind} with languageVersion '{given}'")
    for symbol, raw in resources.items() if symbolic else (("", each) for each in resources):
        members = _read(raw)
        for at, loop in _loops(symbol, members, context):
            try:
                resource = _one(symbol, members, at, loop, parent)
            except TemplateError as error:
                raise errors.invalid_part("resource", _shown_name(symbol, members), place_of(members), error) from None
            yield resource
            if "resources" in members:
                yield from _expand(members["resources"], at, (resource.type, resource.names), symbolic)


def _read(raw: Any) -> dict[str, Any]:
    """A resource with its members in the spelling used here."""
    if not isinstance(raw, dict):
        raise errors.parse_failed("Cannot deserialize a template resource: it is not an object")
    unknown = next((name for name in raw if name.lower() not in _MEMBERS), None)
    if unknown:
        line, column = place_of(raw)
        raise errors.parse_failed(
            f"Could not find member '{unknown}' on object of type 'TemplateResource'. Path '{unknown}', line {line}, "
            f"position {column}.",
            (line, column),
        )
    members = JsonObject((_MEMBERS[name.lower()], value) for name, value in raw.items())
    members.line, members.column = place_of(raw)
    return members


def _loops(symbol: str, members: dict[str, Any], context: Context) -> Iterator[tuple[Context, Loop | None]]:
    copy = members.get("copy")
    if copy is None:
        yield context, None
        return
    try:
        name, count, batch = _read_copy(symbol, copy, context)
    except TemplateError as error:
        raise errors.invalid_part("resource", _shown_name(symbol, members), place_of(members), error) from None
    for index in range(count):
        yield context.with_copy(name, index), Loop(name, index, batch)


def _read_copy(symbol: str, copy: Any, context: Context) -> tuple[str, int, int | None]:
    if not isinstance(copy, dict):
        raise TemplateError("The copy definition of a resource has to be an object")
    name = context.value(copy.get("name", symbol))
    if not isinstance(name, str) or not name:
        raise TemplateError("The copy definition has to have a name")
    count = context.count_of(copy.get("count"))
    serial = str(context.value(copy.get("mode", "parallel"))).lower() == "serial"
    batch = context.value(copy.get("batchSize", 1))
    if serial and (not isinstance(batch, int) or batch < 1):
        raise TemplateError(f"The batch size '{batch}' of a copy definition has to be a positive integer")
    return name, count, batch if serial else None


def _one(
    symbol: str, members: dict[str, Any], context: Context, loop: Loop | None, parent: tuple[str, list[str]]
) -> Resource:
    kind, name, version = (_text(members, member, context) for member in ("type", "name", "apiVersion"))
    parent_type, parent_names = parent
    full_type = f"{parent_type}/{kind}" if parent_type else kind
    names = [*parent_names, *name.split("/")]
    if not ids.fits(full_type, names):
        raise _wrong_segments("/".join(names), full_type, place_of(members))
    existing = context.value(members.get("existing", False)) is True
    scopes = _scopes(members, full_type, context, existing)
    return Resource(
        symbol=symbol,
        type=full_type,
        names=names,
        api_version=version,
        id=_id(members, context, full_type, names, scopes),
        raw=members,
        context=context,
        condition=_condition(members, context),
        depends_on=_depends_on(members, context),
        sent=context.value({key: members[key] for key in _SENT if key in members}),
        scopes=scopes,
        loop=loop,
        existing=existing,
        options=_options(members),
    )


def _text(members: dict[str, Any], member: str, context: Context) -> str:
    if member not in members:
        line, column = place_of(members)
        raise errors.parse_failed(
            f"Required property '{member}' not found in JSON. Path '', line {line}, position {column}.", (line, column)
        )
    value = context.value(members[member])
    if not isinstance(value, str) or not value:
        raise TemplateError(f"The property '{member}' of a resource has to be a string that is not empty")
    return value


def _condition(members: dict[str, Any], context: Context) -> bool:
    value = context.value(members.get("condition", True))
    if not isinstance(value, bool):
        raise TemplateError(f"The condition '{value}' of a resource has to be a boolean")
    return value


def _depends_on(members: dict[str, Any], context: Context) -> list[str]:
    wanted = context.value(members.get("dependsOn", []))
    if not isinstance(wanted, list) or not all(isinstance(each, str) for each in wanted):
        raise TemplateError("The property 'dependsOn' of a resource has to be an array of strings")
    return wanted


def _options(members: dict[str, Any]) -> set[str]:
    given = members.get("@options") or {}
    if not isinstance(given, dict):
        raise TemplateError("The property '@options' of a resource has to be an object")
    unknown = next((name for name in given if name.lower() not in _OPTIONS), None)
    if unknown:
        # including `retryOn`: the wait between attempts, and the failures it applies to, are not published
        raise TemplateError(f"The sandbox does not know what the option '{unknown}' does")
    return {name.lower() for name in given}


def _scopes(members: dict[str, Any], full_type: str, context: Context, existing: bool) -> list[str]:
    """The subscription and group of a resource: those of the deployment, unless it specifies others."""
    own = context.surroundings.scopes
    if full_type.lower() == GROUPS.lower():
        return own[:1]
    asked = {key: context.value(members[key]) for key in ("subscriptionId", "resourceGroup") if members.get(key)}
    if not all(isinstance(value, str) for value in asked.values()):
        raise TemplateError("'subscriptionId' and 'resourceGroup' of a resource have to be strings")
    if asked and not existing and full_type.lower() != DEPLOYMENTS.lower():
        raise TemplateError(
            f"The properties 'subscriptionId' and 'resourceGroup' are for resources of type '{DEPLOYMENTS}'"
        )
    if asked.get("resourceGroup"):
        return [asked.get("subscriptionId", own[0]), asked["resourceGroup"]]
    if "subscriptionId" in asked:
        # With a location it is a deployment at subscription scope, as Bicep writes it.
        return [asked["subscriptionId"], *([] if "location" in members else own[1:])]
    return own


def _id(members: dict[str, Any], context: Context, full_type: str, names: list[str], scopes: list[str]) -> str:
    own = ids.scope_of(scopes[0], scopes[1] if len(scopes) > 1 else None)
    if full_type.lower() == GROUPS.lower():
        return f"{own}/resourceGroups/{names[0]}"
    scope = context.value(members.get("scope"))
    if scope is None:
        return ids.provider_id(own, full_type, names)
    if not isinstance(scope, str) or not scope.strip("/"):
        raise TemplateError("The sandbox has no tenant to deploy to: 'scope' has to be the id of a resource")
    below = scope if scope.startswith("/") else f"{own}/providers/{scope}"
    return ids.provider_id(below, full_type, names)


def _is_inner(properties: dict[str, Any]) -> bool:
    options = properties.get(find_key(properties, "expressionEvaluationOptions") or "") or {}
    return isinstance(options, dict) and str(options.get(find_key(options, "scope") or "", "")).lower() == "inner"


def _check_unique(resources: list[Resource]) -> None:
    seen: set[str] = set()
    for resource in resources:
        if resource.made and resource.id.lower() in seen:
            line, column = resource.place
            raise errors.validation_failed(
                f"The resource '{ids.interleave(resource.type, resource.names)}' at line '{line}' and column "
                f"'{column}' is defined multiple times in a template. {errors.RESOURCES}",
                resource.place,
            )
        if resource.made:
            seen.add(resource.id.lower())


def _shown_name(symbol: str, members: dict[str, Any]) -> str:
    name = members.get("name")
    return symbol or (name if isinstance(name, str) else "")


def _wrong_segments(name: str, kind: str, place: errors.Place) -> Exception:
    return errors.validation_failed(
        f"The template resource '{name}' for type '{kind}' at line '{place[0]}' and column '{place[1]}' has incorrect "
        "segment lengths. A nested resource type must have identical number of segments as its resource name. A root "
        f"resource type must have segment length one greater than its resource name. {errors.RESOURCES}",
        place,
    )
