"""Changes of the access to a key."""

from __future__ import annotations

from collections.abc import Callable

from azext_acrcmk.apply.context import Context, apply_change
from azext_acrcmk.cloud import grants
from azext_acrcmk.cloud.hsm import has_hsm_role, revoke_hsm_role
from azext_acrcmk.cloud.pipeline import remember_write
from azext_acrcmk.cloud.reads import get_vault, has_role
from azext_acrcmk.cloud.waiting import until_settled
from azext_acrcmk.model.access import own_policies
from azext_acrcmk.model.ids import HSM_TYPE, Id
from azext_acrcmk.model.problem import Problem, Refused
from azext_acrcmk.model.state import ACCESS_POLICY, RBAC, Identity, Unknown, Vault
from azext_acrcmk.plan import kinds
from azext_acrcmk.plan.bodies import role_assignment_body
from azext_acrcmk.plan.grants import narrowest_grant, vault_grant
from azext_acrcmk.rules.fixes import registry_command


@apply_change.register
def _(change: kinds.AssignRole, context: Context) -> None:
    principal = context.principal_of(change.identity, change.principal)
    if not change.is_local and (vault := _other_model(change, context, ACCESS_POLICY)):
        apply_change(narrowest_grant(vault, change.key, principal).giving(change.reason), context)
        return
    clients, scope, role = context.clients, change.scope, change.role_id

    def assign() -> None:
        if change.is_local:
            grants.assign_local_role(clients, change.vault, change.key.host, scope, role, principal)
        else:
            delegated = context.identity.id if context.delegated and isinstance(context.identity, Identity) else None
            body = role_assignment_body(scope, role, principal, delegated)
            grants.assign_role(clients, scope, role, principal, body, context.stop)

    context.once_in_dns(assign)
    context.granted_now = True
    _remove_tag(change, context)


@apply_change.register
def _(change: kinds.AddAccessPolicy, context: Context) -> None:
    context.granted_now = True
    vault, principal = context.vault, context.principal_of(change.identity, change.principal)
    if context.goal and (other := _other_model(change, context, RBAC)):
        grant = narrowest_grant if context.goal.grants_on_key else vault_grant
        apply_change(grant(other, context.goal.key, principal).giving(change.reason), context)
        return
    created_with_it = isinstance(vault, Vault) and vault.id == change.vault and _has_policy(vault, principal, change)
    if not created_with_it:
        context.once_in_dns(lambda: add_policy(change, context))
    _remove_tag(change, context)


def _remove_tag(change: kinds.AssignRole | kinds.AddAccessPolicy, context: Context) -> None:
    if not change.untag:
        return
    try:
        apply_change(change.untag, context)
    except Exception:
        remember_write()  # the tag stays, but what was granted does too
        raise


_MODELS = {RBAC: "Azure RBAC", ACCESS_POLICY: "access policies"}


def _other_model(change: kinds.AssignRole | kinds.AddAccessPolicy, context: Context, other: str) -> Vault | None:
    """The vault that a grant is for, if it has the `other` permission model: a policy of Azure can change what was
    asked for when the vault was created."""
    vault = context.vault
    if not isinstance(vault, Vault) or vault.id != change.vault or vault.permission_model != other:
        return None
    context.progress.note(f"  A policy may have changed it: key vault {vault.name} was created with {_MODELS[other]}.")
    return vault


def _has_policy(vault: Vault, principal: str, change: kinds.AddAccessPolicy) -> bool:
    own = own_policies(vault, principal)
    return all(any(policy.permits(each) for policy in own) for each in change.permissions)


def add_policy(change: kinds.AddAccessPolicy, context: Context) -> None:
    """Adds to the vault's access policies, and replaces none."""
    _change_policy("add", change, context.principal_of(change.identity, change.principal), context)


def _change_policy(
    kind: str, change: kinds.AddAccessPolicy | kinds.RemoveAccessPolicy, principal: Id, context: Context
) -> None:
    known = isinstance(context.vault, Vault) and context.vault.id == change.vault
    tenant = (known and context.vault.tenant) or context.tenant
    grants.change_policy(context.clients, change.vault, kind, principal, tenant, change.permissions, context.stop)


@apply_change.register
def _(change: kinds.GrantInRecoveredVault, context: Context) -> None:
    principal = context.principal_of(change.identity, change.principal)
    grant = narrowest_grant if change.on_key else vault_grant
    granting = grant(context.vault, change.key, principal).giving(change.reason)
    apply_change(granting, context)


# How long a read may still show what was removed, in seconds.
REMOVAL_TIMEOUT = 60


@apply_change.register
def _(change: kinds.RemoveRole, context: Context) -> None:
    _set_tag(change, context)
    clients, role = context.clients, change.role
    local = change.vault.type == HSM_TYPE
    if local:
        revoke_hsm_role(clients, change.host, role)
    else:
        grants.remove_role(clients, change.vault, role)

    def shows() -> str | None:
        found = (
            has_hsm_role(clients, change.host, role) if local else has_role(clients, change.vault.subscription, role)
        )
        what = f"the role '{role.role_name}' at {role.scope}"
        return _unread(what) if isinstance(found, Unknown) else _shown(what) if found else None

    _until_gone(shows, context)


@apply_change.register
def _(change: kinds.RemoveAccessPolicy, context: Context) -> None:
    _set_tag(change, context)
    _change_policy("remove", change, change.principal, context)
    named = {each.lower() for each in change.permissions}

    def shows() -> str | None:
        vault = get_vault(context.clients, change.vault)
        if not isinstance(vault, Vault):
            return _unread(f"the access policy of {change.principal}") if isinstance(vault, Unknown) else None
        left = [p for each in own_policies(vault, change.principal) for p in each.key_permissions if p.lower() in named]
        return _shown(f"the access policy ({', '.join(left)}) of {change.principal}") if left else None

    _until_gone(shows, context)


def _set_tag(change: kinds.RemoveRole | kinds.RemoveAccessPolicy, context: Context) -> None:
    if change.tag:
        apply_change(change.tag, context)


def _shown(what: str) -> str:
    return f"a read still shows {what}. It still gives access to the key."


def _unread(what: str) -> str:
    return f"{what} can't be read. It may still give access to the key."


def _until_gone(shows: Callable[[], str | None], context: Context) -> None:
    """Waits until a read no longer `shows` what was removed, or that this can't be read: that Azure accepted the
    removal is not yet proof."""
    if left := until_settled(shows, lambda seen: not seen, context.stop, REMOVAL_TIMEOUT):
        raise Refused(
            Problem(
                f"Azure accepted the removal, but after {REMOVAL_TIMEOUT} seconds {left}",
                (
                    f"To disable the key instead: {registry_command(context.registry.id, 'cmk revoke', '--by key')}",
                    f"To check again: {registry_command(context.registry.id, 'cmk check')}",
                ),
            ),
            maybe_done=True,
        )
