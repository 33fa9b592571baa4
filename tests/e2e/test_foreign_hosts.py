"""Wherever an answer leads, nothing is sent to a host outside the cloud, and so no token."""

from __future__ import annotations

import certifi
import pytest

from sandbox.world import OWNER_OBJECT_ID
from tests.harness.seed import CRYPTO_OFFICER, ENABLE, REGISTRY, VAULT

EVIL = "https://management.azure.com.evil.example/next"
TOLD = "outside management.azure.com. No request was sent there."


def test_a_page_on_another_host(azure, az, seed):
    seed.encrypted()
    body = {"value": [], "nextLink": EVIL}
    azure.fault("status", method="GET", path="ContainerRegistry/registries$", status=200, body=body, times=9)
    result = az("acr cmk check -n myregistry -g rg")
    (row,) = [each for each in result.ok().json() if each["code"] == "KeyShared"]
    assert row["status"] == "unknown"
    assert EVIL in row["message"]
    assert TOLD in row["message"]


@pytest.mark.parametrize("header", ["Location", "Azure-AsyncOperation"])
def test_an_operation_on_another_host(azure, az, seed, header):
    seed.parts()
    body = seed.get(REGISTRY.group_id) | {"properties": {"provisioningState": "Creating"}, "name": "myregistry"}
    azure.fault("status", method="PUT", path="registries/myregistry$", status=201, body=body, headers={header: EVIL})
    result = az(ENABLE)
    assert result.code == 1
    assert TOLD in result.err


def test_a_redirect_to_another_host(azure, az, seed):
    seed.encrypted()
    azure.fault("status", path="registries/myregistry$", status=307, headers={"Location": EVIL}, body={}, times=9)
    result = az("acr cmk show -n myregistry -g rg")
    assert result.code == 1
    assert TOLD in result.err


def test_a_redirect_of_a_vault(azure, az, seed):
    seed.encrypted()
    seed.grant(OWNER_OBJECT_ID, VAULT, CRYPTO_OFFICER)
    azure.fault("status", path="/rotate$", status=307, headers={"Location": EVIL}, body={}, times=9)
    result = az("acr cmk rotate -n myregistry -g rg")
    assert result.code == 1
    assert f"outside {VAULT.name}.vault.azure.net. No request was sent there." in result.err


def test_a_server_that_shows_no_trusted_certificate(az, seed):
    seed.encrypted()
    command = "acr cmk show -n myregistry -g rg"
    az(command).ok()  # has its token from now on, so that Azure Resource Manager is asked first
    others = {"REQUESTS_CA_BUNDLE": certifi.where()}
    refused = az(command, environment=others)
    assert refused.code == 1
    assert "CERTIFICATE_VERIFY_FAILED" in refused.err
    assert "Traceback" not in refused.err
    told = az(command, environment={**others, "AZURE_CLI_DISABLE_CONNECTION_VERIFICATION": "1"}).ok()
    assert "Connection verification disabled" in told.err
