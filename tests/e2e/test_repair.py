"""What `repair` mends, what it asks, what it can't, and how it ends. A pull from the registry decides."""

from __future__ import annotations

import pytest

from azext_acrcmk.model.access import ENCRYPTION_USER
from sandbox.world import OWNER_OBJECT_ID
from tests.harness.repair import REPAIR, failures, result_of
from tests.harness.rotate import latest
from tests.harness.scene import CLOSED, HERE, KEY_URI, LONG, moment
from tests.harness.seed import IDENTITY, REGISTRY, VAULT, bodies, changes, outcomes
from tests.harness.tables import fits

NO_TTY = "Unable to prompt for confirmation as no tty available"


@pytest.fixture
def scene(scene):
    """Its owner may do all with keys."""
    scene.officer()
    return scene


@pytest.mark.parametrize("by", ["grant", "key"])
def test_what_was_revoked_is_given_again_only_after_a_question(az, scene, by):
    scene.encrypt()
    az(f"acr cmk revoke -n myregistry --by {by} --yes").ok()
    asked = az(REPAIR)
    assert (asked.code, NO_TTY in asked.err, scene.pull()) == (1, True, 403)
    repaired = az(f"{REPAIR} --yes").ok()
    assert (scene.pull(), repaired.err.count("WARNING")) == (200, 1)
    told = "access was revoked by `az acr cmk revoke`" if by == "grant" else "maybe to revoke access on purpose"
    assert told in repaired.err
    assert repaired.err.index(told) < repaired.err.index("Granting access" if by == "grant" else "Updating version")


def detached_for_long(scene):
    scene.encrypt().detach_identity()
    scene.azure.advance(LONG)


def half_granted(scene):
    scene.encrypt().ungrant()
    scene.seed.grant(scene.identity["principalId"], role=scene.seed.role("keys/read", "keys/wrap/action"))


def through_group(scene):
    scene.encrypt().ungrant()
    scene.seed.grant(scene.azure.add_to_group(scene.identity["principalId"]).object_id)


def without_policy(scene):
    scene.encrypt_by_policy().change_vault(accessPolicies=[])


def vault_deleted(scene):
    scene.encrypt().seed.delete(VAULT)


# What happens to a registry, what a pull answers then, and the steps that mend it.
FAILURES = {
    "identity detached": (lambda s: s.encrypt().detach_identity(), 200, {"attach": "updated"}),
    "identity detached for long": (detached_for_long, 403, {"attach": "updated"}),
    "identity made again": (
        lambda s: (s.encrypt().seed.delete(IDENTITY), s.seed.identity()),
        403,
        {"grant": "created", "registry": "updated"},
    ),
    "identity made again and granted": (
        lambda s: s.encrypt().recreate_identity(),
        403,
        {"registry": "updated"},
    ),
    "grant removed": (lambda s: s.encrypt().ungrant(), 403, {"grant": "created", "registry": "updated"}),
    "half a grant": (half_granted, 403, {"grant": "created", "registry": "updated"}),
    "policy removed": (without_policy, 403, {"grant": "created", "registry": "updated"}),
    "vault changed to roles": (
        lambda s: s.encrypt_by_policy(rbac=True),
        403,
        {"grant": "created", "registry": "updated"},
    ),
    "vault changed to policies": (
        lambda s: s.encrypt().change_vault(enableRbacAuthorization=False),
        403,
        {"grant": "created", "registry": "updated"},
    ),
    "grant through a group": (through_group, 200, {"grant": "created"}),
    "role in a managed HSM removed": (
        lambda s: s.encrypt_by_hsm().change_hsm_role("DELETE"),
        403,
        {"grant": "created", "registry": "updated"},
    ),
    "key deleted": (lambda s: s.encrypt().delete_key(), 403, {"key": "recovered"}),
    "key disabled": (
        lambda s: s.encrypt().change_version(attributes={"enabled": False}),
        403,
        {"key-version": "updated"},
    ),
    "key without unwrap": (
        lambda s: s.encrypt().change_version(key_ops=["wrapKey", "sign"]),
        403,
        {"key-operations": "updated"},
    ),
    "key expired": (
        lambda s: s.encrypt().change_version(attributes={"exp": moment(-1)}),
        200,
        {"version": "created", "registry": "updated"},
    ),
    "key without unwrap, expired": (
        lambda s: s.encrypt().change_version(key_ops=["wrapKey"], attributes={"exp": moment(-1)}),
        403,
        {"key-operations": "updated", "version": "created", "registry": "updated"},
    ),
    "key behind": (lambda s: s.encrypt().new_version(), 200, {"registry": "updated"}),
    "last operation failed": (
        lambda s: s.encrypt().azure.change_registry("myregistry", provisioning_state="Failed"),
        200,
        {"registry": "updated"},
    ),
    "vault deleted": (vault_deleted, 403, {"vault": "recovered", "grant": "created"}),
    "firewall closed": (
        lambda s: s.encrypt().change_vault(networkAcls=CLOSED),
        403,
        {"trusted-services": "updated"},
    ),
    "no purge protection": (lambda s: s.unprotected(), 200, {"purge-protection": "updated"}),
}


@pytest.mark.parametrize("what", FAILURES)
def test_each_failure_is_mended_and_a_second_run_does_nothing(az, azure, scene, what):
    make, pull, steps = FAILURES[what]
    make(scene)
    assert scene.pull() == pull
    result = az(f"{REPAIR} --yes")
    assert (result.code, failures(result)) == (0, set()), result
    assert outcomes(result_of(result)) == steps
    assert result_of(result)["health"] == "healthy"
    assert scene.pull() == 200
    azure.clear_log()
    assert result_of(az(REPAIR).ok())["steps"] == []
    assert changes(azure) == []


def test_several_failures_at_once(az, scene):
    scene.unprotected().change_version(attributes={"enabled": False})
    scene.new_version()
    scene.change_vault(networkAcls={**CLOSED, "ipRules": [{"value": "127.0.0.1/32"}]})
    scene.ungrant()
    scene.detach_identity()
    assert scene.pull() == 403
    result = az(f"{REPAIR} --yes")
    assert (result.code, failures(result)) == (0, set()), result
    assert set(outcomes(result_of(result))) == {
        *("attach", "grant", "key-version", "purge-protection", "registry", "trusted-services")
    }
    assert scene.pull() == 200


def test_from_outside_the_network_of_the_vault_what_needs_it_is_told_and_the_rest_is_done(az, scene):
    scene.encrypt().change_version(attributes={"enabled": False})
    scene.ungrant()
    scene.change_vault(networkAcls=CLOSED)
    result = az(f"{REPAIR} --yes")
    assert (result.code, result.out) == (1, ""), result
    assert "Step 'key-version' failed" in result.err
    assert "Run the command from a network that the vault allows" in result.err
    assert "grant created" in result.err
    scene.change_vault(networkAcls={"bypass": "AzureServices", "defaultAction": "Allow"})
    result = az(f"{REPAIR} --yes")
    assert (result.code, failures(result), scene.pull()) == (0, set(), 200), result


def test_the_grant_of_a_system_identity(az, scene):
    principal = scene.encrypt().use_system_identity()
    for each in scene.seed.assignments():
        if each["properties"]["principalId"] == principal:
            scene.seed.delete(each["id"])
    scene.new_version()
    assert scene.pull() == 403
    result = az(f"{REPAIR} --yes")
    assert (result.code, failures(result), scene.pull()) == (0, set(), 200), result
    assert scene.used()["identity"] == "system"


def test_by_one_who_may_not_see_the_identity(azure, az_as, scene):
    scene.encrypt().ungrant()
    scene.new_version()
    owner = azure.principal(("Owner", HERE))
    azure.deny_assignment(
        HERE, actions=["Microsoft.ManagedIdentity/userAssignedIdentities/read"], principals=[owner.object_id]
    )
    result = az_as(owner)(f"{REPAIR} --yes")
    assert (result.code, failures(result), scene.pull()) == (0, set(), 200), result


def test_what_a_recovered_vault_hid_is_mended_too(az, scene):
    scene.encrypt().change_version(attributes={"enabled": False})
    scene.detach_identity()
    scene.seed.delete(VAULT)
    result = az(f"{REPAIR} --yes")
    assert (result.code, failures(result), scene.pull()) == (0, set(), 200), result


class TestWhatIf:
    def test_shows_the_steps_and_changes_nothing(self, az, azure, scene):
        scene.encrypt().change_version(attributes={"enabled": False})
        scene.ungrant()
        scene.change_vault(networkAcls=CLOSED)
        rows = az(f"{REPAIR} --what-if").json()
        assert {row["step"]: row["symbol"] for row in rows} == {
            "trusted-services": "~",
            "key-version": "~",
            "grant": "+",
            "registry": "~",
        }
        assert {key for row in rows for key in row} == {
            *("symbol", "action", "step", "resource", "reason", "irreversible")
        }
        assert (changes(azure), scene.pull()) == ([], 403)

    def test_marks_what_is_irreversible(self, az, scene):
        scene.unprotected()
        (row,) = az(f"{REPAIR} --what-if").json()
        assert (row["step"], row["irreversible"]) == ("purge-protection", True)

    def test_of_a_registry_that_needs_nothing(self, az, scene):
        scene.encrypt()
        assert az(f"{REPAIR} --what-if").json() == []
        assert az(f"{REPAIR} --what-if -o table").ok().out.strip() == ""

    def test_as_a_table(self, az, scene):
        scene.encrypt().ungrant()
        out = az(f"{REPAIR} --what-if -o table").ok().out
        assert "create" in out
        assert fits(out)


class TestQuestions:
    @pytest.mark.parametrize(
        ("make", "step"),
        [
            (lambda s: s.unprotected(), "purge-protection"),
            (lambda s: s.encrypt().change_vault(networkAcls=CLOSED), "trusted-services"),
        ],
        ids=["irreversible", "widens access"],
    )
    def test_without_an_answer_nothing_is_changed(self, az, azure, scene, make, step):
        make(scene)
        scene.ungrant()
        result = az(REPAIR)
        assert result.code == 1, result
        assert NO_TTY in result.err
        assert changes(azure) == []
        assert step in outcomes(result_of(az(f"{REPAIR} --yes").ok()))

    def test_nothing_is_asked_where_nothing_is_irreversible(self, az, scene):
        scene.encrypt().ungrant()
        assert outcomes(result_of(az(REPAIR).ok())) == {"grant": "created", "registry": "updated"}


def test_the_other_rules_of_a_firewall_stay(az, azure, scene):
    rules = {**CLOSED, "ipRules": [{"value": "203.0.113.0/24"}, {"value": "198.51.100.7/32"}]}
    scene.encrypt().change_vault(networkAcls=rules)
    az(f"{REPAIR} --yes").ok()
    left = scene.seed.get(VAULT)["properties"]["networkAcls"]
    assert (left["bypass"], left["defaultAction"], left["ipRules"]) == ("AzureServices", "Deny", rules["ipRules"])
    assert scene.pull() == 200


def test_other_policies_of_a_vault_stay(az, scene):
    scene.encrypt_by_policy()
    others = {**scene.policy("get", "list"), "objectId": OWNER_OBJECT_ID}
    scene.change_vault(accessPolicies=[others])
    az(f"{REPAIR} --yes").ok()
    left = scene.seed.get(VAULT)["properties"]["accessPolicies"]
    assert {each["objectId"] for each in left} == {OWNER_OBJECT_ID, scene.identity["principalId"]}


@pytest.mark.parametrize("behind", [False, True])
def test_a_grant_that_takes_effect_late_is_waited_for(az, azure, scene, behind):
    scene.encrypt().ungrant()
    if behind:
        scene.new_version()
    azure.settings(role_seconds=1)
    result = az(f"{REPAIR} --yes --grant-timeout 60")
    assert (result.code, failures(result), scene.pull()) == (0, set(), 200), result


def test_a_registry_pinned_to_an_older_version_stays_there(az, scene):
    scene.encrypt(pinned=True).new_version()
    scene.ungrant()
    used = scene.used()["keyIdentifier"]
    result = az(REPAIR)
    assert (result.code, failures(result)) == (0, {"NotLatestVersion"}), result
    assert (scene.used()["keyIdentifier"], scene.pull()) == (used, 200)


def test_a_latest_version_that_is_disabled_is_told_and_left(az, azure, scene):
    scene.encrypt().ungrant()
    scene.new_version()
    scene.seed.change_key("PATCH", latest(scene.seed), {"attributes": {"enabled": False}})
    used = scene.used()
    result = az(REPAIR)
    assert (result.code, failures(result)) == (0, {"LatestVersionUnusable"}), result
    assert outcomes(result_of(result)) == {"grant": "created", "LatestVersionUnusable": "left"}
    assert (scene.used(), scene.pull()) == (used, 200)


def test_a_repair_never_sends_less_encryption_than_there_is(az, azure, scene):
    scene.encrypt().new_version()
    scene.detach_identity()
    azure.clear_log()
    az(f"{REPAIR} --yes").ok()
    for body in bodies(azure, "PATCH", str(REGISTRY)):
        encryption = (body.get("properties") or {}).get("encryption")
        assert encryption is None or set(encryption["keyVaultProperties"]) == {"keyIdentifier", "identity"}
        assert encryption is None or encryption["keyVaultProperties"]["keyIdentifier"] == KEY_URI
    assert bodies(azure, "PUT", str(REGISTRY)) == []


def test_the_grant_is_the_least_and_on_the_key_or_its_vault(az, scene):
    scene.encrypt().ungrant()
    az(REPAIR).ok()
    (made,) = [
        each["properties"]
        for each in scene.seed.assignments()
        if each["properties"]["principalId"] == scene.identity["principalId"]
    ]
    assert made["roleDefinitionId"].endswith(ENCRYPTION_USER)
