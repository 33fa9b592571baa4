"""Policies that change what is written, without telling: what Azure kept is reported, and judged."""

from __future__ import annotations

import pytest

from azext_acrcmk.model.ids import IDENTITY_TYPE, REGISTRY_TYPE, VAULT_TYPE
from tests.harness.revoke import permissions, pulled, roles
from tests.harness.seed import ENABLE, REGISTRY, VAULT, changes, outcomes

REPLACE, ADD, REMOVE = "addOrReplace", "add", "remove"


@pytest.fixture
def az(quick_az):
    return quick_az


@pytest.fixture
def rewritten(azure):
    """Rewrites fields of what is written of a type: `field=value` by `operation`."""

    def rewrite(type_: str, operation: str, **fields) -> None:
        operations = [
            {"operation": operation, "field": field.replace("__", "."), "value": value}
            for field, value in fields.items()
        ]
        azure.modify(type_, *operations, name=f"{operation}-{'-'.join(fields)}")

    return rewrite


def test_tags_and_settings_of_the_owner_of_the_landing_zone_stand_and_a_second_run_is_content(
    azure, az, seed, rewritten
):
    for type_ in (IDENTITY_TYPE, VAULT_TYPE, REGISTRY_TYPE):
        rewritten(type_, ADD, tags__owner="us")
    rewritten(REGISTRY_TYPE, REPLACE, properties__publicNetworkAccess="Disabled", properties__dataEndpointEnabled=True)
    assert az(ENABLE).json()["health"] == "healthy"
    registry = seed.get(REGISTRY)
    assert (registry["tags"], registry["properties"]["publicNetworkAccess"]) == ({"owner": "us"}, "Disabled")
    azure.clear_log()
    assert set(outcomes(az(ENABLE).json()).values()) == {"reused"}
    assert changes(azure) == []


def test_an_option_that_was_typed_and_not_kept_is_told_by_a_second_run(azure, az, seed, rewritten):
    rewritten(REGISTRY_TYPE, REPLACE, properties__publicNetworkAccess="Disabled")
    command = f"{ENABLE} --public-network-enabled true"
    az(command).ok()
    result = az(command)
    assert result.code == 1
    assert "--public-network-enabled is false, not true" in result.err


def test_the_permission_model_that_the_vault_got_is_the_one_that_is_granted_by(azure, az, seed, rewritten):
    rewritten(VAULT_TYPE, REPLACE, properties__enableRbacAuthorization=True)
    az(f"{ENABLE} --permission-model access-policy").ok()
    assert pulled(azure) == 200
    assert len(roles(seed)) == 1


def test_and_so_the_other_way_around(azure, az, seed, rewritten):
    rewritten(VAULT_TYPE, REPLACE, properties__enableRbacAuthorization=False, properties__accessPolicies=[])
    az(ENABLE).ok()
    assert pulled(azure) == 200
    assert len(permissions(seed)) == 1


def test_a_vault_that_got_a_firewall_is_told_with_the_way_out(azure, az, seed, rewritten):
    closed = {"bypass": "None", "defaultAction": "Deny"}
    rewritten(VAULT_TYPE, REPLACE, properties__networkAcls=closed)
    result = az(f"{ENABLE} --grant-timeout 0")
    assert result.code == 1
    assert "firewall" in result.err
    assert f"az keyvault update --name {VAULT.name}" in result.err


def test_a_tag_of_the_command_that_does_not_stay_loses_nothing(azure, az, seed, officer, rewritten):
    seed.encrypted()
    for name in ("acrcmk-rotated-from", "acrcmk-revoked"):
        rewritten(REGISTRY_TYPE, REMOVE, **{f"tags__{name}": None})
    az("acr cmk rotate -n myregistry --yes --disable-old-version").ok()
    assert pulled(azure) == 200
    az("acr cmk revoke -n myregistry --yes").ok()
    assert pulled(azure) == 403
    az("acr cmk restore -n myregistry").ok()
    assert pulled(azure) == 200
