"""What a run has just created may be unknown to other front ends of Azure for a while: it waits, and says so."""

from __future__ import annotations

import re

import pytest

from tests.harness.seed import ENABLE, IDENTITY, LOCATION, REGISTRY, VAULT, bodies
from tests.harness.waiting import until

# The setting, the name that is said, and the request that meets it.
LAGS = {
    "group_lag_seconds": ("rg", "PUT", "/providers/"),
    "vault_lag_seconds": (VAULT.name, "PUT", "/vaults/[^/]+/"),
    "identity_lag_seconds": (IDENTITY.name, "PUT", "/registries/"),
    "registry_lag_seconds": ("", "GET", "/registries/[^/]+$"),
}
LAG = 5_000
# The command's own time runs so much faster: minutes are seconds.
PACE = 20


def failed(azure, method: str, path: str) -> int:
    """How many such requests the Azure of a test has refused."""
    met = [each for each in azure.log() if each["method"] == method and re.search(path, each["path"], re.IGNORECASE)]
    return len([each for each in met if each["status"] in (400, 404)])


@pytest.mark.parametrize(("lag", "model"), [*((lag, "rbac") for lag in LAGS), ("vault_lag_seconds", "access-policy")])
def test_what_is_new_is_waited_for(azure, az, lag, model):
    name, *met = LAGS[lag]
    azure.settings(**{lag: LAG})
    running = az.start(f"{ENABLE} -l {LOCATION} --permission-model {model}", pace=PACE)
    until(lambda: failed(azure, *met) > 3)  # the registry is missing once before it is created, too
    azure.advance(LAG)
    result = running.wait()
    assert result.json()["health"] == "healthy"
    if name:
        assert f"Waiting for Azure to know {name} everywhere (up to 300 seconds)" in result.err, result
    else:
        assert len(bodies(azure, "PUT", f"registries/{REGISTRY.name}")) == 1
    assert azure.pull(REGISTRY.name)["status"] == 200


def test_the_wait_has_an_end_and_few_tries(azure, az):
    azure.settings(group_lag_seconds=100_000)
    result = az(f"{ENABLE} -l {LOCATION}", pace=100)
    assert result.code != 0
    assert "could not be found" in result.err
    assert failed(azure, "PUT", f"/{IDENTITY.name}$") < 40


def test_what_this_run_did_not_create_is_not_waited_for(azure, az, seed):
    seed.parts()
    azure.settings(identity_lag_seconds=100_000)
    result = az(ENABLE)
    assert result.code == 1, result
    assert failed(azure, "PUT", "/registries/") == 1
    assert "was not found" in result.err


class TestLostConnections:
    """A PATCH says what is to be in the end: it is sent again. So is what only asks by POST."""

    @pytest.mark.parametrize("action", ["reset-before", "reset-after"])
    def test_of_a_patch_of_the_registry(self, azure, quick_az, scene, action):
        scene.encrypt()
        scene.new_version()
        azure.fault(action, method="PATCH", path="registries/myregistry$")
        quick_az("acr cmk rotate -n myregistry -g rg --no-new-version --yes").ok()
        assert azure.pull(REGISTRY.name)["status"] == 200

    @pytest.mark.parametrize("action", ["reset-before", "reset-after"])
    def test_of_a_patch_of_a_key(self, azure, quick_az, scene, action):
        scene.encrypt()
        scene.officer()
        azure.fault(action, method="PATCH", path="/keys/")
        quick_az("acr cmk revoke -n myregistry -g rg --by key --yes").ok()
        assert azure.pull(REGISTRY.name)["status"] == 403

    def test_of_questions_by_post(self, azure, quick_az, seed):
        azure.fault("reset-before", method="POST", path="management", each=True)
        assert "beforehand" not in quick_az(ENABLE).ok().err

    @pytest.mark.parametrize("action", ["reset-before", "reset-after"])
    def test_a_new_version_is_never_asked_for_twice(self, azure, quick_az, scene, action):
        scene.encrypt()
        scene.officer()
        azure.fault(action, method="POST", path="/rotate$")
        quick_az("acr cmk rotate -n myregistry -g rg --yes")
        assert len([entry for entry in azure.log() if entry["path"].endswith("/rotate")]) == 1
