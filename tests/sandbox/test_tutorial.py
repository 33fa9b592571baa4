"""The whole tutorial of customer-managed keys, by core `az` commands, in both access models; and what follows it."""

from __future__ import annotations

import pytest

from sandbox.client import OWNER
from tests.harness.az import Az

OFFICER = "Key Vault Crypto Officer"
ENCRYPTION_USER = "Key Vault Crypto Service Encryption User"


def prepare(az: Az) -> dict:
    """The group and the identity. Returns the identity."""
    az("group create -n rg -l westus").ok()
    az("identity create -g rg -n id1").ok()
    return az("identity show -g rg -n id1").json()


def vault_with_roles(az: Az, principal: str) -> None:
    vault = az("keyvault create -g rg -n kv-tutorial --enable-purge-protection").json()["id"]
    az(f'role assignment create --assignee {OWNER.app_id} --role "{OFFICER}" --scope {vault}').ok()
    az(
        f"role assignment create --assignee-object-id {principal} --assignee-principal-type ServicePrincipal "
        f'--role "{ENCRYPTION_USER}" --scope {vault}'
    ).ok()


def vault_with_policies(az: Az, principal: str) -> None:
    az("keyvault create -g rg -n kv-tutorial --enable-purge-protection --enable-rbac-authorization false").ok()
    az(f"keyvault set-policy -n kv-tutorial --object-id {principal} --key-permissions get unwrapKey wrapKey").ok()


def make_registry(az: Az, identity: dict, key: str) -> dict:
    az(f"acr create -g rg -n tutorial1 --sku Premium --identity {identity['id']} --key-encryption-key {key}").ok()
    return az("acr encryption show -n tutorial1").json()


@pytest.mark.parametrize("make_vault", [vault_with_roles, vault_with_policies])
def test_tutorial(az, sandbox, make_vault):
    identity = prepare(az)
    make_vault(az, identity["principalId"])
    az("keyvault key create --vault-name kv-tutorial -n key1").ok()
    first = az("keyvault key show --vault-name kv-tutorial -n key1").json()["key"]["kid"]
    shown = make_registry(az, identity, first)
    assert shown["status"] == "enabled"
    assert shown["keyVaultProperties"]["versionedKeyIdentifier"] == first
    assert shown["keyVaultProperties"]["identity"] == identity["clientId"]
    assert sandbox.pull("tutorial1")["status"] == 200

    second = az("keyvault key create --vault-name kv-tutorial -n key1").json()["key"]["kid"]
    az(f"acr encryption rotate-key -n tutorial1 --key-encryption-key {second} --identity {identity['id']}").ok()
    rotated = az("acr encryption show -n tutorial1").json()["keyVaultProperties"]
    assert rotated["versionedKeyIdentifier"] == second
    assert rotated["lastKeyRotationTimestamp"]
    assert sandbox.pull("tutorial1")["status"] == 200


def test_automatic_rotation(az, sandbox):
    identity = prepare(az)
    vault_with_roles(az, identity["principalId"])
    key = az("keyvault key create --vault-name kv-tutorial -n key1").json()["key"]["kid"].rpartition("/")[0]
    assert make_registry(az, identity, key)["keyVaultProperties"]["keyRotationEnabled"] is True
    newest = az("keyvault key rotate --vault-name kv-tutorial -n key1").json()["key"]["kid"]
    sandbox.advance(3600)
    assert az("acr encryption show -n tutorial1").json()["keyVaultProperties"]["versionedKeyIdentifier"] == newest
    assert sandbox.pull("tutorial1")["status"] == 200


def test_revocation_and_loss(az, sandbox):
    identity = prepare(az)
    vault_with_policies(az, identity["principalId"])
    key = az("keyvault key create --vault-name kv-tutorial -n key1").json()["key"]["kid"]
    make_registry(az, identity, key)
    policy = f"-n kv-tutorial --object-id {identity['principalId']}"
    az(f"keyvault delete-policy {policy}").ok()
    assert sandbox.pull("tutorial1")["status"] == 403
    refused = az(f"acr encryption rotate-key -n tutorial1 --key-encryption-key {key} --identity {identity['id']}")
    assert refused.code
    assert "Failed to access KeyId" in refused.err
    az(f"keyvault set-policy {policy} --key-permissions get unwrapKey wrapKey").ok()
    assert sandbox.pull("tutorial1")["status"] == 200

    az("keyvault key set-attributes --vault-name kv-tutorial -n key1 --enabled false").ok()
    assert sandbox.pull("tutorial1")["status"] == 403
    az("keyvault key set-attributes --vault-name kv-tutorial -n key1 --enabled true").ok()
    az("keyvault delete -n kv-tutorial").ok()
    assert sandbox.pull("tutorial1")["status"] == 403
    az("keyvault recover -n kv-tutorial").ok()
    assert sandbox.pull("tutorial1")["status"] == 200


def test_system_identity_takes_over(az, sandbox):
    identity = prepare(az)
    vault_with_policies(az, identity["principalId"])
    key = az("keyvault key create --vault-name kv-tutorial -n key1").json()["key"]["kid"]
    make_registry(az, identity, key)
    system = az("acr identity assign -n tutorial1 --identities [system]").json()["identity"]["principalId"]
    az(f"keyvault set-policy -n kv-tutorial --object-id {system} --key-permissions get unwrapKey wrapKey").ok()
    az(f"acr encryption rotate-key -n tutorial1 --key-encryption-key {key} --identity [system]").ok()
    az(f"acr identity remove -n tutorial1 --identities {identity['id']}").ok()
    assert az("acr encryption show -n tutorial1").json()["keyVaultProperties"]["identity"] == "system"
    assert sandbox.pull("tutorial1")["status"] == 200
