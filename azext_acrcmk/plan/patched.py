"""What registries and vaults are before and after the changes of a plan, for the question whether a policy would deny
the change. Pure."""

from __future__ import annotations

from typing import Any

from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import REGISTRY_TYPE, VAULT_TYPE, ArmId
from azext_acrcmk.model.key_identity import SYSTEM
from azext_acrcmk.model.preflight import NewResource
from azext_acrcmk.model.state import Identity, Registry, State, Vault
from azext_acrcmk.plan.bodies import encryption_block, identities_block, with_tags
from azext_acrcmk.plan.change import Change, Plan
from azext_acrcmk.plan.kinds import AllowTrustedServices, AttachIdentity, ProtectVault, SetEncryption

# Stands for the client id of an identity that is yet to be created.
NO_ID = "00000000-0000-0000-0000-000000000000"


def patched_resources(state: State, plan: Plan) -> list[NewResource]:
    """Each registry or vault that the plan changes, as it will be, and as it is: a policy that denies it already may
    not be about the change. A tag is left out: what goes with it is done without it."""
    found = []
    if isinstance(state.registry, Registry) and (changes := _about(plan, AttachIdentity, SetEncryption)):
        before = _registry(state.registry)
        # A new version of the same key changes nothing that a policy sees.
        if (after := _changed_registry(before, changes, state)) != before:
            found.append(_new(REGISTRY_TYPE, state.registry.id, before, after))
    if isinstance(state.vault, Vault) and (changes := _about(plan, ProtectVault, AllowTrustedServices)):
        before = _vault(state.vault)
        found.append(_new(VAULT_TYPE, state.vault.id, before, _changed_vault(before, changes)))
    return found


def _about(plan: Plan, *kinds: type[Change]) -> list[Change]:
    return [change for change in plan.changes if isinstance(change, kinds)]


def _new(type_: str, id_: ArmId, before: dict[str, Any], after: dict[str, Any]) -> NewResource:
    def details(body: dict[str, Any]) -> dict[str, Any]:
        return {"resourceContent": {"type": type_, "name": id_.name, **body}, "apiVersion": API_VERSIONS[type_]}

    return NewResource(str(id_), id_.group_id, details(after), details(before))


def _registry(registry: Registry) -> dict[str, Any]:
    body = {
        "location": registry.location,
        "sku": {"name": registry.sku},
        "identity": identities_block([str(each.id) for each in registry.attached], bool(registry.system_principal_id)),
        "properties": registry.properties,
    }
    return with_tags(body, registry.tags or None)


def _changed_registry(before: dict[str, Any], changes: list[Change], state: State) -> dict[str, Any]:
    registry, after = state.registry, dict(before)
    users, system = [each.id for each in registry.attached], bool(registry.system_principal_id)
    for change in changes:
        own = change.identity == change.registry
        if isinstance(change, AttachIdentity) or change.attach:
            system = system or own
            users += [] if own or change.identity in users else [change.identity]
        if isinstance(change, SetEncryption):
            client_id = state.identity.client_id if isinstance(state.identity, Identity) else NO_ID
            client_id = SYSTEM if own else client_id
            used = registry.encryption
            if change.key != used.key or client_id != used.identity:
                after["properties"] = {
                    **registry.properties,
                    "encryption": encryption_block(client_id, str(change.key)),
                }
    return {**after, "identity": identities_block([*map(str, users)], system)}


def _vault(vault: Vault) -> dict[str, Any]:
    """As far as it was read: what is missing is so before the change and after it."""
    properties = {
        "sku": {"family": "A", "name": vault.sku},
        "tenantId": vault.tenant,
        "enableSoftDelete": vault.soft_delete,
        "softDeleteRetentionInDays": vault.retention_days,
        "enablePurgeProtection": vault.purge_protection or None,
        "enableRbacAuthorization": not vault.uses_policies,
        "publicNetworkAccess": vault.public_network_access,
        "networkAcls": {**vault.network_rules, "bypass": vault.bypass, "defaultAction": vault.default_action},
    }
    given = {name: value for name, value in properties.items() if value is not None}
    return {"location": vault.location, "properties": given}


def _changed_vault(before: dict[str, Any], changes: list[Change]) -> dict[str, Any]:
    properties = dict(before["properties"])
    for change in changes:
        if isinstance(change, ProtectVault):
            properties["enablePurgeProtection"] = True
        else:
            properties["networkAcls"] = {**properties["networkAcls"], "bypass": "AzureServices"}
    return {**before, "properties": properties}
