"""Conflicts between the options of a command and existing resources that it does not change. Pure."""

from __future__ import annotations

from shlex import quote
from typing import Any

from azext_acrcmk.model.goal import AUTO, EnableGoal, same_duration
from azext_acrcmk.model.ids import same, same_region
from azext_acrcmk.model.problem import FORBIDDEN, NOT_FOUND, Problem, unreadable_problem
from azext_acrcmk.model.registry_options import UPDATE, RegistryOption
from azext_acrcmk.model.state import (
    MOST_TAGS_OF_A_KEY,
    Absent,
    DeletedVault,
    Identity,
    Key,
    Registry,
    State,
    Unknown,
    Vault,
)
from azext_acrcmk.rules import Facts, finding_of
from azext_acrcmk.rules.fixes import registry_command

NOT_CHANGED = "These options apply only to a new key; an existing key is not changed."


def registry_conflicts(goal: EnableGoal, registry: Registry, facts: Facts) -> list[Problem]:
    """Why an existing registry does not match the goal and can't be changed to. Empty if it matches."""
    if not registry.settled:
        return [running(registry)]
    if not registry.encryption.enabled:
        return [finding_of("NotEncrypted", facts).as_problem]
    problems = [*_other_key(goal, registry, facts), *_other_identity(goal, registry, facts)]
    return problems or _other_options(goal, registry)


def running(registry: Registry) -> Problem:
    return Problem(
        f"Registry '{registry.name}' is in state {registry.provisioning_state}.",
        ("Wait for the running operation to finish, then run this command again.",),
    )


def unnamed_key(registry: Registry) -> Problem:
    """Of a registry that is encrypted with a key whose id is missing, or of no known form."""
    return Problem(f"Registry '{registry.name}' is encrypted, but does not report its key.", (_show(registry),))


def _other_key(goal: EnableGoal, registry: Registry, facts: Facts) -> list[Problem]:
    key, name = registry.encryption.key, registry.name
    if key is None:
        return [unnamed_key(registry)]
    pinned_elsewhere = goal.key.version and goal.key != key
    if not goal.key.same_key(key) or pinned_elsewhere:
        used = facts.key_identity
        identity = f" --identity {quote(str(used.id))}" if used.id and not used.is_system else ""
        return [
            Problem(
                f"Registry '{name}' is already encrypted with another key: it uses {key}, not {goal.key}.",
                (
                    f"To change the key: {_rotate(registry, f'--key-encryption-key {goal.key}')}",
                    f"To keep the key and verify the rest: {registry_command(registry.id, 'cmk enable')} "
                    f"--resource-group {quote(goal.registry.group)} --key-encryption-key {key}{identity}",
                ),
            )
        ]
    is_auto = key.version is None
    if goal.rotation and (goal.rotation == AUTO) != is_auto:
        now = "uses new versions automatically (auto)" if is_auto else "is pinned to a version (manual)"
        return [
            Problem(
                f"Registry '{name}' uses this key, but {now}.",
                (f"To change that: {_rotate(registry, f'--rotation {goal.rotation} --no-new-version')}",),
            )
        ]
    return []


def _other_identity(goal: EnableGoal, registry: Registry, facts: Facts) -> list[Problem]:
    found, used = facts.state.identity, registry.encryption.identity or ""
    if isinstance(found, Unknown):
        return [unreadable_problem(f"the user-assigned identity '{goal.identity}'", found)]
    if not isinstance(found, Identity) or found.id != goal.identity or found.client_id != used:
        return [
            Problem(
                f"Registry '{registry.name}' uses the key through another identity ({used}), not "
                f"'{goal.identity.name}'.",
                (
                    _show(registry),
                    f"To change the identity: {_rotate(registry, f'--identity {quote(str(goal.identity))}')}",
                ),
            )
        ]
    not_assigned = finding_of("IdentityNotAssigned", facts)
    return [not_assigned.as_problem] if not_assigned else []


def _other_options(goal: EnableGoal, registry: Registry) -> list[Problem]:
    differing = goal.options.differing(registry.properties)
    told = [
        f"{option.option} is {option.typed(has)}, not {option.typed(option.to_wire(want))}"
        for option, want, has in differing
    ]
    if goal.location_is_typed and not same_region(goal.location, registry.location):
        told.append(f"--location is {registry.location}, not {goal.location}")
    if not told:
        return []
    return [
        Problem(
            f"Registry '{registry.name}' exists with other settings: {', '.join(told)}. This command does not change "
            "them.",
            tuple(f"To change it: {command}" for command in _updates(registry, differing)),
        )
    ]


def _updates(registry: Registry, differing: list[tuple[RegistryOption, Any, Any]]) -> list[str]:
    """The commands that change settings of a registry; one for all that `az acr update` can change."""
    together = [(option, want) for option, want, _ in differing if option.update == UPDATE]
    values = " ".join(f"{option.option} {option.typed(option.to_wire(want))}" for option, want in together)
    apart = [(option, want) for option, want, _ in differing if option.update not in (None, UPDATE)]
    commands = [option.update.format(name=registry.name, wire=option.to_wire(want)) for option, want in apart]
    return [*([f"{UPDATE.format(name=registry.name)} {values}"] if values else []), *commands]


def _show(registry: Registry) -> str:
    return f"To see what it uses: {registry_command(registry.id, 'cmk show')}"


def _rotate(registry: Registry, options: str) -> str:
    return registry_command(registry.id, "cmk rotate", options)


def group_problems(goal: EnableGoal, state: State) -> list[Problem]:
    """Missing resource groups: the registry's is created if a location is given, others are not created."""
    if isinstance(state.registry, Registry):
        return []
    problems = []
    group = state.group(goal.registry)
    if isinstance(group, Absent) and not goal.location:
        problems.append(
            Problem(
                f"Resource group '{goal.registry.group}' does not exist.",
                ("Specify --location to create it, or an existing resource group.",),
                NOT_FOUND,
            )
        )
    if isinstance(group, Unknown) and not goal.location:
        problem = unreadable_problem(f"resource group '{goal.registry.group}', so its location is unknown", group)
        problems.append(Problem(problem.message, ("Specify --location.",), FORBIDDEN))
    for kind, resource, seen in (("identity", goal.identity, state.identity), ("key vault", goal.vault, state.vault)):
        gone = isinstance(seen, (Absent, DeletedVault))
        if resource is None or not gone or resource.group_id == goal.registry.group_id:
            continue
        if isinstance(state.group(resource), Absent):
            is_not = "is soft-deleted" if isinstance(seen, DeletedVault) else "does not exist"
            problems.append(
                Problem(
                    f"The {kind} '{resource}' {is_not}, and its resource group '{resource.group}' does not exist.",
                    (f"Check the ID, or create the group: az group create --name {quote(resource.group)}",),
                    NOT_FOUND,
                )
            )
    return problems


def tenant_problems(goal: EnableGoal, state: State) -> list[Problem]:
    """Parts in a subscription of another Microsoft Entra tenant: an identity can use keys of its own tenant only."""
    homes, problems = dict(goal.tenants), []
    vault = state.vault.id if isinstance(state.vault, Vault) else goal.vault
    for kind, id_ in (("identity", goal.identity), ("key vault", vault)):
        home = homes.get(id_.subscription) if id_ else None
        if home and home != goal.tenant:
            problems.append(
                Problem(
                    f"The {kind} '{id_}' is in tenant {home}, but the registry is in tenant {goal.tenant}: "
                    "registry, identity and key must be in the same tenant.",
                    (f"Specify a {kind} in a subscription of the registry's tenant: az account list --output table",),
                )
            )
    return problems


def vault_conflicts(goal: EnableGoal, state: State) -> list[Problem]:
    """Options that don't match the vault."""
    vault = state.vault
    if isinstance(vault, Vault):
        return _existing_vault_conflicts(goal, vault)
    if isinstance(vault, DeletedVault):
        return _deleted_vault_conflicts(goal, vault)
    creates = isinstance(vault, Absent) and not isinstance(state.registry, Registry) and not goal.key_uri
    return _hsm_key_on(goal.new_vault_sku, goal) if creates else []


def _deleted_vault_conflicts(goal: EnableGoal, vault: DeletedVault) -> list[Problem]:
    asked = [
        ("--permission-model", goal.permission_model),
        ("--vault-sku", goal.vault_sku),
        ("--retention-days", goal.retention_days),
        ("--restrict-vault-network", goal.restrict_vault_network),
        ("--vault-public-network-access", goal.vault_public_network_access),
        ("--grant-scope key", goal.grant_scope == "key"),  # its permission model can't be read yet
    ]
    options = ", ".join(option for option, value in asked if value)
    if not options:
        return []
    return [
        Problem(
            f"Key vault '{vault.name}' is soft-deleted and will be recovered unchanged, so {options} can't be used.",
            (f"Omit {options}, or specify another vault with --key-vault.",),
        )
    ]


def _hsm_key_on(sku: str, goal: EnableGoal) -> list[Problem]:
    if goal.key_type == "RSA-HSM" and not same(sku, "premium"):
        return [
            Problem(
                f"A key vault with SKU '{sku}' does not support RSA-HSM keys.",
                ("Use --vault-sku premium for a new vault, another vault, or --key-type RSA.",),
            )
        ]
    return []


def _existing_vault_conflicts(goal: EnableGoal, vault: Vault) -> list[Problem]:
    problems = []
    asked = [
        ("--permission-model", goal.permission_model, vault.permission_model),
        ("--vault-sku", goal.vault_sku, vault.sku),
        ("--retention-days", goal.retention_days, vault.retention_days),
        ("--restrict-vault-network", goal.restrict_vault_network or None, vault.default_action == "Deny"),
        ("--vault-public-network-access", goal.vault_public_network_access, vault.public_network_access or "Enabled"),
    ]
    for option, want, got in asked:
        if want is not None and got is not None and not same(want, got):
            restricts = option == "--restrict-vault-network"
            has = "does not restrict its network" if restricts else f"has {got}"
            wanted = option if restricts else f"{option} {want}"
            problems.append(
                Problem(
                    f"Key vault '{vault.name}' exists and {has}, which conflicts with {wanted}; it is not changed.",
                    (f"Omit {option}, or specify another vault.",),
                )
            )
    if goal.grant_scope == "key" and vault.uses_policies:
        problems.append(
            Problem(
                f"Key vault '{vault.name}' uses access policies, which apply to the whole vault, not to one key.",
                ("Omit --grant-scope key, or specify a vault that uses Azure RBAC.",),
            )
        )
    return problems + (_hsm_key_on(vault.sku, goal) if goal.key_uri is None else [])


def key_conflicts(goal: EnableGoal, key: Key) -> list[Problem]:
    """Options for a new key that don't match an existing one."""
    policy = key.rotation_policy
    asked = [
        ("--rotation-period", goal.rotation_period, policy.rotate_after if policy else None),
        ("--key-lifetime", goal.key_lifetime, policy.expiry if policy else None),
    ]
    # What is not shown can't be compared: a disabled key shows neither.
    shown = [("--key-type", goal.asked_key_type, key.type), ("--key-size", goal.key_size, key.size)]
    asked = [*(each for each in shown if each[2]), *asked]
    return [
        Problem(
            f"The key {key.id.versionless} exists, and {option} {want} does not match its value ({got}). {NOT_CHANGED}",
            (f"Omit {option}, or specify another key.",),
        )
        for option, want, got in asked
        if want is not None and not same(want, got) and not same_duration(str(want), str(got))
    ]


# Limits of Key Vault, which are lower than those of other resources (service facts 9).
MOST_OF_A_KEYS_TAG = 256


def key_tag_problems(tags: dict[str, str] | None) -> list[Problem]:
    """Tags that a new key can't have."""
    given = tags or {}
    if len(given) > MOST_TAGS_OF_A_KEY:
        message = f"A key can have at most {MOST_TAGS_OF_A_KEY} tags, but --tags has {len(given)}."
    elif too_long := next((name for name in given if len(name) > MOST_OF_A_KEYS_TAG), None):
        message = f"The tag name '{too_long}' is too long: a key's can have at most {MOST_OF_A_KEYS_TAG} characters."
    else:
        return []
    return [Problem(message, ("Specify fewer or shorter tags, and add others afterwards: az acr update --tags",))]
