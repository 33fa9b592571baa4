"""How all that a run has made goes away again, and what is left then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from live.azure import Azure, Failed
from live.making import until
from live.place import RETENTION_DAYS, TAG, VAULT_VERSION, Place

# A vault whose group was deleted may not be among the deleted ones at once.
VANISHING_SECONDS = 120


@dataclass(frozen=True)
class Left:
    """Something that is still there after the end, and what to do about it."""

    what: str
    until: str = ""
    command: str = ""

    def told(self) -> str:
        until_then = f", until {self.until}" if self.until else ""
        return f"{self.what}{until_then}." + (f" To remove it: {self.command}" if self.command else "")


def remove(azure: Azure, place: Place, say: Callable[[str], None]) -> list[Left]:
    """Remove all that was made; returns what is left. What can't be removed does not keep the rest from it."""
    vaults = [name for name in (place.open_vault, place.vault) if _is_there(azure, place, name)]
    say(f"Removing resource group {place.group} and everything in it. This takes some minutes.")
    left = _remove_group(azure, place)
    if left:
        return left
    for name in vaults:
        say(f"Looking what is left of key vault {name}.")
        left += _purge(azure, place, name)
    return left


def unknown(place: Place) -> list[Left]:
    """What may be left where the removal was broken off."""
    group = f"Perhaps resource group {place.group} with all that is in it, which costs money"
    vault = f"Perhaps key vault {place.open_vault}"
    return [Left(group, command=_delete(place)), Left(vault, command=_shown(place, _purging(place, place.open_vault)))]


def _delete(place: Place) -> str:
    return _shown(place, ("group", "delete", "--name", place.group, "--yes"))


def _purging(place: Place, name: str) -> tuple[str, ...]:
    return ("keyvault", "purge", "--name", name, "--location", place.location)


def _shown(place: Place, arguments: tuple[str, ...]) -> str:
    return f"az {' '.join(arguments)} --subscription {place.subscription}"


def _is_there(azure: Azure, place: Place, name: str) -> bool:
    try:
        return azure.rest("GET", f"{place.vault_id(name)}?api-version={VAULT_VERSION}").status != 404
    except Failed:
        return True


def _remove_group(azure: Azure, place: Place) -> list[Left]:
    still = Left(f"Resource group {place.group} with all that is in it, which costs money", command=_delete(place))
    shown = azure.run("group", "show", "--name", place.group)
    if shown.code:
        gone = any(each.status == 404 for each in shown.exchanges)
        return [] if gone else [still]
    if (shown.result.get("tags") or {}).get(TAG) != place.token:
        return [Left(f"Resource group {place.group}, which somebody else has made")]
    for _ in range(2):
        # A resource that was being changed a moment ago may refuse once.
        if azure.run("group", "delete", "--name", place.group, "--yes").code == 0:
            break
    exists = azure.run("group", "exists", "--name", place.group)
    return [] if exists.result is False else [still]


def _purge(azure: Azure, place: Place, name: str) -> list[Left]:
    """The vault without purge protection goes at once, the other one by itself when its days are over."""
    deleted = _deleted_vault(azure, place, name)
    protected = deleted.get("purgeProtectionEnabled")
    purging = _purging(place, name)
    if not protected and azure.run(*purging).code == 0:
        return []
    until_then = str(deleted.get("scheduledPurgeDate") or f"{RETENTION_DAYS} days after its deletion")
    command = "" if protected else _shown(place, purging)
    return [Left(f"Key vault {name}, deleted: it costs nothing, and its name is taken", until_then, command)]


def _deleted_vault(azure: Azure, place: Place, name: str) -> dict[str, Any]:
    """What is kept of a vault, once it is seen among the deleted ones; nothing where it isn't."""
    home = f"/subscriptions/{place.subscription}/providers/Microsoft.KeyVault/locations/{place.location}"
    url = f"{home}/deletedVaults/{name}?api-version={VAULT_VERSION}"
    try:
        found = until(lambda: azure.rest("GET", url), lambda each: each.ok, VANISHING_SECONDS)
    except Failed:
        return {}
    return found.answer["properties"] if found.ok else {}
