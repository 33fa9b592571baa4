"""What stands in the way of a goal, found before anything is changed. Pure."""

from __future__ import annotations

from datetime import datetime

from azext_acrcmk.model.goal import AUTO, EnableGoal, same_duration
from azext_acrcmk.model.ids import ArmId, same
from azext_acrcmk.model.state import (
    ACCESS_POLICY,
    Absent,
    DeletedKey,
    DeletedVault,
    Identity,
    Key,
    Registry,
    State,
    Unknown,
    Vault,
)
from azext_acrcmk.plan.remedies import assign_identity, key_command, update_vault
from azext_acrcmk.plan.step import FORBIDDEN, NOT_FOUND, Problem

RSA_TYPES = ("RSA", "RSA-HSM")


def cannot_see(kind: str, name: str, unknown: Unknown) -> Problem:
    """The problem of a part that must be seen and can't be: unknown is not absent."""
    needs = f"It takes the permission '{unknown.action}' on {unknown.scope}." if unknown.action else ""
    return Problem(
        f"The {kind} '{name}' can't be looked at: {unknown.why}".strip(), (needs,) if needs else (), FORBIDDEN
    )


def existing_registry_problems(goal: EnableGoal, registry: Registry, state: State) -> list[Problem]:
    """Why an existing registry is not, and can't be made, what is asked for. Empty where it is."""
    encryption = registry.encryption
    if not registry.settled:
        return [
            Problem(
                f"Registry '{registry.name}' is still in state {registry.provisioning_state}.",
                ("Wait for the running operation to end, then run this command again.",),
            )
        ]
    if not encryption.enabled:
        return [_not_encrypted(registry)]
    problems = [*_other_key(goal, registry), *_other_identity(goal, registry, state)]
    return problems or _other_options(goal, registry)


def _not_encrypted(registry: Registry) -> Problem:
    if registry.went_wrong:
        return Problem(
            f"Registry '{registry.name}' is in state {registry.provisioning_state} and has no customer-managed key: "
            "its creation did not complete.",
            (
                "If it never served an image, delete it and run this command again: "
                f"az acr delete --name {registry.name} --resource-group {ArmId.parse(registry.id).group}",
            ),
        )
    return Problem(
        f"Registry '{registry.name}' exists and is not encrypted with a customer-managed key. "
        "Azure allows this only while a registry is being created; it can't be turned on later. Nothing was changed.",
        (
            "Create a new registry with another name: az acr cmk enable --name <new name> "
            f"--resource-group {ArmId.parse(registry.id).group}",
            f"Then copy the images, one by one: az acr import --name <new name> --registry {registry.id} "
            "--source <repository:tag>",
        ),
    )


def _other_key(goal: EnableGoal, registry: Registry) -> list[Problem]:
    encryption = registry.encryption
    name = registry.name
    if encryption.key is None:
        return [Problem(f"Registry '{name}' says it is encrypted, but not with which key.", (_show(name),))]
    pinned_elsewhere = goal.key.version and not same(goal.key, encryption.key)
    if not goal.key.same_key(encryption.key) or pinned_elsewhere:
        attached = registry.attached_as(encryption.identity or "")
        identity = f" --identity {attached.id}" if attached else ""
        return [
            Problem(
                f"Registry '{name}' is already encrypted with another key: it uses {encryption.key}, "
                f"and this command asks for {goal.key}. Nothing was changed.",
                (
                    f"To change the key: az acr cmk rotate --name {name} --key-encryption-key {goal.key}",
                    f"To leave the key and verify the rest: az acr cmk enable --name {name} "
                    f"--resource-group {goal.registry.group} --key-encryption-key {encryption.key}{identity}",
                ),
            )
        ]
    is_auto = encryption.key.version is None
    if goal.rotation and (goal.rotation == AUTO) != is_auto:
        now = "follows new versions by itself (auto)" if is_auto else "is pinned to a version (manual)"
        return [
            Problem(
                f"Registry '{name}' uses this key, but it {now}. Nothing was changed.",
                (f"To change that: az acr cmk rotate --name {name} --rotation {goal.rotation} --no-new-version",),
            )
        ]
    return []


def _other_identity(goal: EnableGoal, registry: Registry, state: State) -> list[Problem]:
    used = registry.encryption.identity or ""
    if isinstance(state.identity, Unknown):
        return [cannot_see("user-assigned identity", str(goal.identity), state.identity)]
    if not isinstance(state.identity, Identity) or not same(state.identity.client_id, used):
        return [
            Problem(
                f"Registry '{registry.name}' uses the key through another identity ({used}) than "
                f"'{goal.identity.name}'. Nothing was changed.",
                (
                    _show(registry.name),
                    f"To change the identity: az acr cmk rotate --name {registry.name} --identity {goal.identity}",
                ),
            )
        ]
    if not registry.attaches(state.identity.id):
        return [
            Problem(
                f"The identity '{goal.identity.name}' is no longer attached to registry '{registry.name}'; "
                "the registry loses the key when its credential lapses.",
                (f"Attach it again: {assign_identity(registry.id, state.identity.id)}",),
            )
        ]
    return []


def _other_options(goal: EnableGoal, registry: Registry) -> list[Problem]:
    asked, has = goal.options, registry
    closed = asked.public_network_enabled is False  # then the default action means nothing
    pairs = [
        ("--public-network-enabled", asked.public_network_enabled, has.public_network_enabled),
        ("--default-action", None if closed else asked.default_action, has.default_action),
        ("--allow-trusted-services", asked.allow_trusted_services, has.allow_trusted_services),
        ("--zone-redundancy", asked.zone_redundancy, has.zone_redundancy),
        ("--admin-enabled", asked.admin_enabled, has.admin_enabled),
    ]
    if goal.location and not _same_place(goal.location, registry.location):
        pairs.append(("--location", goal.location, registry.location))
    differing = [(option, want, got) for option, want, got in pairs if want is not None and not same(want, got)]
    if not differing:
        return []
    told = ", ".join(f"{option} is {_typed(got)}, not {_typed(want)}" for option, want, got in differing)
    changeable = [each for each in differing if each[0] not in ("--zone-redundancy", "--location")]
    command = " ".join(f"{option} {_typed(want)}" for option, want, _ in changeable)
    advice = (f"To change it: az acr update --name {registry.name} {command}",) if changeable else ()
    return [
        Problem(
            f"Registry '{registry.name}' exists with other settings: {told}. This command leaves them alone.", advice
        )
    ]


def _typed(value: object) -> str:
    """A value as one types it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _same_place(one: str, other: str) -> bool:
    return same(one.replace(" ", ""), other.replace(" ", ""))


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
        ("--access-model", goal.access_model),
        ("--vault-sku", goal.vault_sku),
        ("--retention-days", goal.retention_days),
        ("--restrict-vault-network", goal.restrict_vault_network),
        ("--grant-scope key", goal.grant_scope == "key"),  # its access model can't be seen before
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
        ("--access-model", goal.access_model, vault.access_model),
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
    if goal.grant_scope == "key" and vault.access_model == ACCESS_POLICY:
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


def _show(name: str) -> str:
    return f"To see what it uses: az acr cmk show --name {name}"
