"""The main commands of the extension, as somebody would use them one after the other."""

from __future__ import annotations

from typing import Any

from live.azure import Done, Failed
from live.place import RETENTION_DAYS, ROLE_VERSION
from live.steps import Command, Live


def _healthy(document: Any) -> bool:
    return document["health"] in ("healthy", "attention")


def _keep_parts(live: Live, done: Done) -> None:
    """What `enable` has made, for the steps after it."""
    document = done.result
    live.have["encrypted"] = True
    live.have["identity"] = document["identity"]
    live.have["key"] = document["encryption"]["keyVaultProperties"]["keyIdentifier"]
    live.have["version"] = document["key"]["versionInUse"]


def _on_another_version(live: Live, done: Done) -> None:
    live.have["version"] = done.result["key"]["versionInUse"]


def _needs_registry(live: Live) -> None:
    live.need("encrypted")


def _needs_officer(live: Live) -> None:
    live.need("encrypted", "officer")


def _remove_grants(live: Live) -> None:
    """What somebody else may do: all role assignments of the registry's identity on the vault go."""
    principal = live.need("identity", "encrypted")["principalId"]
    scope = f"{live.place.vault_id()}/providers/Microsoft.Authorization/roleAssignments"
    listed = live.azure.rest("GET", f"{scope}?api-version={ROLE_VERSION}&$filter=atScope()")
    if not listed.ok:
        raise Failed(f"The role assignments can't be listed: {listed.told()}")
    for each in listed.answer["value"]:
        inherited = not each["properties"]["scope"].lower().startswith(live.place.vault_id().lower())
        if each["properties"]["principalId"] == principal and not inherited:
            live.azure.rest("DELETE", f"{each['id']}?api-version={ROLE_VERSION}")


ENABLE = (
    "enable --location {location} --key-vault {vault} --key live-key --identity live-first "
    f"--retention-days {RETENTION_DAYS}"
)

LOOK_AHEAD = Command("what-if", f"{ENABLE} --what-if")
MAKE = Command("enable", ENABLE, holds=_healthy, after=_keep_parts)
AGAIN = Command("enable-again", ENABLE, holds=_healthy, before=_needs_registry)
SHOW = Command("show", "show", holds=_healthy, before=_needs_registry)
CHECK = Command("check", "check", before=_needs_registry)
ROTATE = Command("rotate", "rotate --yes", holds=_healthy, before=_needs_officer, after=_on_another_version)
REVOKE_BY_KEY = Command("revoke-by-key", "revoke --by key --yes", before=_needs_officer)
CHECK_REVOKED_BY_KEY = Command("check-after-revoke-by-key", "check", code=1, before=_needs_officer)
RESTORE_KEY = Command("restore-key", "restore", before=_needs_officer)
CHECK_RESTORED_KEY = Command("check-after-restore-key", "check", before=_needs_officer)
REVOKE = Command("revoke", "revoke --yes", before=_needs_registry)
CHECK_REVOKED = Command("check-after-revoke", "check", code=1, before=_needs_registry)
RESTORE = Command("restore", "restore", before=_needs_registry)
CHECK_LOST = Command("check-after-lost-grant", "check", code=1, before=_remove_grants)
REPAIR = Command("repair", "repair --yes", before=_needs_registry)
CHECK_REPAIRED = Command("check-after-repair", "check", before=_needs_registry)
