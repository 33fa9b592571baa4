"""The commands: each from a goal to what exists, to a plan, to its run, to a report."""

from __future__ import annotations

from datetime import datetime, timezone

from azext_acrcmk.model.goal import GRANT_TIMEOUT


def enable(
    cmd,
    registry_name,
    resource_group_name,
    location=None,
    tags=None,
    identity=None,
    key_vault=None,
    key_name=None,
    key_encryption_key=None,
    rotation=None,
    key_type=None,
    key_size=None,
    rotation_period=None,
    key_lifetime=None,
    access_model=None,
    grant_scope="vault",
    skip_grant=False,
    grant_timeout=GRANT_TIMEOUT,
    retention_days=None,
    vault_sku=None,
    restrict_vault_network=False,
    public_network_enabled=None,
    default_action=None,
    allow_trusted_services=None,
    zone_redundancy=None,
    admin_enabled=None,
    what_if=False,
    yes=False,
):
    from azext_acrcmk.cloud.login import login_of
    from azext_acrcmk.model.goal import NetworkOptions, enable_goal
    from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId

    login = login_of(cmd.cli_ctx)
    goal = enable_goal(
        ArmId(login.subscription, resource_group_name, REGISTRY_TYPE, registry_name),
        login.tenant,
        login.vault_suffix,
        identity=identity,
        key_vault=key_vault,
        key_name=key_name,
        key_encryption_key=key_encryption_key,
        rotation=rotation,
        location=location,
        tags=tags,
        asked_key_type=key_type,
        key_size=key_size,
        rotation_period=rotation_period,
        key_lifetime=key_lifetime,
        access_model=access_model,
        grant_scope=grant_scope,
        skip_grant=skip_grant,
        grant_timeout=grant_timeout,
        retention_days=retention_days,
        vault_sku=vault_sku,
        restrict_vault_network=restrict_vault_network,
        options=NetworkOptions(
            public_network_enabled=public_network_enabled,
            default_action=default_action,
            allow_trusted_services=allow_trusted_services,
            zone_redundancy=zone_redundancy,
            admin_enabled=admin_enabled,
        ),
    )
    return _enable(cmd, goal, login, what_if, yes)


def _enable(cmd, goal, login, what_if, yes):
    from azext_acrcmk._errors import cli_errors, problems_error
    from azext_acrcmk.apply import EnableActs
    from azext_acrcmk.cloud.clients import Clients
    from azext_acrcmk.cloud.survey import survey_goal, survey_registry
    from azext_acrcmk.cloud.waiting import Stop
    from azext_acrcmk.model.ids import ArmId
    from azext_acrcmk.model.state import Vault
    from azext_acrcmk.plan.enable import plan_enable
    from azext_acrcmk.progress import Progress
    from azext_acrcmk.report import plan_document, registry_document, steps_document
    from azext_acrcmk.run import run

    clients, progress, stop = Clients(cmd.cli_ctx), Progress.of(cmd.cli_ctx), Stop()
    with cli_errors():
        goal, state = survey_goal(clients, goal, login.subscriptions, progress.note, stop)
        plan = plan_enable(goal, state)
        if plan.problems:
            raise problems_error(plan.problems)
        if what_if:
            return plan_document(plan)
        _confirm(cmd, plan, yes)
        acts = EnableActs(clients, goal, state, progress, stop)
        outcomes = run(plan, acts, progress, stop)
        if plan.changes or goal.key.version:
            vault_id = ArmId.parse(acts.vault.id) if isinstance(acts.vault, Vault) else None
            state = survey_registry(clients, acts.registry, login.subscriptions, vault_id)
        return {**registry_document(state, datetime.now(timezone.utc)), "steps": steps_document(outcomes)}


def show(cmd, registry_name, resource_group_name=None):
    from azext_acrcmk._errors import cli_errors
    from azext_acrcmk.cloud.clients import Clients
    from azext_acrcmk.cloud.login import login_of
    from azext_acrcmk.cloud.survey import survey_registry
    from azext_acrcmk.report import registry_document

    clients, login = Clients(cmd.cli_ctx), login_of(cmd.cli_ctx)
    with cli_errors():
        id_ = _registry_id(clients, login, registry_name, resource_group_name)
        registry = _existing(clients, id_)
        state = survey_registry(clients, registry, login.subscriptions)
        return registry_document(state, datetime.now(timezone.utc))


def _registry_id(clients, login, name, group):
    from azure.cli.core.azclierror import ResourceNotFoundError

    from azext_acrcmk.cloud.survey import find_registry
    from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId

    if group:
        return ArmId(login.subscription, group, REGISTRY_TYPE, name)
    found = find_registry(clients, name, login.subscription)
    if not isinstance(found, ArmId):
        raise ResourceNotFoundError(
            f"No registry '{name}' was found in subscription {login.subscription}.",
            ["List those you can see: az acr list --output table", "Another subscription: --subscription"],
        )
    return found


def _existing(clients, id_):
    """A registry that must be there."""
    from azure.cli.core.azclierror import ForbiddenError, ResourceNotFoundError

    from azext_acrcmk.cloud.observe import see_registry
    from azext_acrcmk.model.state import Registry, Unknown

    registry = see_registry(clients, id_)
    if isinstance(registry, Unknown):
        raise ForbiddenError(
            f"You may not see registry '{id_.name}': {registry.why}",
            f"It takes the permission '{registry.action}' on {registry.scope}.",
        )
    if not isinstance(registry, Registry):
        raise ResourceNotFoundError(
            f"There is no registry '{id_.name}' in resource group '{id_.group}'.",
            [
                "Leave out --resource-group to have it found by its name.",
                "List those you can see: az acr list -o table",
            ],
        )
    return registry


def _confirm(cmd, plan, yes):
    """Asks what the plan's steps want asked, all before any of them runs."""
    from azure.cli.core.util import user_confirmation

    yes = yes or cmd.cli_ctx.config.getboolean("core", "disable_confirm_prompt", fallback=False)
    for step in plan.steps:
        if step.confirm:
            user_confirmation(step.confirm, yes)
