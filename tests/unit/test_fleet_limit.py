"""The limit of `list`, from logs of which it can be said by hand."""

import pytest

from benchmarks.fleet_limit import Quotas, fleet_limit

QUOTAS = Quotas(queries=15, seconds=5, bucket=250, rate=25, at_once=64, latency=0.1)
REGISTRIES = "resources | where type =~ 'microsoft.containerregistry/registries' | project id, sku"
VAULTS = "resources | where type in~ ('microsoft.keyvault/vaults', 'microsoft.keyvault/managedhsms')"


def entry(path, body=None, status=200, method="GET"):
    return {"path": path, "body": body, "status": status, "method": method, "host": "management.azure.com"}


def query(text):
    return entry("/providers/Microsoft.ResourceGraph/resources", {"query": text}, method="POST")


def key(number, subscription="s", **more):
    return entry(f"/subscriptions/{subscription}/resourceGroups/g/providers/M.K/vaults/v/keys/k{number}", **more)


def registry(number):
    return entry(f"/subscriptions/s/resourceGroups/g/providers/M.C/registries/r{number}")


def vault(number):
    return entry(f"/subscriptions/s/resourceGroups/g/providers/M.K/vaults/v{number}")


NAME = entry("/subscriptions/s/providers/M.K/checkNameAvailability", method="POST")
DELETED = entry("/subscriptions/s/providers/M.K/deletedVaults")
RESOURCES = entry("/subscriptions/s/resources")
LOOK = [query(REGISTRIES), query(VAULTS)]


@pytest.mark.parametrize(
    ("log", "seconds"),
    [
        ([], 0),
        ([query(REGISTRIES)], 0.1),
        (LOOK, 0.2),
        # Two pages are as long as three: the first tells how many there are.
        ([*[query(REGISTRIES)] * 2, query(VAULTS)], 0.3),
        ([*[query(REGISTRIES)] * 3, query(VAULTS)], 0.3),
        # Sixteen queries are one more than the first window lets through.
        ([*LOOK, *[query("other")] * 13], 0.3),
        ([*LOOK, *[query("other")] * 14], 5.1),
        # Keys, side by side.
        ([*LOOK, *map(key, range(64))], 0.3),
        ([*LOOK, *map(key, range(65))], 0.4),
        # The bucket of one subscription; of two, each has its own.
        ([*LOOK, *map(key, range(750))], 0.2 + 20),
        ([*LOOK, *map(key, range(250)), *(key(n, "t") for n in range(250))], 0.2 + 0.8),
        # What is in doubt comes after all that; what was throttled is not counted.
        ([*LOOK, key(1), registry(1)], 0.4),
        ([*LOOK, key(1), key(2, status=429), *map(registry, range(65))], 0.5),
        # Each of these is asked for because of what the one before it told.
        ([*LOOK, key(1), registry(1), NAME, DELETED, RESOURCES, entry("/subscriptions/s/other")], 0.8),
        ([*LOOK, key(1), registry(1), NAME, vault(1)], 0.5),
    ],
)
def test_limit(log, seconds):
    assert fleet_limit(log, QUOTAS) == pytest.approx(seconds)
