"""The whole tutorial of customer-managed keys, by core `az` commands, in both access models; and what follows it.

And what of its text fails as it is printed, written anew from its description (facts peers.md 1 and 4).
"""

from __future__ import annotations

import json

import pytest

from sandbox.client import OWNER
from tests.harness.az import Az
from tests.sandbox.resource_manager.deployments.test_key_templates import tutorial

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


# As printed


def test_the_access_policy_of_a_vault_as_az_makes_it_today(az):
    """Option 1 of the text: the vault is made without the option that the policy requires."""
    identity = prepare(az)
    az("keyvault create -g rg -n kv-tutorial --enable-purge-protection").ok()
    policy = f"--object-id {identity['principalId']} --key-permissions get unwrapKey wrapKey"
    refused = az(f"keyvault set-policy -g rg -n kv-tutorial {policy}")
    assert refused.code == 1
    assert "Cannot set policies to a vault with '--enable-rbac-authorization' specified" in refused.err


def test_the_role_that_nothing_waits_for(az, sandbox):
    """Option 2: the registry is made right after the role was assigned."""
    identity = prepare(az)
    sandbox.settings(role_seconds=120)
    vault = az("keyvault create -g rg -n kv-tutorial --enable-purge-protection").json()["id"]
    key = az(f"rest --method put --url {vault}/keys/key1?api-version=2026-02-01 --body {KEY_BODY}").json()
    az(
        f"role assignment create --assignee-object-id {identity['principalId']} --assignee-principal-type "
        f'ServicePrincipal --role "{ENCRYPTION_USER}" --scope {vault}'
    ).ok()
    create = f"acr create -g rg -n tutorial1 --sku Premium --identity {identity['id']} --key-encryption-key"
    refused = az(f"{create} {key['properties']['keyUri']}")
    assert refused.code == 1
    assert "Failed to access KeyId" in refused.err


def test_the_command_for_the_template(az, sandbox, tmp_path):
    """It gives `key_id`, and the parameter is `kek_id`: refused before anything is sent."""
    file = tmp_path / "template.json"
    file.write_text(json.dumps(tutorial()))
    given = "vault_name=v1 registry_name=r1 identity_name=i1 key_id=https://v1.vault.azure.net/keys/k1"
    refused = az(f"deployment group create -g rg -f {file} -p {given}")
    assert refused.code == 1
    assert "unrecognized template parameter 'key_id'" in refused.err
    assert not [entry for entry in sandbox.log() if "deployments" in entry["path"]]


def test_the_command_that_revokes(az):
    refused = az("keyvault key delete -- --object-id 00000000-0000-0000-0000-000000000000 -n key1")
    assert refused.code == 2
    assert "--object-id" in refused.err


KEY_BODY = """'{"properties": {"kty": "RSA"}}'"""
