"""What stands in the way of a goal, found before anything is changed. Pure."""

from __future__ import annotations

from datetime import datetime

from azext_acrcmk.model.goal import EnableGoal, same_duration
from azext_acrcmk.model.ids import same
from azext_acrcmk.model.state import (
    ACCESS_POLICY,
    Absent,
    DeletedKey,
    DeletedVault,
    Key,
    Registry,
    State,
    Unknown,
    Vault,
)
from azext_acrcmk.plan.remedies import key_command, update_vault
from azext_acrcmk.plan.step import FORBIDDEN, NOT_FOUND, Problem

RSA_TYPES = ("RSA", "RSA-HSM")


def cannot_see(kind: str, name: str, unknown: Unknown) -> Problem:
    """The problem of a part that must be seen and can't be: unknown is not absent."""
    needs = f"It takes the permission '{unknown.action}' on {unknown.scope}." if unknown.action else ""
    return Problem(
        f"The {kind} '{name}' can't be looked at: {unknown.why}".strip(), (needs,) if needs else (), FORBIDDEN
    )


def group_problems(goal: EnableGoal, state: State) -> list[Problem]:
    """Resource groups that are missing: the registry's is created where a location is given, others never."""
    problems = []
    group = state.group(goal.registry)
    if isinstance(state.registry, Registry):
        return []
    if isinstance(group, Absent) and not goal.location:
        problems.append(
            Problem(
                f"Resource group '{goal.registry.group}' does not exist.",
                ("Give --location to have it created, or name an existing group.",),
                NOT_FOUND,
            )
        )
    if isinstance(group, Unknown) and not goal.location:
        problems.append(
            Problem(
                f"Resource group '{goal.registry.group}' can't be looked at, so its location is not known.",
                ("Give --location.",),
                FORBIDDEN,
            )
        )
    for kind, resource, seen in (("identity", goal.identity, state.identity), ("key vault", goal.vault, state.vault)):
        gone = isinstance(seen, (Absent, DeletedVault))
        if resource is None or not gone or same(resource.group_id, goal.registry.group_id):
            continue
        if isinstance(state.group(resource), Absent):
            is_not = "is soft-deleted" if isinstance(seen, DeletedVault) else "does not exist"
            problems.append(
                Problem(
                    f"The {kind} '{resource}' {is_not}, and its resource group '{resource.group}' does not exist.",
                    ("Check the ID, or create the group: az group create",),
                    NOT_FOUND,
                )
            )
    return problems


def vault_problems(goal: EnableGoal, state: State) -> list[Problem]:
    """What is wrong with the vault or managed HSM, or contradicts the options."""
    vault = state.vault
    if isinstance(vault, Unknown):
        if goal.key_uri is None:
            return [cannot_see("key vault", str(goal.vault), vault)]
        if not goal.skip_grant:
            return [
                Problem(
                    f"The vault of {goal.key} was not found in a subscription that you can read, "
                    "so the identity can't be granted the key.",
                    ("If it has been granted by others, add --skip-grant: the registry will then verify it.",),
                    FORBIDDEN,
                )
            ]
        return []
    if isinstance(vault, Absent):
        return (
            _lost(goal, "vault", str(goal.vault)) if isinstance(state.registry, Registry) else _new_vault_problems(goal)
        )
    return (
        _deleted_vault_problems(goal, vault)
        if isinstance(vault, DeletedVault)
        else _existing_vault_problems(goal, vault)
    )


def _deleted_vault_problems(goal: EnableGoal, vault: DeletedVault) -> list[Problem]:
    asked = [
        ("--permission-model", goal.permission_model),
        ("--vault-sku", goal.vault_sku),
        ("--retention-days", goal.retention_days),
        ("--restrict-vault-network", goal.restrict_vault_network),
        ("--grant-scope key", goal.grant_scope == "key"),  # its permission model can't be seen before
    ]
    options = ", ".join(option for option, value in asked if value)
    if not options:
        return []
    return [
        Problem(
            f"Key vault '{vault.name}' is soft-deleted, and is recovered as it was: {options} can't be asked of it.",
            (f"Leave out {options}, or name another vault with --key-vault.",),
        )
    ]


def _new_vault_problems(goal: EnableGoal) -> list[Problem]:
    if goal.key_uri:
        kind = "managed HSM" if goal.key.is_hsm else "key vault"
        return [Problem(f"There is no {kind} '{goal.key.store}' for the key {goal.key}.", (), NOT_FOUND)]
    return _hsm_key_on(goal.new_vault_sku, goal)


def _lost(goal: EnableGoal, kind: str, name: str) -> list[Problem]:
    """A registry's key is never replaced by a new one of the same name: its images need the old one."""
    return [
        Problem(
            f"Registry '{goal.registry.name}' is encrypted with {goal.key}, but the {kind} '{name}' is not there. "
            "A new one of the same name would not open the registry.",
            (f"If the key was deleted, recover it: {key_command('recover', goal.key)}",),
            NOT_FOUND,
        )
    ]


def _hsm_key_on(sku: str, goal: EnableGoal) -> list[Problem]:
    if goal.key_type == "RSA-HSM" and not same(sku, "premium"):
        return [
            Problem(
                f"A key vault of SKU '{sku}' can't hold RSA-HSM keys.",
                ("Use --vault-sku premium for a new vault, another vault, or --key-type RSA.",),
            )
        ]
    return []


def _existing_vault_problems(goal: EnableGoal, vault: Vault) -> list[Problem]:
    problems = []
    asked = [
        ("--permission-model", goal.permission_model, vault.permission_model),
        ("--vault-sku", goal.vault_sku, vault.sku),
        ("--retention-days", goal.retention_days, vault.retention_days),
        ("--restrict-vault-network", goal.restrict_vault_network or None, vault.default_action == "Deny" or None),
    ]
    for option, want, got in asked:
        if want is not None and not same(want, got):
            has = "does not restrict its network" if option == "--restrict-vault-network" else f"has {got}"
            problems.append(
                Problem(
                    f"Key vault '{vault.name}' exists and {has}, which {option} contradicts; it is left as it is.",
                    (f"Leave out {option}, or name another vault.",),
                )
            )
    if goal.grant_scope == "key" and vault.permission_model == ACCESS_POLICY:
        problems.append(
            Problem(
                f"Key vault '{vault.name}' uses access policies, which cover the whole vault, not one key.",
                ("Leave out --grant-scope key, or name a vault with Azure RBAC.",),
            )
        )
    if goal.key_uri is None:
        problems += _hsm_key_on(vault.sku, goal)
    if vault.is_hsm and not vault.purge_protection:
        problems.append(
            Problem(
                f"Managed HSM '{vault.name}' has no purge protection: a deleted key could be lost for good.",
                (f"Turn it on (irreversible): {update_vault(vault, '--enable-purge-protection true')}",),
            )
        )
    if shuts_out_registries(vault):
        problems.append(
            Problem(
                f"The firewall of {'managed HSM' if vault.is_hsm else 'key vault'} '{vault.name}' lets no trusted "
                "services in, so a registry can't use its keys.",
                (f"Allow trusted services: {update_vault(vault, '--bypass AzureServices')}",),
            )
        )
    return problems


def shuts_out_registries(vault: Vault) -> bool:
    """Whether the vault's firewall is closed and lets no trusted services past (service facts 1.4)."""
    closed = same(vault.default_action, "Deny") or same(vault.public_network_access, "Disabled")
    return closed and not same(vault.bypass, "AzureServices")


def key_problems(goal: EnableGoal, state: State, now: datetime) -> list[Problem]:
    """Why the key can't encrypt a registry, or contradicts the options."""
    key = state.key
    if isinstance(key, Unknown):
        if goal.skip_grant and goal.key_uri:
            return []
        return [cannot_see("key", str(goal.key), key)] if isinstance(state.vault, Vault) else []
    if isinstance(key, Absent) and goal.key_uri and isinstance(state.vault, Vault):
        what = "version of this key" if goal.key.version else "such key"
        return [Problem(f"There is no {what}: {goal.key}.", (), NOT_FOUND)]
    if isinstance(key, Absent) and isinstance(state.registry, Registry) and isinstance(state.vault, Vault):
        return _lost(goal, "key", str(goal.key))
    if isinstance(key, DeletedKey) and goal.key.is_hsm:
        return [
            Problem(
                f"The key {goal.key} is soft-deleted.",
                (f"Recover it: {key_command('recover', goal.key)}",),
            )
        ]
    return _existing_key_problems(goal, key, now) if isinstance(key, Key) else []


def _existing_key_problems(goal: EnableGoal, key: Key, now: datetime) -> list[Problem]:
    if key.type not in RSA_TYPES:
        return [
            Problem(
                f"The key {key.id.versionless} is of type {key.type}; a registry takes RSA or RSA-HSM keys only.",
                ("Name another key.",),
            )
        ]
    problems = []
    if key.enabled is False:
        problems.append(Problem(f"The key {key.id} is disabled.", (f"Enable it: {enable_version(key)}",)))
    if key.expires and key.expires <= now:
        problems.append(
            Problem(
                f"The key {key.id} expired at {key.expires:%Y-%m-%dT%H:%M:%SZ}.",
                (f"Make a new version: {key_command('rotate', key.id)}",),
            )
        )
    if key.not_before and key.not_before > now:
        problems.append(
            Problem(
                f"The key {key.id} is not valid before {key.not_before:%Y-%m-%dT%H:%M:%SZ}.",
                ("Wait, or name another key.",),
            )
        )
    if lacking := key.lacking_operations:
        problems.append(
            Problem(
                f"The key {key.id} does not permit {' and '.join(lacking)}.",
                (f"Permit them: {permit_wrapping(key)}",),
            )
        )
    return problems or contradicted_key_options(goal, key)


def enable_version(key: Key) -> str:
    """The command that enables a version of a key."""
    return key_command("set-attributes", key.id, f"--version {key.id.version} --enabled true")


def validate_version(key: Key, now: datetime) -> str:
    """The command that makes a version of a key valid as of now."""
    return key_command("set-attributes", key.id, f"--version {key.id.version} --not-before {now:%Y-%m-%dT%H:%M:%SZ}")


def permit_wrapping(key: Key) -> str:
    """The command that permits what a registry needs of a version of a key, and takes nothing away."""
    operations = " ".join(key.operations_to_permit)
    return key_command("set-attributes", key.id, f"--version {key.id.version} --ops {operations}")


def contradicted_key_options(goal: EnableGoal, key: Key) -> list[Problem]:
    """What is asked of a key to be created, and an existing one is not."""
    policy = key.rotation_policy
    asked = [
        ("--key-type", goal.asked_key_type, key.type),
        ("--key-size", goal.key_size, key.size),
        ("--rotation-period", goal.rotation_period, policy.rotate_after if policy else None),
        ("--key-lifetime", goal.key_lifetime, policy.expiry if policy else None),
    ]
    return [
        Problem(
            f"The key {key.id.versionless} exists, and {option} {want} differs from what it has ({got}). "
            "These options are for a key that is created; an existing one is left as it is.",
            (f"Leave out {option}, or name another key.",),
        )
        for option, want, got in asked
        if want is not None and not same(want, got) and not same_duration(str(want), str(got))
    ]
