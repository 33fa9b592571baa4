"""Policies that change what is written, and those that require an external evaluation."""

from __future__ import annotations

import pytest

from sandbox.resource_manager.policies import DenyPolicy, ModifyPolicy
from sandbox.world import SUBSCRIPTION
from tests.harness.in_process_azure import ARM, Azure, vault_body, vault_path

SCOPE = f"/subscriptions/{SUBSCRIPTION}"
VAULTS = "Microsoft.KeyVault/vaults"
TOKEN = f"{SCOPE}/providers/Microsoft.Authorization/acquirePolicyToken?api-version=2025-11-01"


@pytest.fixture
def azure() -> Azure:
    return Azure()


def modify(azure: Azure, *operations: dict, **more) -> None:
    azure.world.policies.append(ModifyPolicy("rewrites", VAULTS, SCOPE, operations, **more))


def test_what_is_written_is_changed_and_the_caller_is_not_told(azure):
    modify(
        azure,
        {"operation": "addOrReplace", "field": "properties.publicNetworkAccess", "value": "Disabled"},
        {"operation": "add", "field": "tags.owner", "value": "us"},
        {"operation": "remove", "field": "tags.secret"},
    )
    body = {**vault_body(publicNetworkAccess="Enabled"), "tags": {"secret": "x"}}
    made = azure.ok("PUT", vault_path("v1234"), body)
    assert (made["properties"]["publicNetworkAccess"], made["tags"]) == ("Disabled", {"owner": "us"})
    azure.ok("PATCH", vault_path("v1234"), {"tags": {"owner": "them"}})
    assert azure.get(vault_path("v1234"))["tags"] == {"owner": "them"}


def test_only_where_its_condition_holds(azure):
    operation = {"operation": "add", "field": "tags.owner", "value": "us"}
    modify(azure, operation, condition={"field": "location", "equals": "northeurope"})
    assert not azure.ok("PUT", vault_path("v1234"), vault_body()).get("tags")


def test_an_external_evaluation_is_proven_by_a_token_for_the_request(azure):
    azure.world.policies.append(DenyPolicy("external", VAULTS, SCOPE, external=True))
    put = ("PUT", vault_path("v1234"), vault_body())
    assert azure.error(*put)[1]["code"] == "RequestDisallowedByPolicy"
    operation = {"uri": f"{ARM}{vault_path('other')}", "httpMethod": "PUT", "content": {}}
    other = azure.ok("POST", TOKEN, {"operation": operation})["token"]
    assert azure.send(*put, headers={"x-ms-policy-external-evaluations": other}).status == 403
    token = azure.ok("POST", TOKEN, {"operation": {**operation, "uri": f"{ARM}{vault_path('v1234')}"}})["token"]
    azure.ok(*put, headers={"x-ms-policy-external-evaluations": token})
    assert azure.error("POST", TOKEN, {})[0] == 400
