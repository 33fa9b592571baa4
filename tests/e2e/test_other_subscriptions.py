"""Subscriptions of the login that answer badly or are too many are no reason to fail; what was not searched is said."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from pathlib import Path

import pytest

from azext_acrcmk.cloud.walk import MOST_OTHERS, NEAR
from azext_acrcmk.model.ids import REGISTRY_TYPE
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.harness.seed import ENABLE, REGISTRY, changes

CHECK = "acr cmk check -n myregistry -g rg"
REVOKE = "acr cmk revoke -n myregistry -g rg --yes"
# What a subscription of another tenant, a throttled, a broken and a silent one answer, and what is said of it.
WRONG_TENANT = {"error": {"code": "InvalidAuthenticationTokenTenant", "message": "wrong issuer."}}
BAD = {
    "401": ({"action": "status", "status": 401, "body": WRONG_TENANT}, "wrong issuer"),
    "400": ({"action": "status", "status": 400, "body": {"error": {"code": "Odd", "message": "Odd."}}}, "Odd"),
    "409": ({"action": "status", "status": 409, "body": {"error": {"code": "Busy", "message": "Busy."}}}, "Busy"),
    "429": ({"action": "status", "status": 429, "headers": {"Retry-After": "1"}}, ""),
    "500": ({"action": "status", "status": 500}, ""),
    "a page": ({"action": "status", "status": 200, "body": "<html>"}, "JSON"),
    "nothing": ({"action": "reset-before"}, ""),
}
SAID = f"Not searched: subscription {OTHER_SUBSCRIPTION} ("


@pytest.fixture
def encrypted(azure, scene):
    scene.encrypt()


def answers(azure, how: str) -> str:
    """Has the other subscription answer so; gives what must be said of it."""
    fault, said = BAD[how]
    azure.fault(**fault, path=f"/subscriptions/{OTHER_SUBSCRIPTION}", times=999)
    return said


def shared(rows: list[dict]) -> dict:
    return next(row for row in rows if row["code"] == "KeyShared")


@pytest.mark.parametrize("how", BAD)
def test_that_answers_badly_is_named_by_check_and_revoke(azure, quick_az, encrypted, how):
    said = answers(azure, how)
    message = shared(quick_az(CHECK).json())["message"]
    assert SAID in message
    assert said in message
    revoked = quick_az(REVOKE).ok()
    assert SAID in revoked.err
    assert azure.pull(REGISTRY.name)["status"] == 403


def test_that_answers_badly_is_named_where_a_key_is_revoked(azure, quick_az, scene, encrypted):
    scene.officer()
    answers(azure, "401")
    assert SAID in quick_az(f"{REVOKE} --by key").ok().err


def test_that_answers_badly_is_named_where_an_old_grant_is_removed(azure, quick_az, scene, encrypted):
    scene.officer()
    answers(azure, "500")
    rotate = "acr cmk rotate -n myregistry -g rg --key other --identity other --revoke-old"
    azure.clear_log()
    asked = quick_az(rotate)
    assert (asked.code, changes(azure)) == (1, [])
    assert "Unable to prompt for confirmation as no tty available" in asked.err
    rotated = quick_az(f"{rotate} --yes").ok()
    assert SAID in rotated.err
    assert azure.pull(REGISTRY.name)["status"] == 200


def test_that_resource_graph_can_not_be_asked_is_said_where_a_version_is_disabled(azure, quick_az, scene, encrypted):
    scene.officer()
    azure.fault("status", method="POST", path="Microsoft.ResourceGraph", status=403, times=999)
    rotate = "acr cmk rotate -n myregistry -g rg --disable-old-version"
    asked = quick_az(rotate)
    assert (asked.code, changes(azure)) == (1, [])
    assert "Not searched: subscriptions that are not in `az account list` (Resource Graph" in asked.err
    quick_az(f"{rotate} --yes").ok()
    assert "Not searched" not in shared(quick_az(CHECK).json())["message"]


def test_that_answers_badly_does_not_keep_a_vault_of_a_free_name_from_being_created(azure, quick_az, seed):
    answers(azure, "401")
    quick_az(f"{ENABLE} --key-vault mynewvault").ok()
    assert azure.pull(REGISTRY.name)["status"] == 200


def test_that_is_silent_is_asked_twice_at_most(azure, az, encrypted):
    """Each time for twenty seconds. What a command can't do without is asked for more often, and for longer."""
    azure.fault("hang", path=f"/subscriptions/{OTHER_SUBSCRIPTION}", times=999)
    result = az(CHECK, pace=20)
    assert SAID in shared(result.json())["message"]
    held = Counter(entry["path"] for entry in azure.log() if entry.get("held"))
    assert held
    assert max(held.values()) <= 2


def test_where_the_vault_may_be_is_named_where_it_is_not_found(azure, quick_az, scene):
    scene.encrypt_elsewhere()
    answers(azure, "401")
    rows = quick_az(CHECK).json()
    (vault,) = [row for row in rows if row["code"] == "VaultUnknown"]
    assert SAID in vault["message"]
    refused = quick_az(REVOKE)
    assert (refused.code, changes(azure)) == (1, [])
    assert SAID in refused.err


def test_are_not_searched_all_where_they_are_hundreds(azure, az, seed, encrypted):
    know_before_the_other(az, 150)
    in_the_last_one(seed)
    message = shared(az(CHECK).json())["message"]
    assert "second" in message
    assert f"Not searched: {151 - NEAR} further subscriptions (not shown by Resource Graph)" in message
    assert len(azure.log()) < NEAR + 15
    told = az("acr cmk revoke -n myregistry -g rg --what-if").json()[0]["reason"]
    assert ("registry second" in told, "third" in told) == (True, False)
    azure.fault("status", method="POST", path="Microsoft.ResourceGraph", status=400, times=999)
    message = shared(az(CHECK).json())["message"]
    assert f"Not searched: {151 - MOST_OTHERS} further subscriptions (at most {MOST_OTHERS} others" in message


def test_what_resource_graph_does_not_show_yet_is_found(azure, quick_az, seed, encrypted):
    azure.settings(graph_seconds=10_000)
    in_the_last_one(seed)
    assert "key: second." in shared(quick_az(CHECK).json())["message"]
    assert "registry second" in quick_az(f"{REVOKE} --what-if").json()[0]["reason"]
    old = quick_az("acr cmk rotate -n myregistry -g rg --disable-old-version --what-if").json()
    assert any("still be needed by second" in each["reason"] for each in old)


def test_the_vault_is_found_by_resource_graph_where_they_are_many(azure, az, scene):
    know_before_the_other(az, 2 * NEAR)
    scene.encrypt_elsewhere()
    az(f"{CHECK} --fail-on error").ok()
    looked = [
        entry["path"] for entry in azure.log() if entry["path"].endswith("/resources") and entry["method"] == "GET"
    ]
    assert looked == [f"/subscriptions/{each}/resources" for each in (SUBSCRIPTION, OTHER_SUBSCRIPTION)]


def know_before_the_other(az, number: int) -> None:
    """Has the login know so many subscriptions before the other one, which is too far back then to be searched directly
    unless Resource Graph shows that something is in it."""
    profile = Path(az.environment["AZURE_CONFIG_DIR"], "azureProfile.json")
    known = json.loads(profile.read_text(encoding="utf-8-sig"))
    (other,) = [each for each in known["subscriptions"] if each["id"] == OTHER_SUBSCRIPTION]
    known["subscriptions"].remove(other)
    known["subscriptions"] += [other | {"id": str(uuid.UUID(int=each)), "name": f"s{each}"} for each in range(number)]
    known["subscriptions"].append(other)
    profile.write_text(json.dumps(known))


def in_the_last_one(seed) -> None:
    """A registry that uses the same key through the same identity, and one with an identity whose id begins so."""
    group = seed.group("far", subscription=OTHER_SUBSCRIPTION)
    used = seed.get(REGISTRY)
    (identity,) = used["identity"]["userAssignedIdentities"]
    similar = seed.identity(f"{identity}-2")["id"]
    seed.put(
        f"{group}/providers/{REGISTRY_TYPE}/third",
        {
            "location": used["location"],
            "sku": {"name": "Premium"},
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {similar: {}}},
        },
    )
    seed.put(
        f"{group}/providers/{REGISTRY_TYPE}/second",
        {
            "location": used["location"],
            "sku": {"name": "Premium"},
            "identity": {
                "type": "UserAssigned",
                "userAssignedIdentities": {identity: {}},
            },
            "properties": {
                "encryption": {
                    "status": "enabled",
                    "keyVaultProperties": {
                        name: used["properties"]["encryption"]["keyVaultProperties"][name]
                        for name in ("keyIdentifier", "identity")
                    },
                }
            },
        },
    )


class TestRegistration:
    """Azure may refuse a GET, too, where a subscription is not registered for a provider: not known, so both."""

    @pytest.mark.parametrize("command", [CHECK, f"{ENABLE} --what-if", f"{ENABLE} --key-vault somevault --what-if"])
    def test_no_read_registers(self, azure, quick_az, seed, scene, command):
        if command == CHECK:
            scene.encrypt()
        azure.settings(reads_need_registration=True)
        for namespace in ("Microsoft.KeyVault", "Microsoft.ContainerRegistry", "Microsoft.ManagedIdentity"):
            azure.unregister(namespace)
        result = quick_az(command)
        assert "is not registered" in result.err, result
        assert [entry for entry in azure.log() if "register" in entry["path"].rsplit("/", 1)[-1]] == []


class TestDenyAssignments:
    """They only cast doubt on what roles give."""

    @pytest.mark.parametrize("status", [400, 401, 429, 500])
    def test_that_can_not_be_read_stop_nothing(self, azure, quick_az, encrypted, status):
        azure.fault("status", path="/denyAssignments$", status=status, times=999)
        result = quick_az(CHECK).ok()
        assert "DenialsUnknown" in result.out
        quick_az(REVOKE).ok()

    def test_that_can_not_be_read_do_not_stop_enable(self, azure, quick_az, seed):
        azure.fault("status", path="/denyAssignments$", status=400, times=999)
        quick_az(ENABLE).ok()

    def test_that_only_log_deny_nothing_and_a_condition_makes_it_uncertain(self, azure, quick_az, scene, encrypted):
        wanted = {"data_actions": ["Microsoft.KeyVault/*"], "principals": [scene.identity["principalId"]]}
        azure.deny_assignment(f"/subscriptions/{REGISTRY.subscription}", effect="audit", **wanted)
        assert {row["status"] for row in quick_az(CHECK).json() if row["code"] == "GrantDenied"} <= {"passed"}
        azure.deny_assignment(f"/subscriptions/{REGISTRY.subscription}", condition="x", **wanted)
        rows = quick_az(CHECK).json()
        assert "has a condition" in next(row["message"] for row in rows if row["code"] == "AccessUnknown")
