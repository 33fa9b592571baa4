"""Changes of who has access to a key."""

from __future__ import annotations

from azext_acrcmk.apply.context import Context, apply_change
from azext_acrcmk.cloud import grants
from azext_acrcmk.model.ids import HSM_TYPE
from azext_acrcmk.plan import change as kinds
from azext_acrcmk.plan.bodies import role_assignment_body
from azext_acrcmk.plan.grants import usual_grant


@apply_change.register
def _(change: kinds.AssignRole, context: Context) -> None:
    principal = context.principal_of(change.identity, change.principal)
    clients, scope, role = context.clients, change.scope, change.role_id

    def assign() -> None:
        if change.is_local:
            grants.assign_local_role(clients, change.vault, change.key.host, scope, role, principal)
        else:
            body = role_assignment_body(scope, role, principal)
            grants.assign_role(clients, scope, role, principal, body, context.stop)

    context.once_in_dns(assign)
    context.granted_now = True


@apply_change.register
def _(change: kinds.AddAccessPolicy, context: Context) -> None:
    principal = context.principal_of(change.identity, change.principal)
    context.once_in_dns(
        lambda: grants.add_policy(
            context.clients, change.vault, principal, context.tenant, change.permissions, context.stop
        )
    )
    context.granted_now = True


@apply_change.register
def _(change: kinds.GrantInRecoveredVault, context: Context) -> None:
    principal = context.principal_of(change.identity, change.principal)
    granting = usual_grant(context.vault, change.key, principal).giving(change.reason)
    apply_change(granting, context)


@apply_change.register
def _(change: kinds.RemoveRole, context: Context) -> None:
    if change.vault.type == HSM_TYPE:
        grants.remove_local_role(context.clients, change.host, change.role)
    else:
        grants.remove_role(context.clients, change.vault, change.role)


@apply_change.register
def _(change: kinds.RemoveAccessPolicy, context: Context) -> None:
    grants.remove_policy(
        context.clients, change.vault, change.principal, context.tenant, change.permissions, context.stop
    )
