"""Token buckets of Resource Manager for reads (facts: fleet.md 2.1). Off, unless asked for."""

from __future__ import annotations

import pytest

from sandbox.resource_manager.builtin_roles import READER
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.harness.in_process_azure import GROUP, Azure, registry_path, vault_body, vault_path

LEFT = "x-ms-ratelimit-remaining-subscription-reads"
GROUP_READ = f"{GROUP}?api-version=2024-11-01"


@pytest.fixture
def azure():
    """Three reads at once, and one more each second."""
    return Azure(arm_read_bucket=3, arm_read_rate=1.0, clock_scale=0.001)


def statuses(azure: Azure, number: int, path: str = GROUP_READ, **how) -> list[int]:
    return [azure.send("GET", path, **how).status for _ in range(number)]


def test_without_a_bucket_all_are_let_through():
    azure = Azure(clock_scale=0.001)
    assert statuses(azure, 400) == [200] * 400
    assert azure.send("GET", GROUP_READ).headers[LEFT] == "1199"


def test_a_bucket_is_emptied_and_fills_again(azure):
    assert statuses(azure, 5) == [200, 200, 200, 429, 429]
    azure.advance(2)
    assert statuses(azure, 3) == [200, 200, 429]
    azure.advance(3_600)
    assert statuses(azure, 4) == [200, 200, 200, 429]


def test_writes_and_deletions_have_buckets_of_their_own():
    azure = Azure(arm_write_bucket=2, arm_write_rate=0.5, clock_scale=0.001)
    body = {"location": "westus"}
    replies = [azure.send("PUT", GROUP_READ, body) for _ in range(3)]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert "Number of 'write' requests" in replies[-1].body["error"]["message"]
    assert replies[-1].headers["Retry-After"] == "2"
    assert azure.send("DELETE", f"{registry_path('none1')}").status == 204
    assert statuses(azure, 5) == [200] * 5
    azure.advance(2)
    assert azure.send("PUT", GROUP_READ, body).status == 200


def test_tells_what_is_left(azure):
    assert [azure.send("GET", GROUP_READ).headers[LEFT] for _ in range(4)] == ["2", "1", "0", "0"]


def test_tells_how_long_to_wait():
    azure = Azure(arm_read_bucket=1, arm_read_rate=0.1, clock_scale=0.001)
    azure.send("GET", GROUP_READ)
    reply = azure.send("GET", GROUP_READ)
    assert reply.headers["Retry-After"] == "10"
    assert reply.body["error"] == {
        "code": "SubscriptionRequestsThrottled",
        "message": f"Number of 'read' requests for subscription '{SUBSCRIPTION}' actor '{azure.owner.object_id}' "
        "exceeded. Please try again after '10' seconds after additional tokens are available. Refer to "
        "https://aka.ms/arm-throttling for additional information.",
    }
    azure.advance(10)
    assert azure.send("GET", GROUP_READ).status == 200


def test_each_subscription_and_principal_has_its_own(azure):
    reader = azure.principal(READER, f"/subscriptions/{SUBSCRIPTION}")
    other = f"/subscriptions/{OTHER_SUBSCRIPTION}?api-version=2022-12-01"
    assert statuses(azure, 4) == [200, 200, 200, 429]
    assert statuses(azure, 4, other) == [200, 200, 200, 429]
    assert statuses(azure, 4, as_=reader) == [200, 200, 200, 429]


def test_so_has_what_lies_in_none(azure):
    reply = [azure.send("GET", "/subscriptions?api-version=2022-12-01") for _ in range(4)]
    assert [each.status for each in reply] == [200, 200, 200, 429]
    assert reply[0].headers["x-ms-ratelimit-remaining-tenant-reads"] == "2"
    assert reply[3].body["error"]["code"] == "TenantRequestsThrottled"


def test_reads_of_resources_count_whatever_the_answer(azure):
    assert statuses(azure, 4, registry_path()) == [404, 404, 404, 429]


def test_writes_do_not_count(azure):
    for _ in range(6):
        azure.ok("PUT", vault_path("vault1"), vault_body())
    assert statuses(azure, 4) == [200, 200, 200, 429]


def test_nor_do_queries_of_resource_graph(azure):
    path = "/providers/Microsoft.ResourceGraph/resources?api-version=2024-04-01"
    assert [azure.send("POST", path, {"query": "resources"}).status for _ in range(6)] == [200] * 6


def test_nor_do_keys_in_the_vault(azure):
    officer = azure.officer(azure.vault(enableRbacAuthorization=True))
    assert [azure.send("GET", "https://vault1.vault.azure.net/keys", as_=officer).status for _ in range(6)] == [200] * 6
