"""The health that `az acr cmk show` tells, of registries that are really so: whether they serve images is beside it.

Each finding of the catalogue, and what its fix does, is tested with `check`.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from azext_acrcmk.model.ids import same
from tests.harness.scene import CLOSED, DAY, Scene, moment
from tests.harness.seed import IDENTITY, REGISTRY, VAULT

SHOW = "acr cmk show -n myregistry -g rg"


def show(az) -> dict[str, Any]:
    return az(SHOW).json()


def codes(shown) -> set[str]:
    """The findings that are more than advice."""
    return {finding["code"] for finding in shown["findings"] if finding["severity"] != "info"}


@dataclass(frozen=True)
class Case:
    """`make` brings it about, `pull` is what a pull then answers, `holds` are fields of the document by their path."""

    make: Callable[[Scene], Any]
    codes: set[str]
    pull: int = 403
    holds: dict[str, Any] = field(default_factory=dict)


def policy_removed(scene: Scene) -> None:
    scene.encrypt_by_policy().change_vault(accessPolicies=[])


def policy_partial(scene: Scene) -> None:
    scene.encrypt_by_policy().change_vault(accessPolicies=[scene.policy("get", "wrapKey")])


def version_in_use_disabled(scene: Scene) -> None:
    scene.encrypt().new_version()
    scene.change_version(attributes={"enabled": False})


def credential_lapsed(scene: Scene) -> None:
    scene.encrypt().detach_identity()
    scene.azure.advance(91 * DAY)


UNGRANTED = {"access.granted": False, "access.through": [], "access.missing": ["get", "wrapKey", "unwrapKey"]}

BROKEN = {
    "grant-removed": Case(lambda s: s.encrypt().ungrant(), {"GrantMissing"}, holds=UNGRANTED),
    "policy-removed": Case(policy_removed, {"GrantMissing"}, holds=UNGRANTED),
    "policy-partial": Case(policy_partial, {"GrantPartial"}, holds={"access.missing": ["unwrapKey"]}),
    "key-disabled": Case(
        lambda s: s.encrypt().change_version(attributes={"enabled": False}),
        {"KeyDisabled"},
        holds={"key.enabled": False},
    ),
    "version-in-use-disabled": Case(
        version_in_use_disabled,
        {"KeyDisabled", "RotationLag"},
        holds={"key.enabled": False, "key.upToDate": False},
    ),
    "key-deleted": Case(
        lambda s: s.encrypt().delete_key(),
        {"KeyNotFound"},
        holds={"key.type": None, "key.latestVersion": None, "key.upToDate": None},
    ),
    "vault-deleted": Case(lambda s: s.encrypt().seed.delete(VAULT), {"VaultDeleted"}, holds={"vault": None}),
    "firewall-closed": Case(
        lambda s: s.encrypt().change_vault(networkAcls=CLOSED),
        {"FirewallBlocksRegistry"},
        holds={"vault.bypass": "None", "vault.defaultAction": "Deny", "access.granted": True},
    ),
    "identity-deleted": Case(
        lambda s: s.encrypt().seed.delete(IDENTITY),
        {"IdentityNotFound"},
        holds={"identity.exists": False, "identity.attached": True},
    ),
    "identity-made-again": Case(
        lambda s: s.encrypt().recreate_identity(),
        {"IdentityRecreated"},
        holds={"identity.exists": False, "identity.principalId": None},
    ),
    # These two go on for a while: the registry can't renew its credential, or take another key.
    "identity-detached": Case(
        lambda s: s.encrypt().detach_identity(),
        {"IdentityNotAssigned"},
        pull=200,
        holds={"identity.attached": False, "identity.exists": True, "access.granted": True},
    ),
    "key-expired": Case(lambda s: s.encrypt().change_version(attributes={"exp": moment(-1)}), {"KeyExpired"}, pull=200),
    "identity-detached-long-ago": Case(credential_lapsed, {"IdentityNotAssigned"}),
}


@pytest.mark.parametrize("case", BROKEN.values(), ids=BROKEN)
def test_broken(az, scene, case):
    case.make(scene)
    shown = show(az)
    assert shown["health"] == "broken"
    assert codes(shown) == case.codes
    assert {path: at(shown, path) for path in case.holds} == case.holds
    assert scene.pull() == case.pull


def at(document, path) -> Any:
    for name in path.split("."):
        document = document[name]
    return document


ATTENTION = {
    "a-new-version-not-taken-yet": (lambda s: s.encrypt().new_version(), "RotationLag"),
    "a-pinned-version-that-is-not-the-latest": (lambda s: s.encrypt(pinned=True).new_version(), "NotLatestVersion"),
    "an-expiry-that-is-near": (
        lambda s: s.encrypt().change_version(attributes={"exp": moment(20)}),
        "KeyExpiresSoon",
    ),
    "no-purge-protection": (lambda s: s.unprotected(), "NoPurgeProtection"),
}


@pytest.mark.parametrize(("make", "code"), ATTENTION.values(), ids=ATTENTION)
def test_attention(az, scene, make, code):
    make(scene)
    shown = show(az)
    assert (shown["health"], codes(shown)) == ("attention", {code})
    assert scene.pull() == 200


def test_broken_by_a_vault_deleted_in_another_subscription(az, seed, scene):
    vault = scene.encrypt_elsewhere()
    seed.delete(vault)
    (finding,) = [each for each in show(az)["findings"] if each["severity"] == "error"]
    assert finding["code"] == "VaultDeleted"
    assert f"--subscription {vault.subscription}" in finding["fix"]
    az(finding["fix"].removeprefix("az ")).ok()
    # A recovered vault has its keys, and none of its role assignments.
    assert (codes(show(az)), scene.pull()) == ({"GrantMissing"}, 403)


def test_unknown_until_the_registry_has_been_created(azure, az, scene):
    azure.settings(registry_seconds=60, stale_first_answer=True)
    scene.encrypt()
    shown = show(az)
    assert (shown["provisioningState"], shown["encryption"]) == ("Creating", {"status": "disabled"})
    assert (shown["health"], codes(shown)) == ("unknown", {"NotEncrypted"})
    assert "still being created" in shown["findings"][0]["message"]

    azure.advance(61)
    assert show(az)["health"] == "healthy"


def test_attention_while_an_operation_is_under_way(azure, az, scene):
    azure.settings(registry_patch_seconds=60)
    scene.encrypt().detach_identity()
    shown = show(az)
    assert shown["provisioningState"] == "Updating"
    assert "RegistryNotSucceeded" in codes(shown)


def test_the_registry_serves_while_a_new_version_is_awaited_and_catches_up_by_itself(azure, az, scene):
    azure.settings(auto_rotation_seconds=600)
    scene.encrypt()
    first = scene.used()["versionedKeyIdentifier"].rsplit("/", 1)[-1]
    scene.new_version()
    behind = show(az)
    second = behind["key"]["latestVersion"]
    assert (behind["key"]["versionInUse"], behind["key"]["upToDate"], behind["health"]) == (first, False, "attention")
    assert second != first
    assert scene.pull() == 200

    azure.advance(601)
    caught_up = show(az)
    assert (caught_up["key"]["versionInUse"], caught_up["key"]["upToDate"]) == (second, True)
    assert (caught_up["health"], caught_up["encryption"]["keyVaultProperties"]["keyRotationEnabled"]) == (
        "healthy",
        True,
    )
    assert scene.pull() == 200


def test_the_fixes_of_all_findings_of_a_registry_that_is_thoroughly_broken_mend_it(az, scene):
    scene.unprotected().officer()
    scene.detach_identity()
    scene.ungrant()
    scene.change_version(attributes={"enabled": False})
    scene.change_vault(networkAcls={**CLOSED, "ipRules": [{"value": "127.0.0.1"}]})
    shown = show(az)
    assert shown["health"] == "broken"
    assert [finding["severity"] for finding in shown["findings"]] == ["error"] * 4 + ["warning", "info", "info"]
    assert codes(shown) == {
        "IdentityNotAssigned",
        "GrantMissing",
        "KeyDisabled",
        "FirewallBlocksRegistry",
        "NoPurgeProtection",
    }
    assert scene.pull() == 403
    for finding in shown["findings"]:
        if finding["fix"]:
            az(shlex.join(shlex.split(finding["fix"])[1:])).ok()
    mended = show(az)
    assert (mended["health"], codes(mended)) == ("healthy", set())
    assert same(mended["vault"]["bypass"], "AzureServices")
    assert (mended["vault"]["purgeProtection"], mended["identity"]["attached"]) == (True, True)
    assert scene.pull() == 200


def test_a_deleted_key_is_seen_and_recovered_by_one_who_may(az, scene):
    scene.encrypt().delete_key()
    scene.officer()
    (finding,) = [each for each in show(az)["findings"] if each["severity"] == "error"]
    assert finding["code"] == "KeyDeleted"
    az(finding["fix"].removeprefix("az ")).ok()
    assert (show(az)["health"], scene.pull()) == ("healthy", 200)


def test_another_registry_of_the_group_is_not_concerned(az, scene):
    other = str(REGISTRY).replace("myregistry", "otherregistry")
    scene.encrypt().use_key(VAULT, registry=other)
    scene.detach_identity()
    assert show(az)["health"] == "broken"
    assert az(f"acr cmk show --ids {other}").json()["health"] == "healthy"
