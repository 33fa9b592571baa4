"""The generic list of resources, where it lags."""

from __future__ import annotations

from sandbox.world import SUBSCRIPTION
from tests.harness.in_process_azure import Azure, vault_path

LIST = f"/subscriptions/{SUBSCRIPTION}/resources?$filter=resourceType eq 'Microsoft.KeyVault/vaults'"


def shown(azure: Azure) -> list[str]:
    return [each["name"] for each in azure.get(LIST)["value"]]


def test_what_is_new_comes_late_and_what_is_gone_stays_for_a_while():
    azure = Azure(resource_list_seconds=60)
    azure.vault("first")
    assert shown(azure) == []
    azure.advance(60)
    assert shown(azure) == ["first"]
    azure.ok("DELETE", vault_path("first"))
    azure.vault("second")
    assert shown(azure) == ["first"]
    azure.advance(60)
    assert shown(azure) == ["second"]


def test_without_lag_it_shows_what_is():
    azure = Azure()
    azure.vault("first")
    assert shown(azure) == ["first"]
    azure.ok("DELETE", vault_path("first"))
    assert shown(azure) == []
