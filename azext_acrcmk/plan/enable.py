"""From a goal and what exists to the steps that make a registry encrypted with a customer-managed key."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

from azext_acrcmk.model.access import (
    ENCRYPTION_USER_NAME,
    HSM_ENCRYPTION_USER_NAME,
    NEEDED_ACTIONS,
    Access,
    access_by_roles,
    access_to,
)
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.state import (
    ABSENT,
    ACCESS_POLICY,
    RBAC,
    Absent,
    DeletedKey,
    DeletedVault,
    Group,
    Identity,
    Key,
    Registry,
    State,
    Unknown,
    Vault,
)
from azext_acrcmk.plan.checks import (
    cannot_see,
    group_problems,
    key_problems,
    vault_problems,
)
from azext_acrcmk.plan.existing import existing_registry_problems
from azext_acrcmk.plan.remedies import grant_key
from azext_acrcmk.plan.step import CREATE, NOT_FOUND, RECOVER, REUSE, UPDATE, VERIFY, Plan, Problem, Step


def plan_enable(goal: EnableGoal, state: State, now: datetime | None = None) -> Plan:
    """The steps that lead from `state` to `goal`, or the problems that stand in the way. Pure.

    Where the goal is reached every step only reuses. `now` is for judging the key's dates.
    """
    now = now or datetime.now(timezone.utc)
    if creation_failed(goal, state.registry):
        state = replace(state, registry=ABSENT)
    problems = _problems(goal, state, now)
    if problems:
        return Plan(problems=tuple(problems))
    steps = [
        *_group_steps(goal, state),
        *parts_steps(goal, state),
        _registry_step(goal, state),
    ]
    return in_order(steps)


def creation_failed(goal: EnableGoal, registry: Registry | Absent | Unknown) -> bool:
    """Whether this is what a run whose key was not accepted left behind: never encrypted, so it is created again.

    The identity tells it from a registry of somebody else's that is in a bad state.
    """
    return (
        isinstance(registry, Registry)
        and registry.went_wrong
        and not registry.encryption.enabled
        and registry.attaches(str(goal.identity))
    )


def location_of(goal: EnableGoal, state: State) -> str | None:
    """Where new resources go: the location asked for, else the registry's resource group's."""
    group = state.group(goal.registry)
    return goal.location or (group.location if isinstance(group, Group) else None)


def _problems(goal: EnableGoal, state: State, now: datetime) -> list[Problem]:
    # An existing registry is judged first and alone: nothing else matters when it can't be what is asked for.
    if isinstance(state.registry, Unknown):
        return [cannot_see("registry", str(goal.registry), state.registry)]
    if isinstance(state.registry, Registry):
        if found := existing_registry_problems(goal, state.registry, state):
            return found
    elif state.name_problem:
        return [
            Problem(
                state.name_problem,
                ("Choose another name. Registry names are global: az acr check-name --name <name>",),
            )
        ]
    return group_problems(goal, state) + parts_problems(goal, state, now)


def parts_problems(goal: EnableGoal, state: State, now: datetime) -> list[Problem]:
    """What is wrong with the identity, vault, key and grant that a registry is to use, and can't be mended."""
    found = []
    if isinstance(state.identity, Unknown):
        found.append(cannot_see("user-assigned identity", str(goal.identity), state.identity))
    found += vault_problems(goal, state)
    found += key_problems(goal, state, now)
    found += _grant_problems(goal, state)
    return found


def parts_steps(goal: EnableGoal, state: State) -> list[Step]:
    """The steps that make the identity, vault, key and grant that a registry is to use."""
    return [_identity_step(goal, state), *_vault_steps(goal, state), _key_step(goal, state), _grant_step(goal, state)]


def _grant_problems(goal: EnableGoal, state: State) -> list[Problem]:
    if not goal.skip_grant:
        return []
    if isinstance(state.identity, Absent):
        return [
            Problem(
                f"The identity '{goal.identity.name}' does not exist, so nobody can have granted it the key.",
                (
                    f"Create it and have it granted: az identity create --name {goal.identity.name} "
                    f"--resource-group {goal.identity.group}",
                    "Or leave out --skip-grant.",
                ),
                NOT_FOUND,
            )
        ]
    access = _access_so_far(goal, state)
    if access is None or access.granted is not False:
        return []
    problem = (
        f"The identity '{goal.identity.name}' lacks {', '.join(access.missing)} on key '{goal.key_name}', "
        "and --skip-grant leaves granting to others."
    )
    if isinstance(state.vault, Absent):
        return [Problem(problem, ("Create the vault and have the identity granted first, or leave out --skip-grant.",))]
    command = grant_key(state.vault, goal.key_name, state.identity.principal_id, goal.grant_scope)
    return [Problem(problem, (f"Have it granted: {command}",))]


def _group_steps(goal: EnableGoal, state: State) -> list[Step]:
    group = state.group(goal.registry)
    resource = goal.registry.group_id
    if isinstance(group, Absent):
        return [Step("group", CREATE, resource, f"Resource group in {goal.location}.")]
    reason = "Exists." if isinstance(group, Group) else "Can't be seen; taken to exist."
    return [Step("group", REUSE, resource, reason)]


def _identity_step(goal: EnableGoal, state: State) -> Step:
    if isinstance(state.identity, Identity):
        return Step("identity", REUSE, state.identity.id, "User-assigned identity exists.")
    reason = "User-assigned identity through which the registry uses the key."
    return Step("identity", CREATE, str(goal.identity), reason, after=("group",))


def _vault_steps(goal: EnableGoal, state: State) -> list[Step]:
    vault = state.vault
    if isinstance(vault, Absent):
        return [_new_vault_step(goal)]
    if isinstance(vault, DeletedVault):
        grants = "are left to others" if goal.skip_grant else "are made again"
        reason = f"Soft-deleted vault of this name is recovered, with its keys; role assignments {grants}."
        steps = [Step("vault", RECOVER, vault.id, reason, after=("group",))]
        return steps if vault.purge_protection else [*steps, purge_protection_step(vault.id, vault.name)]
    if isinstance(vault, Unknown):
        reason = "Can't be seen; the registry will tell whether it can use the key."
        return [Step("vault", VERIFY, f"https://{goal.key.host}", reason)]
    kind = "Managed HSM" if vault.is_hsm else "Key vault"
    model = (
        "" if vault.is_hsm else f", {'access policies' if vault.permission_model == ACCESS_POLICY else 'Azure RBAC'}"
    )
    steps = [Step("vault", REUSE, vault.id, f"{kind} exists{model}.")]
    return steps if vault.purge_protection else [*steps, purge_protection_step(vault.id, vault.name)]


def _new_vault_step(goal: EnableGoal) -> Step:
    model = "access policies" if goal.new_permission_model == ACCESS_POLICY else "Azure RBAC"
    network = ", network access denied except for trusted services" if goal.restrict_vault_network else ""
    reason = (
        f"Key vault ({goal.new_vault_sku}, {model}{network}); with purge protection, so for "
        f"{goal.new_retention_days} days after a deletion nobody can purge it."
    )
    return Step("vault", CREATE, str(goal.vault), reason, after=("group",), irreversible=True)


def purge_protection_step(vault_id: str, name: str) -> Step:
    """Turning on purge protection of a vault that exists: irreversible, so it is asked."""
    return Step(
        "purge-protection",
        UPDATE,
        vault_id,
        "Purge protection is turned on; it can never be turned off again.",
        after=("vault",),
        irreversible=True,
        confirm=f"Key vault '{name}' has no purge protection. Turning it on can't be undone. Turn it on?",
    )


def _key_step(goal: EnableGoal, state: State) -> Step:
    if isinstance(state.key, Key):
        return Step("key", REUSE, str(state.key.id.with_version(goal.key.version)), f"{state.key.type} key exists.")
    after = ("vault", "purge-protection")
    if isinstance(state.key, DeletedKey):
        return Step("key", RECOVER, str(goal.key), "Soft-deleted key of this name is recovered.", after=after)
    if goal.key_uri:
        return Step("key", VERIFY, str(goal.key), "Can't be seen; the registry will tell whether it can use it.")
    policy = f", rotated every {goal.rotation_period}" if goal.rotation_period else ""
    policy += f", each version valid for {goal.key_lifetime}" if goal.key_lifetime else ""
    kind = f"{goal.key_type} {goal.new_key_size}"
    if isinstance(state.vault, DeletedVault):
        return Step(
            "key", CREATE, str(goal.key), f"{kind} key{policy}, unless the recovered vault has it.", after=after
        )
    unseen = isinstance(state.key, Absent) and state.key.unless
    doubt = " Whether one of this name is soft-deleted, you may not see." if unseen is not None else ""
    return Step("key", CREATE, str(goal.key), f"{kind} key{policy}.{doubt}", after=after)


def _grant_step(goal: EnableGoal, state: State) -> Step:
    vault = state.vault
    target = grant_resource(goal, vault)
    access = _access_so_far(goal, state)
    if access and access.granted:
        return Step("grant", REUSE, target, f"Granted by {describe(access.sources)}.")
    if goal.skip_grant:
        return Step("grant", VERIFY, target, "Left to others by --skip-grant, and can't be seen.")
    after = ("identity", "vault", *(("key",) if goal.grant_scope == "key" else ()))
    model = vault.permission_model if isinstance(vault, Vault) else goal.new_permission_model
    if goal.key.is_hsm:
        reason = f"Role '{HSM_ENCRYPTION_USER_NAME}' on the key; it is local to the managed HSM."
    elif isinstance(vault, DeletedVault):
        reason = "Get, wrapKey and unwrapKey on the key, made again as the recovered vault's permission model has it."
    elif model == ACCESS_POLICY:
        reason = "Access policy: get, wrapKey and unwrapKey on keys."
    else:
        reason = f"Role '{ENCRYPTION_USER_NAME}' on the {goal.grant_scope}."
    return Step("grant", CREATE, target, reason, after=after)


def _access_so_far(goal: EnableGoal, state: State) -> Access | None:
    """What an existing identity may do with the key, also one in a vault yet to be, by roles at its resource group."""
    vault, identity = state.vault, state.identity
    if not isinstance(identity, Identity):
        return None
    if isinstance(vault, Vault):
        return access_to(vault, goal.key_name, identity.principal_id, state.roles)
    if isinstance(vault, Absent) and goal.vault and goal.new_permission_model != RBAC:
        return Access(False, missing=tuple(NEEDED_ACTIONS))  # a vault that is yet to be has no policies
    if isinstance(vault, Absent) and goal.vault:
        return access_by_roles(f"{goal.vault}/keys/{goal.key_name}", identity.principal_id, state.roles)
    return None


def _registry_step(goal: EnableGoal, state: State) -> Step:
    after = ("group", "identity", "vault", "purge-protection", "key", "grant")
    mode = "pinned to a version" if goal.manual else "new versions adopted by itself"
    if isinstance(state.registry, Registry):
        if state.registry.provisioning_state != "Succeeded":
            reason = (
                f"Its last operation ended as {state.registry.provisioning_state}; the same encryption is set again."
            )
            return Step("registry", UPDATE, state.registry.id, reason, after=after)
        return Step("registry", REUSE, state.registry.id, "Already encrypted with this key.")
    reason = f"Premium registry encrypted with the key ({mode}); this can't be turned off again."
    return Step("registry", CREATE, str(goal.registry), reason, after=after, irreversible=True)


def in_order(steps: list[Step]) -> Plan:
    """A plan of steps that wait only for steps that it has."""
    present = {step.name for step in steps}
    return Plan(tuple(_waiting_only_for(step, present) for step in steps))


def _waiting_only_for(step: Step, present: set[str]) -> Step:
    after = tuple(name for name in step.after if name in present)
    return replace(step, after=after)


def grant_resource(goal: EnableGoal, vault: Vault | DeletedVault | Absent | Unknown) -> str:
    """What the grant is made on: the vault or the key, by ARM id where it has one."""
    if goal.key.is_hsm or isinstance(vault, Unknown):
        return goal.key.versionless
    vault_id = str(goal.vault) if isinstance(vault, Absent) else vault.id
    return f"{vault_id}/keys/{goal.key_name}" if goal.grant_scope == "key" else vault_id


def describe(sources) -> str:
    """Where a grant comes from, in words."""
    parts = []
    for source in sources:
        if source.kind == "role":
            parts.append(
                f"role '{source.name}' at {source.scope}" + (" (through a group)" if source.through_group else "")
            )
        else:
            parts.append(f"the vault's access policy ({source.name})")
    return " and ".join(parts)
