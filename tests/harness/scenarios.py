"""Every command that changes something, with its initial and final state, for tests that disturb it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from azext_acrcmk.model.ids import VAULT_TYPE, ArmId
from azext_acrcmk.plan.grants import REVOKED_TAG, tag_subject
from sandbox.client import Sandbox
from sandbox.world import OTHER_SUBSCRIPTION
from tests.harness.az import Result, Running
from tests.harness.scene import Scene
from tests.harness.seed import ENABLE, IDENTITY, KEY, LOCATION, REGISTRY, VAULT

Prepare = Callable[["Scenario"], None]
Run = Callable[["Scenario"], Result]

_UNDISTURBED: dict[str, dict[str, Any]] = {}
# The subject in the tag of a revoke, which depends on ids that Azure generates.
_NOTE_SUBJECT = re.compile("^[0-9a-f]{12} ")
# The methods of requests that change something, or ask by POST.
CHANGES = "PUT|PATCH|POST|DELETE"
ELSEWHERE = ArmId(OTHER_SUBSCRIPTION, "elsewhere", VAULT_TYPE, "othervault")


@dataclass(frozen=True)
class Scenario:
    """`prepare` creates what exists before `command`."""

    name: str
    command: str
    prepare: Callable[[Scene], Any]

    def __str__(self) -> str:
        return self.name


def _nothing(scene: Scene) -> None:
    scene.seed.delete(REGISTRY.group_id)


def _group_elsewhere(scene: Scene) -> None:
    scene.seed.group(ELSEWHERE.group, ELSEWHERE.subscription)


def _encrypted(scene: Scene) -> None:
    scene.officer()
    scene.encrypt()


def _broken(scene: Scene) -> None:
    """Several problems that require a step each."""
    _encrypted(scene)
    scene.change_version(attributes={"enabled": False})
    scene.new_version()
    scene.ungrant()
    scene.detach_identity()


def _recreated(scene: Scene) -> None:
    """The identity was deleted and recreated."""
    _encrypted(scene)
    scene.seed.delete(IDENTITY)
    scene.seed.identity()


def _ungranted(scene: Scene) -> None:
    """After `revoke` of a grant on the key, with its tag."""
    _encrypted(scene)
    role = scene.seed.assignments()[0]["properties"]["roleDefinitionId"].rsplit("/", 1)[-1]
    scene.ungrant()
    about = tag_subject(VAULT, KEY, scene.identity["principalId"])
    scene.seed.patch(REGISTRY, {"tags": {REVOKED_TAG: f"{about} {role}@key"}})


def _granted_on_key(scene: Scene) -> None:
    """With a grant that `revoke` has to record in a tag."""
    _encrypted(scene)
    scene.ungrant()
    scene.seed.grant(scene.identity["principalId"], f"{VAULT}/keys/{KEY}")


def _disabled(scene: Scene) -> None:
    """After `revoke --by key`."""
    _encrypted(scene)
    scene.change_version(attributes={"enabled": False}, tags={"acrcmk-revoked": "true"})


SCENARIOS = [
    Scenario("enable", f"{ENABLE} -l {LOCATION}", _nothing),
    Scenario("enable-by-policy", f"{ENABLE} -l {LOCATION} --permission-model access-policy", _nothing),
    Scenario("enable-elsewhere", f"{ENABLE} --key-vault {ELSEWHERE}", _group_elsewhere),
    Scenario("rotate", "acr cmk rotate -n myregistry -g rg", _encrypted),
    Scenario(
        "rotate-all",
        # It would ask where Resource Graph does not answer in time, which it can't where all is hurried.
        "acr cmk rotate -n myregistry -g rg --key otherkey --identity otheridentity --revoke-old --disable-old-version"
        " --yes",
        _encrypted,
    ),
    Scenario("repair", "acr cmk repair -n myregistry -g rg --yes", _broken),
    Scenario("repair-recreated", "acr cmk repair -n myregistry -g rg --yes", _recreated),
    Scenario("revoke", "acr cmk revoke -n myregistry -g rg --yes", _granted_on_key),
    Scenario("revoke-by-key", "acr cmk revoke -n myregistry -g rg --by key --yes", _encrypted),
    Scenario("restore", "acr cmk restore -n myregistry -g rg", _ungranted),
    Scenario("restore-by-key", "acr cmk restore -n myregistry -g rg", _disabled),
]


def picture(azure: Sandbox) -> dict[str, Any]:
    """What exists, without differences between runs: ids that Azure generates become their positions in a list."""
    state = azure.state()
    del state["now"], state["principals"]  # the tests themselves act as new principals
    registry = azure.unseen("GET", str(REGISTRY), api_version="2025-04-01")
    keys = {f"{store}/{name}": found for store, keys in state["keys"].items() for name, found in keys.items()}
    encryption = registry["properties"]["encryption"]["keyVaultProperties"]
    key, _, used = encryption["versionedKeyIdentifier"].rpartition("/")
    pinned = encryption["keyIdentifier"].endswith(used)
    key_name = key[key.rindex("/") :]
    order = next([each["id"] for each in found] for name, found in keys.items() if name.endswith(key_name))
    identities = registry["identity"].get("userAssignedIdentities") or {}
    attached = {each["clientId"]: id_.lower() for id_, each in identities.items()}
    return {
        **state,
        "keys": {name: [(each["enabled"], each["tags"]) for each in found] for name, found in keys.items()},
        "policies": [_policies(azure, vault, state["identities"]) for vault in state["vaults"]],
        "used": (key, order.index(used), pinned, attached.get(encryption["identity"])),
        "identities of the registry": sorted(attached.values()),
        "tags": {name: _NOTE_SUBJECT.sub("", value) for name, value in registry["tags"].items()},
        "state": registry["properties"]["provisioningState"],
        "pull": azure.pull(REGISTRY.name)["status"],
    }


def undisturbed(azure: Sandbox, prepared: Prepare, scenario: Scenario, run: Run) -> dict[str, Any]:
    """The result of a scenario's command without disturbance, determined once. Leaves Azure as prepared."""
    prepared(scenario)
    if scenario.name not in _UNDISTURBED:
        azure.save()
        run(scenario).ok()
        _UNDISTURBED[scenario.name] = picture(azure)
        azure.restore()
    return _UNDISTURBED[scenario.name]


def _policies(azure: Sandbox, vault: str, identities: list[str]) -> list[tuple[str, list[str]]]:
    """Whom the vault's access policies let do what: an identity by its id."""
    shown = [azure.unseen("GET", each, api_version="2024-11-30") for each in identities]
    names = {each["properties"]["principalId"]: each["id"] for each in shown}
    policies = azure.unseen("GET", vault, api_version="2026-02-01")["properties"]["accessPolicies"]
    return sorted(
        (names.get(each["objectId"], ""), sorted(map(str.lower, each["permissions"]["keys"]))) for each in policies
    )


def acted_on(azure: Sandbox, fault: str = "hang") -> tuple[str, ...]:
    """The changes that the service has made, up to a request that this fault keeps without an answer: what is in Azure
    then, where operations end at once."""
    log = [entry for entry in azure.log() if entry["method"] != "GET" and not entry["host"].startswith("login")]
    acted = [entry for entry in log if fault == "hang-after" or not entry.get("held")]
    return tuple(sorted(f"{entry['method']} {entry['host']}{entry['path']} {entry['body']}" for entry in acted))


def held(azure: Sandbox, running: Running, seconds: float = 60) -> str | None:
    """The request that waits for its answer; None where the command has ended without sending so many."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended = running.poll() is not None
        if entry := azure.held(0 if ended else 0.2):
            return f"{entry['method']} {entry['host']}{entry['path']}"
        if ended:
            return None
    raise AssertionError(f"Not done after {seconds} s: {running.command}\n{running.err}")
