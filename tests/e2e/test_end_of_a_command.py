"""What a command says in the end holds: it neither claims more than Azure keeps, nor less than it has done."""

from __future__ import annotations

import json

import pytest

from sandbox.world import OWNER_OBJECT_ID
from tests.harness.revoke import HSM_ENCRYPTION_USER, REVOKE, encryption, grant_in_hsm, pulled, with_policy
from tests.harness.seed import CRYPTO_OFFICER, ENABLE, KEY, LOCATION, VAULT, outcomes

ROTATE = "acr cmk rotate -n myregistry"
LAG = "Azure can take up to 10 minutes to apply the removal of a role."


class TestARemovedRoleIsNotRemovedEverywhere:
    """Facts: service.md 1.6 and 4.4."""

    @pytest.fixture(autouse=True)
    def slow(self, azure):
        azure.settings(role_removal_seconds=600)

    def in_hsm(self, azure, seed):
        identity, hsm = seed.identity(), seed.hsm()
        key = seed.key(hsm, kty="RSA-HSM")["keyUri"]
        grant_in_hsm(azure, identity["principalId"], HSM_ENCRYPTION_USER, f"/keys/{KEY}")
        encryption(seed, identity, key)

    @pytest.mark.parametrize("local", [False, True], ids=["vault", "managed HSM"])
    def test_revoke_says_so_before_and_after(self, azure, seed, az, local):
        self.in_hsm(azure, seed) if local else seed.encrypted()
        rows = az(f"{REVOKE} --what-if").json()
        assert any(LAG in row["reason"] for row in rows)
        result = az(f"{REVOKE} --yes").ok()
        assert pulled(azure) == 200
        before, _, after = result.err.partition("- Removing access")
        assert LAG in before
        assert f"{LAG} Until then, it gives access." in after
        azure.advance(601)
        assert pulled(azure) == 403

    def test_rotate_says_so_of_the_old_identity(self, seed, az):
        seed.encrypted()
        result = az(f"{ROTATE} --identity other --no-new-version --revoke-old").ok()
        assert f"{LAG} Until then, it gives access." in result.err

    @pytest.mark.parametrize("by", ["grant", "key"])
    def test_of_what_has_no_documented_time_none_is_promised(self, seed, az, by):
        with_policy(seed, "get", "wrapKey", "unwrapKey")
        rows = az(f"{REVOKE} --by {by} --what-if").json()
        assert any("Azure does not document how soon they start to fail." in row["reason"] for row in rows)


def test_enable_names_others_who_can_use_the_key_that_it_grants(azure, seed, az):
    seed.vault()
    seed.grant(OWNER_OBJECT_ID, VAULT, CRYPTO_OFFICER)
    result = az(f"{ENABLE} -l {LOCATION}").json()
    assert [each["principalId"] for each in result["othersWithAccess"]] == [OWNER_OBJECT_ID]
    assert "othersWithAccess" not in az(f"{ENABLE} -l {LOCATION}").json()


@pytest.mark.parametrize("command", [f"{ENABLE} -l {LOCATION}", f"{ROTATE} --identity other --no-new-version"])
def test_a_registry_whose_key_does_not_work_in_the_end_is_no_success(azure, seed, az, command):
    if command.startswith(ROTATE):
        seed.encrypted()
    # Whatever was granted is gone by the time it is read back.
    azure.fault("alter", path="roleAssignments$", put={"value": []}, times=999)
    result = az(command, pace=100)
    assert (result.code, json.loads(result.out)["health"]) == (1, "broken")
    assert "The key of registry 'myregistry' does not work. To find the cause: az acr cmk check" in result.err


@pytest.mark.parametrize("status", [401, 403])
def test_an_operation_that_can_not_be_followed_may_have_succeeded(azure, az, status):
    azure.settings(registry_seconds=0.5)
    azure.fault("status", method="GET", path="operationStatuses", status=status, times=999,
                body={"error": {"code": "Denied", "message": "No."}})  # fmt: skip
    result = az(f"{ENABLE} -l {LOCATION}", pace=20)
    assert result.code != 0
    assert "possibly registry" in result.err
    azure.clear_faults()
    assert outcomes(az(f"{ENABLE} -l {LOCATION}").json())["registry"] == "reused"


def test_a_token_refused_at_the_last_step_does_not_hide_what_was_granted(azure, seed, az):
    seed.encrypted()
    given = {(e["properties"]["principalId"], e["properties"]["scope"]) for e in seed.assignments()}
    az(f"{REVOKE} --yes").ok()
    azure.fault("status", method="PATCH", path="registries/myregistry$", status=401, times=999,
                body={"error": {"code": "ExpiredAuthenticationToken", "message": "No."}})  # fmt: skip
    result = az("acr cmk restore -n myregistry")
    assert result.code != 0
    assert "Completed so far: possibly grant" in result.err
    assert {(e["properties"]["principalId"], e["properties"]["scope"]) for e in seed.assignments()} == given
