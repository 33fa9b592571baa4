"""Names that were typed for something that exists, and that would create something else."""

from __future__ import annotations

import pytest

from azext_acrcmk.model.ids import IDENTITY_TYPE, ArmId
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.harness.rotate import done
from tests.harness.seed import ENABLE, REGISTRY, changes

ROTATE = "acr cmk rotate -n myregistry -g rg"
NO_ANSWER = "Unable to prompt for confirmation"


@pytest.fixture
def az(quick_az):
    return quick_az


def reason_of(rows: list[dict], step: str) -> str:
    return next(row["reason"] for row in rows if row["step"] == step)


class TestVaultOfTheNameOfAManagedHsm:
    @pytest.fixture(autouse=True)
    def hsm(self, seed):
        return seed.hsm("ourhsm")

    def test_is_seen_in_the_plan_and_asked(self, azure, az, hsm):
        command = f"{ENABLE} --key-vault ourhsm"
        said = f"'ourhsm' is the name of a managed HSM ({hsm}), but --key-vault creates a key vault"
        assert said in reason_of(az(f"{command} --what-if").json(), "vault")
        refused = az(command)
        assert (refused.code, changes(azure)) == (1, []), refused
        for words in (said, "specify its URI with --key-encryption-key", NO_ANSWER):
            assert words in refused.err

    def test_is_told_where_it_is_only_written(self, az):
        written = az("acr cmk template -n myregistry -g rg --key-vault ourhsm").ok()
        assert "WARNING: 'ourhsm' is the name of a managed HSM" in written.err

    def test_is_created_where_that_is_meant(self, azure, az):
        az(f"{ENABLE} --key-vault ourhsm --yes").ok()
        assert azure.pull(REGISTRY.name)["status"] == 200

    def test_is_no_matter_where_it_is_not_typed_or_exists(self, az, seed):
        seed.vault(ArmId(SUBSCRIPTION, "rg", "Microsoft.KeyVault/vaults", "ourhsm"))
        az(f"{ENABLE} --key-vault ourhsm").ok()


class TestVaultOfARotation:
    def test_that_was_not_found_is_asked_for_before_anything(self, azure, az, scene, officer):
        scene.encrypt()
        azure.clear_log()
        said = "No key vault 'teamvlt' was found, so it will be created; this can't be undone."
        assert said in reason_of(az(f"{ROTATE} --key-vault teamvlt --what-if").json(), "vault")
        refused = az(f"{ROTATE} --key-vault teamvlt")
        assert (refused.code, done(azure)) == (1, []), refused
        assert said in refused.err
        assert NO_ANSWER in refused.err
        az(f"{ROTATE} --key-vault teamvlt --yes").ok()
        assert azure.pull(REGISTRY.name)["status"] == 200

    def test_by_its_id_is_meant(self, azure, az, scene):
        scene.encrypt()
        vault = ArmId(SUBSCRIPTION, "rg", "Microsoft.KeyVault/vaults", "teamvlt")
        az(f"{ROTATE} --key-vault {vault}").ok()


class TestIdentity:
    @pytest.mark.parametrize("command", [ENABLE, f"{ROTATE} --yes"])
    def test_of_another_group_is_told_with_its_id(self, az, scene, officer, command):
        if command != ENABLE:
            scene.encrypt()
        scene.seed.group("elsewhere", OTHER_SUBSCRIPTION)
        other = ArmId(OTHER_SUBSCRIPTION, "elsewhere", IDENTITY_TYPE, "shared")
        scene.seed.identity(other)
        result = az(f"{command} --identity shared").ok()
        said = "There is an identity with the name 'shared' in resource group 'elsewhere'. To use that, specify its ID:"
        assert f"WARNING: {said} --identity {other}".lower() in result.err.lower()

    def test_that_the_command_names_itself_is_not_looked_for(self, azure, az, seed):
        az(ENABLE).ok()
        assert not [entry for entry in azure.log() if entry["path"].endswith("Microsoft.ResourceGraph/resources")]


def test_what_resource_graph_does_not_tell_stops_nothing(azure, az, seed):
    azure.fault("status", method="POST", path="ResourceGraph/resources$", status=403, times=9)
    rows = az(f"{ENABLE} --key-vault newvault --identity newidentity --what-if").json()
    assert "Could not determine whether a managed HSM has this name" in reason_of(rows, "vault")
    az(f"{ENABLE} --key-vault newvault --identity newidentity").ok()


@pytest.mark.parametrize("key", ["0123456789abcdef0123456789abcdef", "0123456789ABCDEF0123456789ABCDEF"])
def test_a_version_of_a_key_is_never_the_name_of_a_new_one(azure, az, key):
    for command in (ENABLE, ROTATE):
        result = az(f"{command} --key {key}")
        assert (result.code, azure.log()) == (1, []), result
        assert "looks like a version of a key" in result.err
