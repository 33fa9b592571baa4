"""What `repair` can not mend or may not do, and what it says then."""

from __future__ import annotations

import pytest

from tests.harness.repair import (
    REPAIR,
    failures,
    result_of,
)
from tests.harness.rotate import NOT_AUTHORIZED
from tests.harness.scene import HERE, LONG
from tests.harness.seed import IDENTITY, VAULT, changes, outcomes
from tests.harness.tables import fits


@pytest.fixture
def scene(scene):
    """Its owner may do all with keys."""
    scene.officer()
    return scene


class TestWhatCannotBeMended:
    @pytest.mark.parametrize(
        ("make", "code", "way_out", "pull"),
        [
            (
                lambda s: (s.encrypt().use_system_identity(), s.detach_identity()),
                "IdentityNotAssigned",
                "Only Azure support can restore it",
                200,
            ),
            (
                lambda s: s.encrypt().seed.delete(IDENTITY),
                "IdentityNotFound",
                "Run: az acr cmk rotate --name myregistry --subscription ",
                403,
            ),
            (
                lambda s: s.unprotected().lose_key(),
                "KeyNotFound",
                "After a purge, the images can no longer be decrypted",
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
                "to exclude the identity",
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
        assert "This command can't fix it" in rows[code]["reason"]
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
    def test_in_the_middle_what_is_done_is_told_and_a_second_run_finishes(self, az, azure, scene):
        scene.encrypt().change_version(attributes={"enabled": False})
        scene.ungrant()
        azure.fault("status", method="PUT", path="/roleAssignments/", status=403, body=NOT_AUTHORIZED)
        result = az(f"{REPAIR} --yes")
        assert (result.code, result.out) == (1, ""), result
        assert "Step 'grant' failed" in result.err
        assert "Microsoft.Authorization/roleAssignments/write" in result.err
        assert "it continues where it stopped" in result.err
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


def test_a_grant_that_does_not_take_effect_in_time_is_told(az, azure, scene):
    scene.encrypt().ungrant()
    azure.settings(role_seconds=3600)
    result = az(f"{REPAIR} --grant-timeout 2")
    assert (result.code, result.out, scene.pull()) == (1, "", 403), result
    assert "has not taken effect yet" in result.err
    azure.advance(3600)
    assert result_of(az(REPAIR).ok())["steps"] == []
    assert scene.pull() == 200


def test_a_late_grant_to_an_identity_that_was_made_again_is_waited_for_by_a_second_run(az, azure, scene):
    scene.encrypt().seed.delete(IDENTITY)
    scene.seed.identity()
    azure.settings(role_seconds=3600)
    result = az(f"{REPAIR} --grant-timeout 0")
    assert "has not taken effect yet" in result.err
    azure.advance(3600)
    result = az(REPAIR)
    assert (result.code, failures(result), scene.pull()) == (0, set(), 200), result


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
    lost = az(f"{REPAIR} --yes", pace=50)
    assert (lost.code, lost.out) == (1, ""), lost
    assert "The connection to Azure failed" in lost.err
    assert "Run the same command again" in lost.err
    assert "Traceback" not in lost.err
    azure.clear_faults()
    result = az(f"{REPAIR} --yes")
    assert (result.code, failures(result), scene.pull()) == (0, set(), 200), result
    assert len(scene.seed.assignments()) == 1


@pytest.mark.parametrize("where", ["-n nosuchregistry -g rg", "-n nosuchregistry"])
def test_of_a_registry_that_does_not_exist(az, seed, where):
    assert az(f"acr cmk repair {where}").code == 3


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
    assert fits(out)
