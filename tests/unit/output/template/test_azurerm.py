"""Terraform by azurerm, 4.42 to 5: the rules of both (facts templates.md 4.1)."""

from __future__ import annotations

from functools import cache

import hcl2
import pytest

from azext_acrcmk.output.template.first import problems_of
from azext_acrcmk.output.template.formats import FORMATS
from tests.unit.output.template.test_azapi import plain
from tests.unit.output.template.test_formats import GOALS

WRITTEN = {goal: make() for goal, make in GOALS.items() if not problems_of(make(), "azurerm")}


@cache
def parsed(goal):
    return hcl2.loads(FORMATS["azurerm"].write(WRITTEN[goal]))


def resources(goal, kind):
    """The resources of a kind, by their names."""
    found = {}
    for entry in parsed(goal).get("resource", []):
        for quoted, named in entry.items():
            if quoted.strip('"') == kind:
                found |= {name.strip('"'): plain(body) for name, body in named.items()}
    return found


@pytest.mark.parametrize("goal", WRITTEN)
def test_versions_and_features(goal):
    (terraform,) = parsed(goal)["terraform"]
    (required,) = terraform["required_providers"]
    assert plain(required["azurerm"])["version"] == ">= 4.42, < 6.0"
    # One for each subscription.
    providers = [plain(each) for entry in parsed(goal)["provider"] for each in entry.values()]
    assert len({each["subscription_id"] for each in providers}) == len(providers) >= 1
    for each in providers:
        (features,) = each["features"]
        assert features["key_vault"] == [FEATURES]


FEATURES = {
    "purge_soft_delete_on_destroy": False,
    "purge_soft_deleted_keys_on_destroy": False,
    "recover_soft_deleted_key_vaults": True,
}


def test_a_new_vault_names_its_permission_model_in_the_new_spelling():
    """It is required from 5.0 on, and there since 4.42."""
    for goal, uses_roles in (("new", True), ("policies", False)):
        (vault,) = resources(goal, "azurerm_key_vault").values()
        assert vault["rbac_authorization_enabled"] is uses_roles
        assert "enable_rbac_authorization" not in vault
        assert vault["purge_protection_enabled"] is True


def test_the_caller_gets_access_to_create_the_key_and_waits_for_it():
    """The provider creates keys on the data plane."""
    roles = resources("new", "azurerm_role_assignment")
    assert roles["caller"]["role_definition_name"] == "Key Vault Crypto Officer"
    waits = resources("new", "time_sleep")
    assert set(waits) == {"caller", "grant"}
    assert "depends_on" in resources("new", "azurerm_key_vault_key")["key"]


@pytest.mark.parametrize("goal", ["new", "on the key", "existing elsewhere"])
def test_the_grant_has_the_name_that_the_command_gives_it(goal):
    role = resources(goal, "azurerm_role_assignment")["grant"]
    text = FORMATS["azurerm"].write(WRITTEN[goal])
    assert 'uuidv5("11fb06fb-712d-4ddd-98c7-e71bbd588830", join("-", [' in text
    assert role["principal_type"] == "ServicePrincipal"
    assert resources(goal, "azurerm_container_registry")["registry"]["depends_on"]


@pytest.mark.parametrize(("goal", "attribute"), [("new", "versionless_id"), ("pinned", "key.id")])
def test_rotation_is_by_the_id_of_the_key(goal, attribute):
    assert f"azurerm_key_vault_key.{attribute if '.' in attribute else f'key.{attribute}'}" in FORMATS["azurerm"].write(
        WRITTEN[goal]
    )


def test_an_export_imports_what_is_there():
    text = FORMATS["azurerm"].write(WRITTEN["export"])
    assert text.count("import {") >= 1
    assert "Microsoft.ContainerRegistry/registries/myregistry" in text
