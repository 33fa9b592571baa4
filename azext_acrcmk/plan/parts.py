"""Plans what a registry is to use: identity, vault, key and access to it. Pure."""

from __future__ import annotations

from datetime import datetime
from shlex import quote

from azext_acrcmk.model.access import (
    ENCRYPTION_USER,
    ENCRYPTION_USER_NAME,
    HSM_ENCRYPTION_USER,
    HSM_ENCRYPTION_USER_NAME,
    NEEDED_ACTIONS,
    Access,
    access_by_roles,
    access_to,
    key_in,
    key_scope,
)
from azext_acrcmk.model.goal import EnableGoal, later
from azext_acrcmk.model.ids import ArmId, KeyId, Scope
from azext_acrcmk.model.problem import NOT_FOUND, Problem
from azext_acrcmk.model.state import (
    ACCESS_POLICY,
    RBAC,
    Absent,
    DeletedKey,
    DeletedVault,
    Group,
    Identity,
    Key,
    State,
    Unknown,
    Vault,
)
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.plan import kinds
from azext_acrcmk.plan.change import Change, after
from azext_acrcmk.plan.conflicts import key_conflicts, key_tag_problems, tenant_problems, vault_conflicts
from azext_acrcmk.plan.namesakes import identity_elsewhere, unseen_namesakes, vault_doubt
from azext_acrcmk.rules import Facts, Fix, stoppers
from azext_acrcmk.rules.grant import describe
from azext_acrcmk.rules.vault import shuts_out_registries

# The key permissions that a registry requires of an access policy.
POLICY_PERMISSIONS = tuple(NEEDED_ACTIONS)


@immutable
class Parts(Value):
    """In the order in which they are shown. `protection` and `firewall` are changes of an existing vault."""

    vault: Change
    protection: Change | None
    firewall: Change | None
    key: Change
    grant: Change

    @property
    def changes(self) -> tuple[Change, ...]:
        return after(self.vault, self.protection, self.firewall, self.key, self.grant)


def location_of(goal: EnableGoal, state: State) -> str | None:
    """The location of new resources: the one asked for, otherwise that of the registry's resource group."""
    group = state.group(goal.registry)
    return goal.location or (group.location if isinstance(group, Group) else None)


def vault_id_of(goal: EnableGoal, state: State) -> ArmId | None:
    """The vault of the goal's key; None if it can't be read."""
    return state.vault.id if isinstance(state.vault, (Vault, DeletedVault)) else goal.vault


def parts_problems(command: str, goal: EnableGoal, state: State, now: datetime, fixed: frozenset[Fix]) -> list[Problem]:
    """Problems of the parts that a registry is to use, and that the plan does not fix."""
    if problems := tenant_problems(goal, state):
        return problems
    if not goal.skip_grant:
        fixed |= {Fix.GRANT}
    found = [_as_problem(each) for each in stoppers(command, Facts(state, now, goal=goal), fixed)]
    found += vault_conflicts(goal, state)
    # Options for a new key don't matter if the existing one can't be used at all.
    found += key_conflicts(goal, state.key) if isinstance(state.key, Key) and not found else []
    if isinstance(state.key, Absent) and not goal.key_uri:
        found += key_tag_problems(goal.tags)
    return found + _skipped_grant_problems(goal, state)


def _as_problem(finding) -> Problem:
    problem = finding.as_problem
    if finding.change is not Fix.GRANT:
        return problem
    return Problem(f"{problem.message} With --skip-grant, it is not granted.", (f"Grant access: {finding.fix}",))


def _skipped_grant_problems(goal: EnableGoal, state: State) -> list[Problem]:
    """Problems with --skip-grant if the identity or the vault does not exist."""
    if not goal.skip_grant:
        return []
    if isinstance(state.identity, Absent):
        return [
            Problem(
                f"The identity '{goal.identity.name}' does not exist, so it can't have access to the key.",
                (
                    f"Create it and grant it access: az identity create --name {goal.identity.name} "
                    f"--resource-group {quote(goal.identity.group)}",
                    "Or omit --skip-grant.",
                ),
                NOT_FOUND,
            )
        ]
    access = _access_so_far(goal, state) if isinstance(state.vault, Absent) else None
    if access is None or access.granted is not False:
        return []
    return [
        Problem(
            f"The identity '{goal.identity.name}' has no {', '.join(access.missing)} permission on key "
            f"'{goal.key_name}'. With --skip-grant, it is not granted.",
            ("Create the vault and grant access first, or omit --skip-grant.",),
        )
    ]


def plan_identity(goal: EnableGoal, state: State, group: Change | None = None) -> Change:
    if isinstance(state.identity, Identity):
        return kinds.UseIdentity(identity=state.identity, reason="User-assigned identity exists.")
    notice = identity_elsewhere(goal, state)
    return kinds.CreateIdentity(
        id=goal.identity,
        location=location_of(goal, state),
        tags=goal.tags,
        reason=_joined("User-assigned identity through which the registry uses the key.", notice),
        notice=notice,
        after=after(group),
    )


def _joined(reason: str, more: str | None) -> str:
    return f"{reason} {more}" if more else reason


def plan_parts(
    goal: EnableGoal, state: State, now: datetime, identity: Change | None, group: Change | None = None
) -> Parts:
    """`identity` is the change after which the identity can be granted access."""
    vault = _vault_change(goal, state, group, identity)
    protection = _protection(state.vault, vault)
    firewall = allow_trusted_services(state.vault, after(protection))
    key = _key_change(goal, state, now, after(vault, protection))
    return Parts(vault, protection, firewall, key, _grant_change(goal, state, identity, vault, key))


def _vault_change(goal: EnableGoal, state: State, group: Change | None, identity: Change | None) -> Change:
    vault = state.vault
    if isinstance(vault, Absent):
        return _new_vault(goal, state, group, identity)
    if isinstance(vault, DeletedVault):
        grants = "access is not granted again" if goal.skip_grant else "access is granted again"
        return recover_vault(
            vault, goal.tenant, f"Soft-deleted key vault is recovered with its keys; {grants}.", after(group)
        )
    if isinstance(vault, Unknown):
        return kinds.SkipVault(
            host=goal.key.host, reason="Can't be read; the registry verifies that it can use the key."
        )
    kind = vault.kind_in_words
    model = "" if vault.is_hsm else f" ({'access policies' if vault.uses_policies else 'Azure RBAC'})"
    return kinds.UseVault(vault=vault, reason=f"{kind[0].upper()}{kind[1:]} exists{model}.")


def recover_vault(
    vault: DeletedVault, tenant: str, reason: str, waits_for: tuple[Change, ...] = ()
) -> kinds.RecoverVault:
    return kinds.RecoverVault(id=vault.id, location=vault.location, tenant=tenant, reason=reason, after=waits_for)


def _new_vault(goal: EnableGoal, state: State, group: Change | None, identity: Change | None) -> Change:
    by_policy, doubt = goal.new_permission_model == ACCESS_POLICY, vault_doubt(goal, state)
    model = "access policies" if by_policy else "Azure RBAC"
    network = ", network access denied except from trusted services" if goal.restrict_vault_network else ""
    if goal.vault_public_network_access == "Disabled":
        network = ", public network access disabled except from trusted services"
    return kinds.CreateVault(
        id=goal.vault,
        location=location_of(goal, state),
        tenant=goal.tenant,
        sku=goal.new_vault_sku,
        permission_model=goal.new_permission_model,
        retention_days=goal.new_retention_days,
        restrict_network=goal.restrict_vault_network,
        public_network_access=goal.vault_public_network_access,
        policy_for=goal.identity if by_policy else None,
        tags=goal.tags,
        reason=_joined(
            f"Key vault ({goal.new_vault_sku}, {model}{network}) with purge protection: if deleted, it can't be "
            f"purged for {goal.new_retention_days} days.",
            doubt or unseen_namesakes(goal, state),
        ),
        notice=doubt,
        question=f"Create key vault '{goal.vault.name}'?" if doubt else None,
        after=after(group, identity if by_policy else None),
    )


def _protection(vault, change: Change) -> kinds.ProtectVault | None:
    if not isinstance(vault, (Vault, DeletedVault)) or vault.purge_protection:
        return None
    return protect_vault(vault.id, after(change))


def protect_vault(vault: ArmId, waits_for: tuple[Change, ...] = ()) -> kinds.ProtectVault:
    """Enables purge protection of an existing vault. It is irreversible, so it prompts for confirmation."""
    return kinds.ProtectVault(
        vault=vault,
        reason="Purge protection is enabled; it can never be disabled.",
        question=f"Key vault '{vault.name}' has no purge protection. Enabling it is irreversible. Enable it?",
        after=waits_for,
    )


def allow_trusted_services(vault, waits_for: tuple[Change, ...] = ()) -> kinds.AllowTrustedServices | None:
    """Allows trusted services, such as the registry, through a vault's closed firewall. It widens access, so it prompts
    for confirmation."""
    if not isinstance(vault, Vault) or not shuts_out_registries(vault):
        return None
    return kinds.AllowTrustedServices(
        vault=vault.id,
        reason="Trusted Azure services are allowed to bypass the vault's firewall.",
        question=f"The firewall of '{vault.name}' does not allow trusted services. Allow trusted Azure services?",
        after=waits_for,
    )


def _key_change(goal: EnableGoal, state: State, now: datetime, waits_for: tuple[Change, ...]) -> Change:
    key = state.key
    if isinstance(key, Key):
        asked = key.id.with_version(goal.key.version)
        return kinds.UseKey(key=key, asked=asked, reason=f"{key.type} key exists.")
    if isinstance(key, DeletedKey):
        return kinds.RecoverKey(
            key=goal.key, vault=state.vault.id, reason="Soft-deleted key is recovered.", after=waits_for
        )
    if goal.key_uri:
        return kinds.SkipKey(key=goal.key, reason="Can't be read; the registry verifies that it can use it.")
    recovered = isinstance(state.vault, DeletedVault)
    policy = f", rotated every {goal.rotation_period}" if goal.rotation_period else ""
    policy += f", each version valid for {goal.key_lifetime}" if goal.key_lifetime else ""
    doubt = ", unless the recovered vault has one" if recovered else ""
    unread = isinstance(key, Absent) and key.unless is not None
    hint = " You don't have permission to read whether it is soft-deleted." if unread else ""
    return kinds.CreateKey(
        key=goal.key,
        vault=goal.vault,
        type=goal.key_type,
        size=goal.new_key_size,
        rotation_period=goal.rotation_period,
        lifetime=goal.key_lifetime,
        expires=later(now, goal.key_lifetime) if goal.key_lifetime else None,
        tags=goal.tags,
        may_exist=recovered,
        reason=f"{goal.key_type} {goal.new_key_size} key{policy}{doubt}.{hint}",
        after=waits_for,
    )


def _grant_change(goal: EnableGoal, state: State, identity: Change | None, vault: Change, key: Change) -> Change:
    access = _access_so_far(goal, state)
    target = _grant_target(goal, state.vault)
    if access and access.granted:
        return kinds.UseGrant(on=target, reason=f"Access is already granted by {describe(access.sources)}.")
    if goal.skip_grant:
        return kinds.SkipGrant(on=target, reason="Not granted because of --skip-grant; existing access can't be read.")
    on_key = goal.grants_on_key
    waits_for = after(identity, vault, key if on_key else None)
    if isinstance(state.vault, DeletedVault):
        return kinds.GrantInRecoveredVault(
            identity=goal.identity,
            vault=state.vault.id,
            key=goal.key,
            on_key=on_key,
            reason="Get, wrapKey and unwrapKey on the key are granted by the recovered vault's permission model.",
            after=waits_for,
        )
    there = state.vault if isinstance(state.vault, Vault) else None
    model = there.permission_model if there else goal.new_permission_model
    vault_id = there.id if there else goal.vault
    if model == ACCESS_POLICY:
        return kinds.AddAccessPolicy(
            identity=goal.identity,
            vault=vault_id,
            permissions=POLICY_PERMISSIONS,
            reason="Access policy: get, wrapKey and unwrapKey on keys.",
            after=waits_for,
        )
    return assign_encryption_role(goal, vault_id, there, waits_for)


def policy_of(grant: Change | None) -> kinds.AddAccessPolicy | None:
    """The access policy that a plan adds, if that is its grant."""
    return grant if isinstance(grant, kinds.AddAccessPolicy) else None


def assign_encryption_role(
    goal: EnableGoal, vault: ArmId, there: Vault | None, waits_for: tuple[Change, ...]
) -> kinds.AssignRole:
    on_key = goal.grants_on_key
    if goal.key.is_hsm:
        role, scope = HSM_ENCRYPTION_USER, key_scope(there, goal.key_name)
        reason = f"Role '{HSM_ENCRYPTION_USER_NAME}' on the key; it is local to the managed HSM."
    else:
        role, scope = ENCRYPTION_USER, key_in(vault, goal.key_name) if on_key else vault.as_scope
        reason = f"Role '{ENCRYPTION_USER_NAME}' on the {'key' if on_key else 'vault'}."
    return kinds.AssignRole(
        identity=goal.identity, vault=vault, scope=scope, role_id=role, key=goal.key, reason=reason, after=waits_for
    )


def _access_so_far(goal: EnableGoal, state: State) -> Access | None:
    """An existing identity's access to the key; to one in a new vault, by roles at the resource group or above."""
    vault, identity = state.vault, state.identity
    if not isinstance(identity, Identity):
        return None
    if isinstance(vault, Vault):
        return access_to(vault, goal.key_name, identity.principal_id, state.roles, state.individuals)
    if isinstance(vault, Absent) and goal.vault and goal.new_permission_model != RBAC:
        return Access(False, missing=tuple(NEEDED_ACTIONS))  # a new vault has no policies
    if isinstance(vault, Absent) and goal.vault:
        return access_by_roles(key_in(goal.vault, goal.key_name), identity.principal_id, state.roles)
    return None


def _grant_target(goal: EnableGoal, vault) -> Scope | ArmId | KeyId:
    """The vault or key on which access is granted, by its ARM id if it has one."""
    if goal.key.is_hsm or isinstance(vault, Unknown):
        return goal.key.with_version(None)
    vault_id = goal.vault if isinstance(vault, Absent) else vault.id
    return key_in(vault_id, goal.key_name) if goal.grants_on_key else vault_id
