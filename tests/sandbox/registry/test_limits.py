"""How many requests a registry takes."""

from __future__ import annotations

import pytest

from tests.harness.in_process_azure import Azure
from tests.harness.registry_client import CATALOG, RegistryClient, error

FULL = (429, "TOOMANYREQUESTS")


def client_of(sku: str, scale: float = 0.001) -> RegistryClient:
    """A client of a registry that takes only so much of what is documented."""
    azure = Azure()
    azure.registry(sku=sku)
    client = RegistryClient(azure)
    client.push_image("a", "v1")
    azure.world.settings = azure.world.settings.with_changes(registry_limits=scale)
    return client


@pytest.mark.parametrize(("sku", "reads"), [("Premium", 10), ("Basic", 5)])
def test_of_one_caller_half_of_what_the_tier_has(sku, reads):
    client = client_of(sku)
    answers = [client.pull("a", "v1") for _ in range(reads + 1)]
    assert [answer.status for answer in answers] == [200] * reads + [429]
    assert error(answers[-1]) == FULL
    other = RegistryClient(client.azure, client.azure.principal("8e3af657-a8ff-443c-a75c-2fe8c4bcb635"))
    answers = [other.pull("a", "v1").status for _ in range(reads + 1)]
    assert answers == [200] * reads + [429]
    third = RegistryClient(client.azure, client.azure.principal("8e3af657-a8ff-443c-a75c-2fe8c4bcb635"))
    assert third.pull("a", "v1").status == 429


def test_retry_after_tells_when_the_minute_ends():
    client = client_of("Basic")
    client.pull("a", "v1")
    client.azure.advance(20)
    (refused,) = [reply for reply in [client.pull("a", "v1") for _ in range(5)] if reply.status == 429]
    assert refused.headers["Retry-After"] in ("39", "40")
    client.azure.advance(float(refused.headers["Retry-After"]))
    assert client.pull("a", "v1").status == 200


def test_listings_of_referrers_have_a_limit_of_their_own():
    client = client_of("Premium", 0.002)
    path = f"/v2/a/referrers/{client.rows('a')[0]['digest']}"
    assert [client.on("a", "GET", path).status for _ in range(3)] == [200, 200, 429]
    assert client.pull("a", "v1").status == 200


def test_so_have_pushes_deletions_and_tokens():
    client = client_of("Premium", 0.0005)
    assert client.push_blob("a", b"1").status == 429
    assert client.on("a", "DELETE", "/acr/v1/a/_tags/v1").status == 202
    assert client.on("a", "DELETE", "/acr/v1/a/_tags/v1").status == 429
    tokens = [client.access(CATALOG, refresh="x").status for _ in range(12)]
    assert tokens.count(429) >= 2


def test_as_many_as_wanted_without():
    client = client_of("Basic", 0.0)
    assert {client.pull("a", "v1").status for _ in range(20)} == {200}
