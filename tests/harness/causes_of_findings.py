"""Causes of the findings of `check`: what can happen to a registry's key, vault, identity and access."""

from __future__ import annotations

from sandbox.client import Account
from sandbox.world import OTHER_SUBSCRIPTION
from tests.harness.rotate import latest
from tests.harness.scene import HERE, LONG, Scene
from tests.harness.seed import IDENTITY, REGISTRY, VAULT


def no_key_for_the_caller(scene: Scene) -> Account:
    return scene.encrypt().azure.principal(("Reader", str(REGISTRY)))


def through_group(scene: Scene) -> None:
    scene.encrypt().ungrant()
    group = scene.azure.add_to_group(scene.identity["principalId"])
    scene.seed.grant(group.object_id)


def partial(scene: Scene) -> None:
    scene.encrypt().ungrant()
    scene.seed.grant(scene.identity["principalId"], role=scene.seed.role("keys/read", "keys/wrap/action"))


def policy_less(scene: Scene) -> None:
    scene.encrypt_by_policy().change_vault(accessPolicies=[])


def half_a_policy(scene: Scene) -> None:
    scene.encrypt_by_policy().change_vault(accessPolicies=[scene.policy("get", "unwrapKey")])


def role_ignored(scene: Scene) -> None:
    scene.encrypt().change_vault(enableRbacAuthorization=False)


def deleted_key(scene: Scene) -> None:
    scene.encrypt().delete_key()
    scene.officer()


def purged_key(scene: Scene) -> None:
    scene.unprotected().lose_key()
    scene.officer()


def disabled_while_behind(scene: Scene) -> None:
    scene.encrypt().new_version()
    scene.change_version(attributes={"enabled": False})


def latest_disabled(scene: Scene) -> None:
    scene.encrypt().new_version()
    scene.seed.change_key("PATCH", latest(scene.seed), {"attributes": {"enabled": False}})


def wrong_type(scene: Scene) -> None:
    scene.unprotected().lose_key()
    scene.seed.key(kty="EC")


def other_key_of_the_name(scene: Scene) -> None:
    scene.unprotected().lose_key()
    scene.seed.key()


def deleted_vault(scene: Scene) -> None:
    scene.encrypt().seed.delete(VAULT)


def lost_vault(scene: Scene) -> None:
    deleted_vault(scene)
    scene.azure.advance(LONG)


def detached_and_deleted(scene: Scene) -> None:
    """The name of the identity can no longer be determined."""
    scene.encrypt().detach_identity()
    scene.seed.delete(IDENTITY)


def lost_credential(scene: Scene) -> None:
    scene.encrypt().detach_identity()
    scene.azure.advance(LONG)


def lost_system_identity(scene: Scene) -> None:
    scene.encrypt().use_system_identity()
    scene.detach_identity()


def denied(scene: Scene) -> None:
    scene.encrypt()
    principals = [scene.identity["principalId"]]
    scene.azure.deny_assignment(str(VAULT), data_actions=["*"], principals=principals, name="Locked by the platform")


def denied_to_a_group(scene: Scene) -> None:
    scene.encrypt()
    group = scene.azure.principal(kind="Group")
    scene.azure.deny_assignment(str(VAULT), data_actions=["*"], principals=[group.object_id], name="Locked for some")


def conditional_role(scene: Scene) -> None:
    scene.encrypt().ungrant()
    role = f"{HERE}/providers/Microsoft.Authorization/roleDefinitions/e147488a-f6f5-4113-8e2d-b22465e65bf6"
    properties = {
        "roleDefinitionId": role,
        "principalId": scene.identity["principalId"],
        "condition": "(@Resource[Microsoft.KeyVault/vaults:name] StringEquals 'x')",
        "conditionVersion": "2.0",
    }
    name = "11111111-2222-3333-4444-555555555555"
    scene.seed.put(f"{VAULT}/providers/Microsoft.Authorization/roleAssignments/{name}", {"properties": properties})


def vault_of_another_tenant(scene: Scene) -> None:
    """As after its subscription was moved to another tenant and back."""
    tenant = "99999999-0000-4000-8000-000000000009"
    scene.encrypt().azure.move(OTHER_SUBSCRIPTION, tenant)
    scene.change_vault(tenantId=tenant)
