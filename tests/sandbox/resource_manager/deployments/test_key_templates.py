"""Templates for a registry with a customer-managed key: one that works, and the tutorial's, which does not.

The tutorial's is written anew from its description (facts peers.md, "MS tutorial, ARM template", and templates.md 1.1):
identity, access policy and registry; vault and key come from elsewhere. Three faults: the version of the identity does
not exist, the command passes `key_id` where the parameter is `kek_id`, and the registry does not wait for the policy.
"""

import copy
import json

import pytest

from sandbox.registry.encryption import pull
from tests.harness import recordings
from tests.harness.in_process_azure import GROUP, Azure
from tests.harness.templates import IDENTITIES, Deployer, nested, write

VAULTS, REGISTRIES = "Microsoft.KeyVault/vaults", "Microsoft.ContainerRegistry/registries"


def text_parameter(**more):
    return {"type": "string", **more}


def encrypted_registry(identity_id, client_id, key, **more):
    return {
        "type": REGISTRIES,
        "apiVersion": "2025-04-01",
        "name": "[parameters('registryName')]",
        "location": "[resourceGroup().location]",
        "sku": {"name": "Premium"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity_id: {}}},
        "properties": {
            "encryption": {"status": "enabled", "keyVaultProperties": {"identity": client_id, "keyIdentifier": key}}
        },
        **more,
    }


def tutorial(identity_version="2023-07-01"):
    identity_id = f"[resourceId('{IDENTITIES}', parameters('identity_name'))]"
    identity = f"reference({identity_id[1:-1]}, '{identity_version}')"
    grant = {"tenantId": "[subscription().tenantId]", "objectId": f"[{identity}.principalId]"}
    grant["permissions"] = {"keys": ["get", "wrapKey", "unwrapKey"]}
    registry = encrypted_registry(identity_id, f"[{identity}.clientId]", "", dependsOn=[identity_id])
    registry["name"] = "[parameters('registry_name')]"
    key = registry["properties"]["encryption"]["keyVaultProperties"]
    key["KeyIdentifier"] = "[parameters('kek_id')]"
    del key["keyIdentifier"]
    return write(
        {
            "type": IDENTITIES,
            "apiVersion": identity_version,
            "name": "[parameters('identity_name')]",
            "location": "[resourceGroup().location]",
        },
        {
            "type": f"{VAULTS}/accessPolicies",
            "apiVersion": "2023-07-01",
            "name": "[concat(parameters('vault_name'), '/add')]",
            "dependsOn": [identity_id],
            "properties": {"accessPolicies": [grant]},
        },
        registry,
        parameters={name: text_parameter() for name in ("vault_name", "registry_name", "identity_name")}
        | {"kek_id": text_parameter(defaultValue="")},
    )


def complete(waits=3):
    """Identity, vault, key, grant, waits, registry: all that the registry needs, in the order that it needs."""
    identity_id = f"[resourceId('{IDENTITIES}', 'id1')]"
    identity = "reference(resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'id1'), '2024-11-30')"
    key_id = "[resourceId('Microsoft.KeyVault/vaults/keys', parameters('vaultName'), 'key1')]"
    vault_id = "[resourceId('Microsoft.KeyVault/vaults', parameters('vaultName'))]"
    role = "[subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'e147488a-f6f5-4113-8e2d-b22465e65bf6')]"
    vault = {
        "tenantId": "[tenant().tenantId]",
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": True,
        "accessPolicies": [],
        "enablePurgeProtection": True,
    }
    assignment = {
        "type": "Microsoft.Authorization/roleAssignments",
        "apiVersion": "2022-04-01",
        "scope": "[parameters('scope')]",
        "name": "[guid(parameters('scope'), parameters('principalId'), parameters('role'))]",
        "properties": {
            "roleDefinitionId": "[parameters('role')]",
            "principalId": "[parameters('principalId')]",
            "principalType": "ServicePrincipal",
        },
    }
    names = ("scope", "principalId", "role")
    grant = nested(
        "grant",
        write(assignment, parameters={name: text_parameter() for name in names}),
        parameters={"scope": key_id, "principalId": f"[{identity}.principalId]", "role": role},
        dependsOn=[identity_id, key_id],
    )
    loop = {"name": "wait", "count": waits, "mode": "serial", "batchSize": 1}
    return write(
        {"type": IDENTITIES, "apiVersion": "2024-11-30", "name": "id1", "location": "[resourceGroup().location]"},
        {
            "type": VAULTS,
            "apiVersion": "2026-02-01",
            "name": "[parameters('vaultName')]",
            "location": "[resourceGroup().location]",
            "properties": vault,
        },
        {
            "type": f"{VAULTS}/keys",
            "apiVersion": "2026-02-01",
            "name": "[format('{0}/key1', parameters('vaultName'))]",
            "dependsOn": [vault_id],
            "properties": {"kty": "RSA", "keySize": 2048, "keyOps": ["wrapKey", "unwrapKey"]},
        },
        grant,
        nested("[concat('wait-', copyIndex())]", write(), inner=False, copy=loop, dependsOn=["grant"]),
        encrypted_registry(
            identity_id,
            f"[{identity}.clientId]",
            f"[reference({key_id[1:-1]}, '2026-02-01').keyUri]",
            dependsOn=[identity_id, key_id, "wait"],
        ),
        parameters={
            "registryName": text_parameter(),
            "vaultName": text_parameter(defaultValue="[concat('v', uniqueString(resourceGroup().id))]"),
        },
        outputs={"key": {"type": "string", "value": f"[reference({key_id[1:-1]}, '2026-02-01').keyUri]"}},
    )


def everything(azure):
    """All resources as GETs show them, without the times of changes."""
    world, versions = azure.world, {"identities": "2024-11-30", "vaults": "2026-02-01", "registries": "2025-04-01"}
    shown = []
    for kind, version in {**versions, "role_assignments": "2022-04-01"}.items():
        shown += [azure.get(f"{each.id}?api-version={version}") for each in getattr(world, kind).values()]
    for vault in world.vaults.values():
        shown += azure.get(f"{vault.id}/keys?api-version=2026-02-01")["value"]
    for each in shown:
        each.pop("systemData", None)
        each["properties"].pop("policies", None)
    return copy.deepcopy(shown)


# The one that works


@pytest.mark.parametrize("order", ["template", "reverse"])
def test_twice_without_change(order):
    azure = Azure(deployment_order=order)
    deployer = Deployer(azure)
    made = deployer.deploy(complete(), registryName="registry1")
    assert pull(azure.world, "registry1")["status"] == 200
    (registry,) = azure.world.registries.values()
    assert registry.encryption.key_identifier == made["outputs"]["key"]["value"]
    before = everything(azure)
    assert len(before) == 9  # identity, vault, key, registry, this grant and the four of the owners
    deployer.deploy(complete(), registryName="registry1")
    assert everything(azure) == before
    assert pull(azure.world, "registry1")["status"] == 200


def test_waits_against_the_race():
    """Each wait takes five seconds here: a grant that counts after 30 is too late for 3, and in time for 20."""
    azure = Azure(role_seconds=30, deployment_seconds=5)
    deployer = Deployer(azure)
    deployer.start(complete(waits=3), registryName="registry1")
    azure.advance(300)
    (detail,) = deployer.show()["error"]["details"]
    assert detail["message"].startswith("Failed to access KeyId")
    # A second run works: all is there already, and the grant counts by now.
    deployer.start(complete(waits=3), "d2", registryName="registry1")
    azure.advance(300)
    assert deployer.show("d2")["provisioningState"] == "Succeeded"
    fresh = Azure(role_seconds=30, deployment_seconds=5)
    deployer = Deployer(fresh)
    deployer.start(complete(waits=20), registryName="registry1")
    fresh.advance(300)
    assert deployer.show()["provisioningState"] == "Succeeded"


@pytest.mark.parametrize("order", ["template", "reverse"])
def test_the_template_of_the_facts(order):
    azure = Azure(deployment_order=order)
    deployer = Deployer(azure)
    content = recordings.facts("reference-template.arm.json")
    made = deployer.deploy(content, registryName="registry1")
    assert pull(azure.world, "registry1")["status"] == 200
    assert made["outputs"]["loginServer"]["value"] == "registry1.azurecr.io"
    before = everything(azure)
    deployer.deploy(content, registryName="registry1")
    assert everything(azure) == before


# The tutorial's


def by_hand(azure, **properties):
    """The vault and the key that the tutorial makes first. Returns the parameters of its template."""
    key = azure.key(azure.vault("vault1", **properties))["keyUri"]
    return {"vault_name": "vault1", "registry_name": "registry1", "identity_name": "id1", "kek_id": key}


def test_the_version_that_does_not_exist():
    azure = Azure()
    error = Deployer(azure).refusal(tutorial(), **by_hand(azure, enableRbacAuthorization=False))
    assert error["code"] == "NoRegisteredProviderFound"
    assert "API version '2023-07-01' for type 'userAssignedIdentities'" in error["message"]


def test_the_name_of_the_parameter():
    azure = Azure()
    given = by_hand(azure, enableRbacAuthorization=False)
    given["key_id"] = given.pop("kek_id")
    error = Deployer(azure).refusal(tutorial("2023-01-31"), **given)
    assert error["code"] == "InvalidTemplate"
    assert "The template parameters 'key_id' in the parameters file are not valid" in error["message"]
    # Left out altogether it has a default, with which no registry can be made.
    del given["key_id"]
    (detail,) = Deployer(azure).failure(tutorial("2023-01-31"), **given)["details"]
    assert detail["code"] == "InvalidEncryptionKeyVaultProperties"


def test_the_registry_that_does_not_wait():
    """Where Azure begins with the registry, it may not use the key yet. A second run finds the policy there."""
    azure = Azure(deployment_order="reverse")
    deployer = Deployer(azure)
    given = by_hand(azure, enableRbacAuthorization=False)
    (detail,) = deployer.failure(tutorial("2023-01-31"), **given)["details"]
    assert detail["message"].startswith(f"Failed to access KeyId '{given['kek_id']}'.")
    deployer.deploy(tutorial("2023-01-31"), **given)
    assert pull(azure.world, "registry1")["status"] == 200
    waiting = tutorial("2023-01-31")
    waiting["resources"][2]["dependsOn"].append("Microsoft.KeyVault/vaults/vault1/accessPolicies/add")
    azure = Azure(deployment_order="reverse")
    Deployer(azure).deploy(waiting, **by_hand(azure, enableRbacAuthorization=False))


def test_a_vault_with_roles():
    """What az makes by default today: the policy is taken and counts for nothing, however often."""
    azure = Azure()
    deployer, given = Deployer(azure), by_hand(azure, enableRbacAuthorization=True)
    for name in ("d1", "d2"):
        (detail,) = deployer.failure(tutorial("2023-01-31"), name, **given)["details"]
        assert detail["message"].startswith("Failed to access KeyId")
    assert json.dumps(azure.get(f"{GROUP}/providers/{VAULTS}/vault1")["properties"]["accessPolicies"]).count("wrapKey")
