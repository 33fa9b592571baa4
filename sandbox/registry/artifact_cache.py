"""Cache rules and credential sets of a registry. Nothing is ever pulled from elsewhere.

Facts: migrate.md 3.1. Source and target of a rule can't be changed (Azure's models for updates don't have them). That a
rule can be made over a repository that exists is not known: a setting. Texts of refusals are assumed.
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.core.clock import iso
from sandbox.core.web import Router
from sandbox.entra.directory import add_principal
from sandbox.registry.conflicts import check_soft_delete
from sandbox.registry.parts import Change, Kind, Part, add, invalid, parts_of
from sandbox.world import World

router = Router()
_NAMED = re.compile(r"[A-Za-z0-9-]{5,50}")
_SECRET = re.compile(r"https://[a-z0-9-]+\.vault\.azure\.net/secrets/[A-Za-z0-9-]+(?:/[0-9a-f]{32})?/?", re.IGNORECASE)


def _apply_rule(change: Change, part: Part) -> None:
    check_soft_delete(change.registry, "artifact cache")
    source, target = change.value("sourceRepository"), change.value("targetRepository")
    if not source or "." not in source.partition("/")[0] or not target:
        raise invalid("The source repository of the cache rule, with its login server, or its target is missing.")
    if change.old:
        before = (change.old.properties["sourceRepository"], change.old.properties["targetRepository"])
        if before != (source, target):
            raise invalid("Source and target repository of a cache rule cannot be changed.")
    else:
        _check_target(change, target)
    given = change.wanted.get("credentialSetResourceId", change.value("credentialSetResourceId"))
    if given and (given.lower() not in change.world.parts or "/credentialsets/" not in given.lower()):
        raise invalid(f"The credential set '{given}' could not be found.")
    part.identity = change.body.get("identity") or (None if change.whole else part.identity)
    part.properties = {
        "credentialSetResourceId": given or None,
        "sourceRepository": source,
        "targetRepository": target,
        "creationDate": iso(part.created),
    }


def _check_target(change: Change, target: str) -> None:
    rules = parts_of(change.world, change.registry, "cacheRules")
    if any(rule.properties["targetRepository"] == target for rule in rules):
        raise invalid(f"Another cache rule has the target repository {target}.", "Conflict", 409)
    if target in change.registry.content.repositories and not change.world.settings.cache_rule_over_repository:
        raise invalid(f"The repository {target} exists.", "Conflict", 409)


def _apply_credentials(change: Change, part: Part) -> None:
    given, server = change.value("authCredentials") or [], change.value("loginServer")
    if not server or not given:
        raise invalid("The login server or the credentials of the credential set are missing.")
    if change.old and change.old.properties["loginServer"] != server:
        raise invalid("The login server of a credential set cannot be changed.")
    for credential in given:
        for name in ("usernameSecretIdentifier", "passwordSecretIdentifier"):
            if not _SECRET.fullmatch(str(credential.get(name) or "")):
                raise invalid(f"{name} is not the identifier of a secret of a key vault.")
    if part.identity is None:
        principal = add_principal(change.world, name=change.name, tenant=change.world.tenant_of(part.id))
        part.identity = {
            "type": "systemAssigned",
            "principalId": principal.object_id,
            "tenantId": principal.tenant,
        }
    names = ("name", "usernameSecretIdentifier", "passwordSecretIdentifier")
    healthy: dict[str, Any] = {"credentialHealth": {"status": "Healthy"}}
    credentials = [{name: each.get(name) for name in names} | healthy for each in given]
    part.properties = {"loginServer": server, "authCredentials": credentials, "creationDate": iso(part.created)}


def _forget(world: World, part: Part) -> None:
    world.principals.pop(part.identity["principalId"], None)


add(router, Kind("cacheRules", _apply_rule, named=_NAMED, slow=True, operation="cacherules"))
add(
    router,
    Kind("credentialSets", _apply_credentials, named=_NAMED, slow=True, operation="credentialsets", deleted=_forget),
)
