"""What `repair` mends, what it asks, what it can't, and how it ends. A pull from the registry decides."""

from __future__ import annotations

import json

import pytest

from azext_acrcmk.model.access import ENCRYPTION_USER
from sandbox.world import OWNER_OBJECT_ID
from tests.e2e.scene import CLOSED, HERE, KEY_URI, LONG, Scene, moment
from tests.e2e.seed import CRYPTO_OFFICER, IDENTITY, REGISTRY, VAULT, bodies, changes, outcomes

CHECK = "acr cmk check -n myregistry -g rg"
REPAIR = "acr cmk repair -n myregistry -g rg"
NO_TTY = "Unable to prompt for confirmation as no tty available"


@pytest.fixture
def scene(azure, seed):
    """Its owner may do all with keys."""
    scene = Scene(azure, seed)
    scene.officer()
    return scene


def failures(result) -> set[str]:
    """The codes that are left of severity error or warning."""
    return {row["code"] for row in result_of(result)["findings"] if row["status"] == "failed"} - INFORMATION


INFORMATION = {"NoRotationPolicy", "ManualRotation"}


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
        {"attach": "updated", "grant": "created", "registry": "updated"},
    ),
    "identity made again and granted": (
        lambda s: s.encrypt().recreate_identity(),
        403,
        {"attach": "updated", "registry": "updated"},
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
        assert max(map(len, out.splitlines())) <= 120


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


class TestWhatCannotBeMended:
    @pytest.mark.parametrize(
        ("make", "code", "way_out", "pull"),
        [
            (
                lambda s: (s.encrypt().use_system_identity(), s.detach_identity()),
                "IdentityNotAttached",
                "Only Azure support can bring it back",
                200,
            ),
            (
                lambda s: s.encrypt().seed.delete(IDENTITY),
                "IdentityNotFound",
                "Run: az acr cmk rotate --name myregistry --identity ",
                403,
            ),
            (
                lambda s: s.unprotected().lose_key(),
                "KeyNotFound",
                "After a purge the images can't be opened any more",
                403,
            ),
            (
                lambda s: (s.encrypt().seed.delete(VAULT), s.azure.advance(LONG)),
                "VaultNotFound",
                "Push them again to a new registry",
                403,
            ),
            (
                lambda s: s.azure.deny_assignment(
                    str(VAULT), data_actions=["*"], principals=[s.encrypt().identity["principalId"]]
                ),
                "GrantDenied",
                "Have the identity exempted",
                403,
            ),
        ],
        ids=["system identity", "identity", "key", "vault", "deny assignment"],
    )
    def test_is_said_with_the_way_out(self, az, azure, scene, make, code, way_out, pull):
        make(scene)
        azure.clear_log()
        rows = {row["step"]: row for row in az(f"{REPAIR} --what-if").json()}
        assert (rows[code]["symbol"], rows[code]["action"]) == ("!", "manual")
        assert "Can't be repaired from here" in rows[code]["reason"]
        assert way_out in rows[code]["reason"]
        result = az(f"{REPAIR} --yes")
        assert (result.code, code in failures(result)) == (1, True), result
        assert scene.pull() == pull

    @pytest.mark.parametrize("attached", [True, False])
    def test_does_not_keep_the_rest_from_being_mended(self, az, scene, attached):
        scene.encrypt().change_version(attributes={"enabled": False})
        if not attached:
            scene.detach_identity()
        scene.seed.delete(IDENTITY)
        result = az(f"{REPAIR} --yes")
        assert (result.code, failures(result)) == (1, {"IdentityNotFound"}), result
        assert outcomes(result_of(result))["key-version"] == "updated"

    @pytest.mark.parametrize("lose", [lambda s: s.seed.delete(IDENTITY), lambda s: s.use_system_identity()])
    def test_takes_no_new_key_through_an_identity_that_is_lost(self, az, azure, scene, lose):
        lose(scene.encrypt())
        if scene.used()["identity"] == "system":
            scene.detach_identity()
        scene.new_version()
        result = az(f"{REPAIR} --yes")
        assert result.code == 1, result
        assert "RotationLag" in failures(result)
        assert result_of(result)["steps"] == []

    def test_a_registry_that_is_not_encrypted(self, az, azure, seed):
        seed.registry()
        result = az(f"{REPAIR} --yes")
        assert (result.code, failures(result), changes(azure)) == (1, {"NotEncrypted"}, []), result


class TestWithoutPermission:
    def test_in_the_middle_what_is_done_is_told_and_a_second_run_finishes(self, az, az_as, azure, scene):
        scene.encrypt().change_version(attributes={"enabled": False})
        scene.ungrant()
        officer = azure.principal(("Reader", HERE), (CRYPTO_OFFICER, HERE))
        result = az_as(officer)(f"{REPAIR} --yes")
        assert (result.code, result.out) == (1, ""), result
        assert "Step 'grant' failed" in result.err
        assert "Microsoft.Authorization/roleAssignments/write" in result.err
        assert "it goes on from where it stopped" in result.err
        assert scene.pull() == 403
        finished = result_of(az(f"{REPAIR} --yes").ok())
        assert "grant" in outcomes(finished)
        assert (finished["health"], scene.pull()) == ("healthy", 200)

    def test_to_change_keys(self, az, az_as, azure, scene):
        scene.encrypt().change_version(attributes={"enabled": False})
        result = az_as(azure.principal(("Contributor", HERE)))(f"{REPAIR} --yes")
        assert result.code == 1, result
        assert "Step 'key-version' failed" in result.err
        assert "Key Vault Crypto Officer" in result.err
        assert az(f"{REPAIR} --yes").ok()

    def test_to_see_the_grant_nothing_is_guessed(self, az_as, azure, scene):
        scene.encrypt().ungrant()
        reader = scene.reader_without("Microsoft.Authorization/roleAssignments/read")
        result = az_as(reader)(f"{REPAIR} --yes")
        assert (result.code, result_of(result)["health"], changes(azure)) == (0, "unknown", [])
        unknown = [row for row in result_of(result)["findings"] if row["code"] == "AccessUnknown"]
        assert "Microsoft.Authorization/roleAssignments/read" in unknown[0]["message"]


@pytest.mark.parametrize("how", ["-o table", "-o none", "--query health"])
def test_exit_code_is_1_where_an_error_is_left_in_every_format(az, scene, how):
    scene.encrypt().seed.delete(IDENTITY)
    result = az(f"{REPAIR} --yes {how}")
    assert (result.code, result.err.count("ERROR")) == (1, 0), result


def test_as_a_table_what_was_done_and_what_is_left(az, scene):
    scene.encrypt().change_version(attributes={"enabled": False})
    out = az(f"{REPAIR} --yes -o table").ok().out
    assert "key-version updated" in out
    assert "NoRotationPolicy" in out
    assert "healthy" in out
    assert max(map(len, out.splitlines())) <= 120


@pytest.mark.parametrize("behind", [False, True])
def test_a_grant_that_takes_effect_late_is_waited_for(az, azure, scene, behind):
    scene.encrypt().ungrant()
    if behind:
        scene.new_version()
    azure.settings(role_seconds=5)
    result = az(f"{REPAIR} --yes --grant-timeout 60")
    assert (result.code, failures(result), scene.pull()) == (0, set(), 200), result


def test_a_grant_that_does_not_take_effect_in_time_is_told(az, azure, scene):
    scene.encrypt().ungrant()
    azure.settings(role_seconds=3600)
    result = az(f"{REPAIR} --grant-timeout 2")
    assert (result.code, result.out, scene.pull()) == (1, "", 403), result
    assert "has most likely not taken effect yet" in result.err
    azure.advance(3600)
    assert result_of(az(REPAIR).ok())["steps"] == []
    assert scene.pull() == 200


def test_a_registry_pinned_to_an_older_version_stays_there(az, scene):
    scene.encrypt(pinned=True).new_version()
    scene.ungrant()
    used = scene.used()["keyIdentifier"]
    result = az(REPAIR)
    assert (result.code, failures(result)) == (0, {"NotLatestVersion"}), result
    assert (scene.used()["keyIdentifier"], scene.pull()) == (used, 200)


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


@pytest.mark.parametrize("action", ["reset-before", "reset-after"])
@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", "registries/myregistry$"), ("PUT", "roleAssignments/"), ("PATCH", "vault.azure.net/keys/")],
    ids=["registry", "grant", "key"],
)
def test_a_lost_connection_in_the_middle_is_told_and_a_second_run_finishes(az, azure, scene, action, method, path):
    scene.encrypt().ungrant()
    scene.change_version(attributes={"enabled": False})
    scene.detach_identity()
    azure.fault(action, method=method, path=path, times=50)
    lost = az(f"{REPAIR} --yes")
    assert (lost.code, lost.out) == (1, ""), lost
    assert "The connection to Azure failed" in lost.err
    assert "Run the same command again" in lost.err
    assert "Traceback" not in lost.err
    azure.clear_faults()
    result = az(f"{REPAIR} --yes")
    assert (result.code, failures(result), scene.pull()) == (0, set(), 200), result
    assert len(scene.seed.assignments()) == 1


def test_the_grant_is_the_least_and_on_the_key_or_its_vault(az, scene):
    scene.encrypt().ungrant()
    az(REPAIR).ok()
    (made,) = [
        each["properties"]
        for each in scene.seed.assignments()
        if each["properties"]["principalId"] == scene.identity["principalId"]
    ]
    assert made["roleDefinitionId"].endswith(ENCRYPTION_USER)


@pytest.mark.parametrize("where", ["-n nosuchregistry -g rg", "-n nosuchregistry"])
def test_of_a_registry_that_does_not_exist(az, seed, where):
    assert az(f"acr cmk repair {where}").code == 3


def result_of(result):
    assert result.out, str(result)
    return json.loads(result.out)
