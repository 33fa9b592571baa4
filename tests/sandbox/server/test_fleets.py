"""Fleets, management groups and Resource Graph by the wire and the control API."""

from __future__ import annotations

import pytest

from sandbox.client import Sandbox
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION, TENANT

GRAPH = "/providers/Microsoft.ResourceGraph/resources"
REGISTRIES = "where type == 'microsoft.containerregistry/registries' | project id, name, tags, sku"


def ask(sandbox: Sandbox, query: str, **body) -> list[dict]:
    answer = sandbox.arm("POST", GRAPH, {"query": query, **body}, "2024-04-01")
    assert answer.ok, answer.text
    return answer.json()["data"]


def test_a_fleet_is_seeded_and_told(sandbox):
    fleet = sandbox.seed_fleet(registries=40, vaults=10, keys=20, subscriptions=3, seed=7)
    assert set(fleet["registries"]) == {row["id"] for row in ask(sandbox, REGISTRIES)}
    assert len(fleet["subscriptions"]) == 3
    assert sum(map(len, fleet["registries"].values())) == sum(fleet["damages"].values())
    assert len(ask(sandbox, REGISTRIES, subscriptions=[SUBSCRIPTION])) < 40
    direct = sandbox.arm("GET", next(iter(fleet["registries"])), None, "2025-11-01")
    assert direct.json()["location"]


def test_a_fleet_that_can_not_be_is_refused(sandbox):
    with pytest.raises(ValueError, match="A fleet has at least one of all"):
        sandbox.seed_fleet(registries=0)
    with pytest.raises(ValueError, match="TypeError"):
        sandbox.seed_fleet(hsms=1)


def test_a_management_group_is_added(sandbox):
    added = sandbox.management_group("mine", subscriptions=[OTHER_SUBSCRIPTION])
    assert added == {"id": "/providers/Microsoft.Management/managementGroups/mine", "name": "mine"}
    query = "resourcecontainers | where type == 'microsoft.resources/subscriptions' | project subscriptionId"
    assert ask(sandbox, query, managementGroups=["mine"]) == [{"subscriptionId": OTHER_SUBSCRIPTION}]
    assert len(ask(sandbox, query, managementGroups=[TENANT])) == 2


def test_lag_that_is_asked_for_begins_with_what_is(sandbox):
    sandbox.seed_fleet(registries=3, vaults=1, keys=1, subscriptions=1, damaged=0)
    sandbox.settings(graph_seconds=60)
    sandbox.change_registry("fleet00000", sku="Basic")
    (before,) = [row for row in ask(sandbox, REGISTRIES) if row["name"] == "fleet00000"]
    sandbox.advance(60)
    (after,) = [row for row in ask(sandbox, REGISTRIES) if row["name"] == "fleet00000"]
    assert (before["sku"]["name"], after["sku"]["name"]) == ("Premium", "Basic")


def test_a_large_fleet_shows_what_is_changed(sandbox):
    """Of a large world a copy is kept between queries, and made again after whatever may have changed it."""
    sandbox.seed_fleet(registries=600, vaults=10, keys=20, subscriptions=2)
    query = f"{REGISTRIES} | where name in ('fleet00000', 'fleet00001') | order by id asc"
    first, second = ask(sandbox, query)
    sandbox.change_registry("fleet00000", sku="Standard")
    sandbox.arm("PATCH", second["id"], {"tags": {"changed": "yes"}}, "2025-11-01").raise_for_status()
    later = {row["name"]: row for row in ask(sandbox, query)}
    assert later["fleet00000"]["sku"]["name"] == "Standard" != first["sku"]["name"]
    assert later["fleet00001"]["tags"] == {"changed": "yes"}
    reader = sandbox.principal()
    refused = sandbox.arm("POST", GRAPH, {"query": query}, "2024-04-01", as_=reader)
    assert refused.status_code == 403


def test_a_fleet_is_saved_and_restored(sandbox):
    fleet = sandbox.seed_fleet(registries=20, vaults=4, keys=8, subscriptions=2)
    sandbox.save()
    sandbox.arm("DELETE", next(iter(fleet["registries"])), None, "2025-11-01").raise_for_status()
    assert len(ask(sandbox, REGISTRIES)) == 19
    sandbox.restore()
    assert len(ask(sandbox, REGISTRIES)) == 20
