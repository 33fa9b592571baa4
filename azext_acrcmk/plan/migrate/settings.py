"""Which settings of the old registry the new one gets, and in which order (migrate facts 3). Pure.

A setting that the new registry has already is not set again; one that it has otherwise is set as in the old one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field
from shlex import quote
from typing import Any

from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.arm_guid import arm_guid
from azext_acrcmk.model.ids import REGISTRY_TYPE, ROLE_ASSIGNMENT_TYPE, Id, Scope, same, same_region
from azext_acrcmk.model.settings import (
    CACHE_RULES,
    CREDENTIAL_SETS,
    DIAGNOSTICS,
    LOCKS,
    REPLICATIONS,
    ROLES,
    SCOPE_MAPS,
    TOKENS,
    WEBHOOKS,
    Settings,
)
from azext_acrcmk.model.state import Unknown
from azext_acrcmk.model.value import Value, immutable

DIAGNOSTICS_TYPE = "Microsoft.Insights/diagnosticSettings"
LOCKS_TYPE = "Microsoft.Authorization/locks"


@immutable
class Setting(Value):
    """One setting to make: PUT `body` at `path`; PATCH for properties of the registry itself (`patch`)."""

    kind: str
    name: str
    path: str
    version: str
    body: dict[str, Any] = field(hash=False)
    patch: bool = False


@immutable
class LeftSetting(Value):
    """What is not copied, why, and the command or the place to do it."""

    what: str
    why: str
    command: str | None = None


def counts(settings: Settings) -> dict[str, int | None]:
    """How many of each kind somebody has made on the registry itself; None is what can't be read."""
    own = {
        ROLES: own_roles(settings),
        LOCKS: own_locks(settings),
        SCOPE_MAPS: [each for each in settings.of(SCOPE_MAPS) if not _is_system_map(each)],
        REPLICATIONS: [each for each in settings.of(REPLICATIONS) if not _is_home(each, settings)],
    }
    return {
        kind: None if isinstance(found, Unknown) else len(own.get(kind, found))
        for kind, found in settings.lists.items()
    }


def network_setting(source: Settings, target: Settings) -> Setting | None:
    """The addresses that are let through, which are needed before images can be listed."""
    rules = _rules(source).get("ipRules")
    has = _rules(target)
    if not rules or _normal(has.get("ipRules")) == _normal(rules):
        return None
    action = has.get("defaultAction") or "Allow"
    return _patch(target, "network rules", {"networkRuleSet": {"defaultAction": action, "ipRules": rules}})


def settings_to_make(source: Settings, target: Settings) -> tuple[Setting, ...]:
    """In the order in which one needs the other: scope maps before tokens, replications after the images, the webhooks
    of a replica after it, policies that delete and locks last. What of the new registry can't be read is not set: it
    could be there, and otherwise."""
    webhooks: dict[bool, list[Setting]] = {True: [], False: []}
    for each in _webhooks(source, target):
        webhooks[same_region(each.body["location"], target.registry.location)].append(each)
    return tuple(
        each
        for some in (
            _scope_maps(source, target),
            _tokens(source, target),
            _credential_sets(source, target),
            _cache_rules(source, target),
            webhooks[True],
            _diagnostics(source, target),
            _roles(source, target),
            _replications(source, target),
            webhooks[False],
            _policies(source, target),
            _locks(source, target),
        )
        for each in some
        if not isinstance(target.lists.get(each.kind), Unknown)
    )


def _scope_maps(source: Settings, target: Settings) -> Iterator[Setting]:
    for body in source.of(SCOPE_MAPS):
        properties = _properties(body)
        if _is_system_map(body):
            continue
        wanted = {name: properties[name] for name in ("description", "actions") if properties.get(name) is not None}
        yield from _child(target, SCOPE_MAPS, body, {"properties": wanted})


def _tokens(source: Settings, target: Settings) -> Iterator[Setting]:
    for body in source.of(TOKENS):
        properties = _properties(body)
        if is_system_token(source, body):
            continue
        scope_map = _moved(properties.get("scopeMapId"), source, target)
        # One that was disabled in the new registry stays so.
        there = _properties(_named(target, TOKENS, str(body.get("name"))))
        disabled = any(same(each.get("status"), "disabled") for each in (properties, there))
        wanted = {"scopeMapId": scope_map, "status": "disabled" if disabled else "enabled"}
        yield from _child(target, TOKENS, body, {"properties": wanted})


def _credential_sets(source: Settings, target: Settings) -> Iterator[Setting]:
    for body in source.of(CREDENTIAL_SETS):
        properties = _properties(body)
        credentials = [
            {name: each.get(name) for name in ("name", "usernameSecretIdentifier", "passwordSecretIdentifier")}
            for each in properties.get("authCredentials") or ()
            if isinstance(each, dict)
        ]
        wanted = {"loginServer": properties.get("loginServer"), "authCredentials": credentials}
        whole = {"identity": {"type": "SystemAssigned"}, "properties": wanted}
        yield from _child(target, CREDENTIAL_SETS, body, whole, compared=("properties",))


def _cache_rules(source: Settings, target: Settings) -> Iterator[Setting]:
    for body in source.of(CACHE_RULES):
        properties = _properties(body)
        wanted = {name: properties.get(name) for name in ("sourceRepository", "targetRepository")}
        if properties.get("credentialSetResourceId"):
            wanted["credentialSetResourceId"] = _moved(properties["credentialSetResourceId"], source, target)
        yield from _child(target, CACHE_RULES, body, {"properties": wanted})


def _webhooks(source: Settings, target: Settings) -> Iterator[Setting]:
    """Disabled, so that no event is told twice; one that was enabled since stays so."""
    for body in source.of(WEBHOOKS):
        name, properties = str(body.get("name")), _properties(body)
        hook = source.hooks.get(name)
        if not isinstance(hook, dict):
            continue
        there = target.hooks.get(name)
        wanted = {
            "serviceUri": hook.get("serviceUri"),
            "customHeaders": hook.get("customHeaders") or {},
            "scope": properties.get("scope") or "",
            "actions": properties.get("actions") or [],
        }
        found = _named(target, WEBHOOKS, name)
        has = {**_properties(found), **there} if found and isinstance(there, dict) else None
        if has is not None and _contains(has, wanted):
            continue
        status = "disabled" if found is None else _properties(found).get("status", "disabled")
        location = _place(body.get("location"), source, target)
        whole = {"location": location, "tags": body.get("tags") or {}, "properties": {**wanted, "status": status}}
        yield _put(target, WEBHOOKS, name, whole)


def _diagnostics(source: Settings, target: Settings) -> Iterator[Setting]:
    for body in source.of(DIAGNOSTICS):
        wanted = {name: value for name, value in _properties(body).items() if value is not None}
        found = _named(target, DIAGNOSTICS, str(body.get("name")))
        if found is None or not _contains(_properties(found), wanted):
            path = f"{target.registry.id}/providers/{DIAGNOSTICS_TYPE}/{body.get('name')}"
            version = API_VERSIONS[DIAGNOSTICS_TYPE]
            yield Setting(DIAGNOSTICS, str(body.get("name")), path, version, {"properties": wanted})


def own_roles(settings: Settings) -> list[dict[str, Any]]:
    """The role assignments on the registry itself; inherited ones apply by themselves."""
    return [body for body in settings.of(ROLES) if _properties(body).get("scope") == settings.registry.id.as_scope]


def _roles(source: Settings, target: Settings) -> Iterator[Setting]:
    there = {_grant(body)[:2] for body in own_roles(target)}
    for body in own_roles(source):
        if _grant(body)[:2] in there:
            continue  # with whatever condition: somebody may have narrowed it
        properties = _properties(body)
        names = ("principalType", "condition", "conditionVersion", "description", "delegatedManagedIdentityResourceId")
        wanted = {name: properties[name] for name in names if properties.get(name)}
        role, principal = str(properties.get("roleDefinitionId")), str(properties.get("principalId"))
        name = arm_guid(str(target.registry.id), principal, Scope(role).name)
        path = f"{target.registry.id}/providers/{ROLE_ASSIGNMENT_TYPE}/{name}"
        whole = {"properties": {"roleDefinitionId": role, "principalId": principal, **wanted}}
        label = f"{Scope(role).name} to {principal}"
        yield Setting(ROLES, label, path, API_VERSIONS[ROLE_ASSIGNMENT_TYPE], whole)


def _grant(body: dict[str, Any]) -> tuple[Id, Id, str]:
    properties = _properties(body)
    role = Id(Scope(properties.get("roleDefinitionId")).name)
    return role, Id(properties.get("principalId")), str(properties.get("condition") or "")


def _replications(source: Settings, target: Settings) -> Iterator[Setting]:
    """All regions but the new registry's own."""
    for body in source.of(REPLICATIONS):
        if _is_home(body, source) or _is_home(body, target):
            continue
        location = str(body.get("location") or "")
        properties = _properties(body)
        names = ("regionEndpointEnabled", "zoneRedundancy")
        wanted = {name: properties[name] for name in names if properties.get(name) is not None}
        whole = {"location": location, "tags": body.get("tags") or {}, "properties": wanted}
        yield from _child(target, REPLICATIONS, body, whole, compared=("properties",))


def _policies(source: Settings, target: Settings) -> Iterator[Setting]:
    """What deletes begins only once all is there."""
    wanted, has = _policies_of(source), _policies_of(target)
    policies = {}
    for name, fields in (("retentionPolicy", ("status", "days")), ("softDeletePolicy", ("status", "retentionDays"))):
        policy = wanted.get(name) or {}
        if same(policy.get("status"), "enabled") and not _contains(has.get(name) or {}, _only(policy, fields)):
            policies[name] = _only(policy, fields)
    properties: dict[str, Any] = {"policies": policies} if policies else {}
    if source.registry.properties.get("anonymousPullEnabled") and not target.registry.properties.get(
        "anonymousPullEnabled"
    ):
        properties["anonymousPullEnabled"] = True
    if properties:
        yield _patch(target, "policies", properties)


def _locks(source: Settings, target: Settings) -> Iterator[Setting]:
    """A lock against changes would stop the next pass, so it is left to the user."""
    for body in own_locks(source):
        if not same(_properties(body).get("level"), "CanNotDelete"):
            continue
        wanted = _only(_properties(body), ("level", "notes"))
        name = str(body.get("name"))
        found = next((each for each in own_locks(target) if same(each.get("name"), name)), None)
        if found is not None and same(_properties(found).get("level"), "ReadOnly"):
            continue  # it forbids more
        if found is None or not _contains(_properties(found), wanted):
            path = f"{target.registry.id}/providers/{LOCKS_TYPE}/{name}"
            yield Setting(LOCKS, name, path, API_VERSIONS[LOCKS_TYPE], {"properties": wanted})


def own_locks(settings: Settings) -> list[dict[str, Any]]:
    """The locks of the registry itself: others are listed with them."""
    return [body for body in settings.of(LOCKS) if Scope(body.get("id")).extended == settings.registry.id.as_scope]


# What they have in common.


def _is_system_map(body: dict[str, Any]) -> bool:
    return same(_properties(body).get("type"), "SystemDefined")


def _is_home(replication: dict[str, Any], settings: Settings) -> bool:
    return same_region(str(replication.get("location")), settings.registry.location)


def _child(
    target: Settings, kind: str, body: dict[str, Any], wanted: dict[str, Any], compared: tuple[str, ...] = ()
) -> Iterator[Setting]:
    """The setting of a child resource, unless the new registry has it so."""
    name = str(body.get("name"))
    found = _named(target, kind, name)
    parts = {each: wanted[each] for each in compared or wanted}
    if found is None or not _contains(found, parts):
        yield _put(target, kind, name, wanted)


def _put(target: Settings, kind: str, name: str, body: dict[str, Any]) -> Setting:
    return Setting(kind, name, f"{target.registry.id}/{kind}/{name}", API_VERSIONS[REGISTRY_TYPE], body)


def _patch(target: Settings, name: str, properties: dict[str, Any]) -> Setting:
    path, version = str(target.registry.id), API_VERSIONS[REGISTRY_TYPE]
    return Setting("registry", name, path, version, {"properties": properties}, patch=True)


def _named(settings: Settings, kind: str, name: str) -> dict[str, Any] | None:
    return next((each for each in settings.of(kind) if same(each.get("name"), name)), None)


def is_system_token(source: Settings, token: dict[str, Any]) -> bool:
    """Whether a token was made for a connected registry."""
    used = [Scope(_sync(body).get("tokenId")) for body in source.of("connectedRegistries")]
    return token.get("id") in used


def _sync(connected: dict[str, Any]) -> dict[str, Any]:
    parent = _properties(connected).get("parent")
    sync = parent.get("syncProperties") if isinstance(parent, dict) else None
    return sync if isinstance(sync, dict) else {}


def _moved(id_: Any, source: Settings, target: Settings) -> str:
    """The id of the same part of the new registry."""
    old, text = str(source.registry.id), str(id_)
    return f"{target.registry.id}{text[len(old) :]}" if text.lower().startswith(old.lower() + "/") else text


def _place(location: Any, source: Settings, target: Settings) -> str:
    """Where a webhook is: at home, or in a replica."""
    return target.registry.location if same_region(str(location), source.registry.location) else str(location)


def _rules(settings: Settings) -> dict[str, Any]:
    rules = settings.registry.properties.get("networkRuleSet")
    return rules if isinstance(rules, dict) else {}


def _policies_of(settings: Settings) -> dict[str, Any]:
    policies = settings.registry.properties.get("policies")
    return policies if isinstance(policies, dict) else {}


def _properties(body: Any) -> dict[str, Any]:
    found = body.get("properties") if isinstance(body, dict) else None
    return found if isinstance(found, dict) else {}


def _only(body: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: body[name] for name in names if body.get(name) is not None}


def _normal(value: Any) -> Any:
    """A value in which neither case of texts nor the order of lists matters."""
    if isinstance(value, dict):
        return {name.lower(): _normal(each) for name, each in value.items()}
    if isinstance(value, list):
        return sorted((_normal(each) for each in value), key=repr)
    return value.lower() if isinstance(value, str) else value


def _contains(has: Any, wanted: Any) -> bool:
    """Whether Azure shows all that was set; it may show more."""
    if isinstance(wanted, dict):
        has = {name.lower(): value for name, value in has.items()} if isinstance(has, dict) else {}
        return all(_contains(has.get(name.lower()), value) for name, value in wanted.items())
    if isinstance(wanted, list) and any(isinstance(each, dict) for each in wanted):
        there = has if isinstance(has, list) else []
        return len(there) == len(wanted) and all(any(_contains(one, each) for one in there) for each in wanted)
    return _normal(has) == _normal(wanted)


def unreadable(settings: Settings) -> Iterator[LeftSetting]:
    """The kinds of settings that the caller can't read."""
    for kind, found in settings.lists.items():
        if isinstance(found, Unknown):
            requires = f" Requires permission '{found.action}'." if found.action else ""
            yield LeftSetting(kind, f"Could not be read: {found.why}{requires}")


def unreadable_there(source: Settings, target: Settings) -> Iterator[LeftSetting]:
    """The kinds that are not set because the caller can't read what the new registry has of them."""
    for kind, found in target.lists.items():
        if isinstance(found, Unknown) and source.of(kind):
            requires = f" Requires permission '{found.action}'." if found.action else ""
            why = f"None was set: what the new registry has of them could not be read: {found.why}{requires}"
            yield LeftSetting(kind, why)


def other_conditions(source: Settings, target: Settings) -> Iterator[LeftSetting]:
    """The role assignments that the new registry has with another condition: they are not changed."""
    there = {_grant(body)[:2]: _grant(body) for body in own_roles(target)}
    for body in own_roles(source):
        wanted = _grant(body)
        if there.get(wanted[:2], wanted) != wanted:
            principal, role = (
                _properties(body).get("principalId"),
                Scope(_properties(body).get("roleDefinitionId")).name,
            )
            why = "The new registry has it with another condition, which was not changed. To see it:"
            command = (
                f"az role assignment list --scope {quote(str(target.registry.id))} --assignee {quote(str(principal))}"
            )
            yield LeftSetting(f"role {role} of {principal}", why, command)
