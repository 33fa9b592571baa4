"""A registry that is named is found in another subscription too: commands that read go on there, others say where."""

from __future__ import annotations

import pytest

from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.harness.seed import changes

FLEET = {"registries": 6, "vaults": 2, "keys": 6, "subscriptions": 2, "seed": 3, "damaged": 0}
GRAPH = "/providers/Microsoft.ResourceGraph/resources"


@pytest.fixture
def there(azure) -> str:
    """The id of an encrypted registry in the other subscription."""
    ids = azure.seed_fleet(**FLEET)["registries"]
    azure.clear_log()
    return next(id_ for id_, some in ids.items() if OTHER_SUBSCRIPTION in id_ and "not encrypted" not in some)


def name_of(id_: str) -> str:
    return id_.rsplit("/", 1)[-1]


@pytest.mark.parametrize("command", ["show", "check"])
def test_commands_that_read_go_on_and_say_where(azure, quick_az, there, command):
    result = quick_az(f"acr cmk {command} -n {name_of(there).upper()}").ok()
    assert f"in another subscription than the current one: {there}" in result.err
    assert there.lower() in result.out.lower()
    assert quick_az(f"acr cmk {command} -n {name_of(there)} --subscription {OTHER_SUBSCRIPTION}").ok().err == ""


@pytest.mark.parametrize("command", ["rotate --yes", "revoke --yes", "repair --yes"])
def test_commands_that_change_say_where_and_change_nothing(azure, quick_az, there, command):
    verb, options = command.split()
    result = quick_az(f"acr cmk {verb} -n {name_of(there)} {options}")
    assert result.code == 3, result
    assert f"is not in subscription {SUBSCRIPTION}, but in another one: {there}" in result.err
    assert f"--subscription {OTHER_SUBSCRIPTION}" in result.err
    assert [each for each in changes(azure) if GRAPH not in each] == []


@pytest.mark.parametrize("status", [403, 429, 500])
def test_without_an_answer_it_is_not_found(azure, az, there, status):
    azure.fault("status", method="POST", path=GRAPH, status=status, body={"error": {"code": "No"}}, times=999)
    result = az(f"acr cmk show -n {name_of(there)}", pace=20)
    assert (result.code, "No registry" in result.err) == (3, True), result


def test_one_that_is_nowhere_is_not_found_nor_one_that_is_gone(azure, quick_az, seed, there):
    azure.settings(graph_seconds=10_000)
    seed.delete(there)
    for name in ("nosuchregistry", name_of(there)):
        result = quick_az(f"acr cmk check -n {name}")
        assert (result.code, f"No registry '{name}' was found" in result.err) == (3, True), result
        assert "in another subscription" not in result.err
