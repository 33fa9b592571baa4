"""What is configured (`az config`) is no option that was typed; what a service writes in another way is the same."""

from __future__ import annotations

import json

import pytest

from sandbox.client import OWNER
from sandbox.world import OTHER_SUBSCRIPTION
from tests.harness.seed import ENABLE, VAULT, changes, outcomes


@pytest.fixture
def az_with(azure, az_as, tmp_path):
    """`az` with configured defaults, such as group="other"."""
    az, login = az_as(OWNER), azure.login(tmp_path)

    def run(command: str, **defaults: str):
        configured = {f"AZURE_DEFAULTS_{name.upper()}": value for name, value in defaults.items()}
        return az(command, environment={**login, **configured})

    return run


class TestLocation:
    def test_is_not_compared_by_enable(self, az_with, seed):
        seed.encrypted()
        assert set(outcomes(az_with(ENABLE, location="northeurope").json()).values()) == {"reused"}
        assert "--location is westeurope" in az_with(f"{ENABLE} -l northeurope", location="northeurope").err

    def test_does_not_keep_template_from_exporting(self, az_with, seed):
        seed.encrypted()
        command = "acr cmk template -n myregistry -g rg --only-show-errors"
        exported = az_with(command).json()
        assert az_with(command, location="northeurope").json() == exported


class TestGroup:
    def test_of_enable_and_check(self, azure, az_with, seed):
        az_with("acr cmk enable -n myregistry", group="rg").ok()
        az_with("acr cmk check -n myregistry", group="rg").ok()
        assert azure.pull("myregistry")["status"] == 200

    def test_that_the_registry_is_not_in_is_told_with_the_way_past_it(self, az_with, seed):
        seed.encrypted()
        missed = az_with("acr cmk check -n myregistry", group="other")
        assert missed.code == 3
        assert '--resource-group ""' in missed.err
        az_with('acr cmk check -n myregistry -g ""', group="other").ok()

    def test_does_not_narrow_a_list_of_more(self, az_with, seed, tmp_path):
        seed.encrypted()
        report = tmp_path / "fleet.json"
        for scope in ("--all", f"--all --report {report}"):
            listed = az_with(f"acr cmk list {scope}", group="other").json()
            assert [row["name"] for row in listed["registries"]] == ["myregistry"]
        again = az_with(f"acr cmk list --from {report}", group="other", subscription=OTHER_SUBSCRIPTION).json()
        assert len(again["registries"]) == 1
        missed = az_with("acr cmk list", group="other")
        assert missed.code == 3
        assert '--resource-group ""' in missed.err
        assert len(az_with('acr cmk list -g ""', group="other").json()["registries"]) == 1
        refused = az_with(f"acr cmk list --from {report} -g other")
        assert "--from can't be used with --resource-group: " in refused.err


class TestRegistry:
    def test_is_the_one_of_each_command_that_names_none(self, az_with, scene, officer):
        scene.encrypt()
        for command in ("show", "rotate", "revoke --yes", "restore"):
            az_with(f"acr cmk {command}", acr="myregistry").ok()

    def test_does_not_stand_against_ids(self, az_with, seed):
        identity = seed.encrypted()
        id_ = identity["id"].split("/providers/")[0] + "/providers/Microsoft.ContainerRegistry/registries/myregistry"
        shown = json.loads(az_with(f"acr cmk show --ids {id_}", acr="another", group="other").ok().out)
        assert shown["name"] == "myregistry"


@pytest.mark.parametrize(
    "options",
    [
        "-l 'West Europe'",
        "-l WESTEUROPE",
        "--key-size 2048 --key-type RSA",
        "--vault-sku standard --retention-days 90 --permission-model rbac",
        "--vault-public-network-access Enabled",
        "--rotation-period 90d",
        "--rotation-period P3M --key-lifetime P1Y",
        "--public-network-enabled true --default-action Allow --allow-trusted-services true --admin-enabled false",
        "--public-network-enabled false --default-action Allow",
        "--zone-redundancy Disabled --data-endpoint-enabled false --allow-exports true",
        "--role-assignment-mode rbac --allow-arm-audience-tokens true",
        "--restrict-vault-network",
        "--grant-scope key",
        "--tags a=b 'c d=e f'",
        f"--key-vault {str(VAULT).upper()}",
        "--identity MYREGISTRY-CMK --key MYREGISTRY-CMK",
    ],
)
def test_the_same_command_again_finds_what_it_asked_for(azure, seed, quick_az, options):
    command = f"{ENABLE} {options}"
    quick_az(command).ok()
    azure.clear_log()
    assert set(outcomes(quick_az(command).json()).values()) == {"reused"}
    assert changes(azure) == []
