"""The commands as the CLI calls them. What they do is in `operations`, imported when one runs: `-h` stays fast."""

from functools import partial
from inspect import Parameter, Signature, signature

from azext_acrcmk.model.defaults import EXPIRY_DAYS, GRANT_TIMEOUT


def _goal(
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
    permission_model=None,
    grant_scope="vault",
    skip_grant=False,
    grant_timeout=GRANT_TIMEOUT,
    retention_days=None,
    vault_sku=None,
    restrict_vault_network=False,
    vault_public_network_access=None,
    public_network_enabled=None,
    default_action=None,
    allow_trusted_services=None,
    zone_redundancy=None,
    admin_enabled=None,
    data_endpoint_enabled=None,
    allow_exports=None,
    allow_arm_audience_tokens=None,
    role_assignment_mode=None,
    dnl_scope=None,
    allow_metadata_search=None,
    endpoint_protocol=None,
    regional_endpoints=None,
):
    """The options of a new registry and of what it uses: `enable` and others have them in common."""


def _with_goal(command, without=""):
    """The command, whose `options` the CLI sees as those of `_goal`, but for one."""
    own = [each for each in signature(command).parameters.values() if each.kind is not Parameter.VAR_KEYWORD]
    goal = [each for name, each in signature(_goal).parameters.items() if name != without]
    command.__signature__ = Signature([*own, *(each.replace(kind=Parameter.KEYWORD_ONLY) for each in goal)])
    return command


@_with_goal
def enable(cmd, registry_name, resource_group_name, what_if=False, yes=False, **options):
    from azext_acrcmk.model.goal import goal_options
    from azext_acrcmk.operations.enable import enable as operation

    return operation(cmd, registry_name, resource_group_name, what_if, yes, **goal_options(options))


@partial(_with_goal, without="grant_timeout")
def template(cmd, registry_name, resource_group_name=None, template_format="arm", file=None, yes=False, **options):
    from azext_acrcmk.model.goal import goal_options
    from azext_acrcmk.operations.template import template as operation

    return operation(cmd, registry_name, resource_group_name, template_format, file, yes, **goal_options(options))


@_with_goal
def wizard(cmd, registry_name=None, resource_group_name=None, **options):
    from azext_acrcmk.operations.wizard import wizard as operation

    return operation(cmd, registry_name=registry_name, resource_group_name=resource_group_name, **options)


@_with_goal
def migrate(
    cmd,
    registry_name,
    target_name,
    resource_group_name=None,
    repositories=None,
    since=None,
    concurrency=None,
    no_referrers=False,
    no_settings=False,
    force=False,
    freeze=False,
    unfreeze=False,
    report=None,
    what_if=False,
    yes=False,
    **options,
):
    from azext_acrcmk.model.goal import goal_options
    from azext_acrcmk.operations.migrate import Mode
    from azext_acrcmk.operations.migrate import migrate as operation
    from azext_acrcmk.plan.migrate.tally import Wanted

    wanted = Wanted(tuple(repositories or ()), since, not no_referrers, not no_settings, force)
    mode = Mode(what_if, yes, concurrency, freeze, unfreeze, tuple(report or ()))
    return operation(cmd, registry_name, target_name, resource_group_name, wanted, mode, **goal_options(options))


def show(cmd, registry_name=None, resource_group_name=None, ids=None):
    from azext_acrcmk.operations.show import show as operation

    return operation(cmd, registry_name, resource_group_name, ids)


def list_registries(
    cmd,
    resource_group_name=None,
    subscriptions=None,
    management_groups=None,
    everywhere=False,
    depth="key",
    health=None,
    fail_on="none",
    expiry_days=EXPIRY_DAYS,
    report=None,
    rows="registries",
    from_file=None,
    compare=None,
):
    from azext_acrcmk.operations.list import list_registries as operation

    scope = (resource_group_name, subscriptions, management_groups, everywhere)
    return operation(cmd, *scope, depth, health, fail_on, expiry_days, report, rows, from_file, compare)


def check(cmd, registry_name=None, resource_group_name=None, ids=None, fail_on="error", expiry_days=EXPIRY_DAYS):
    from azext_acrcmk.operations.check import check as operation

    return operation(cmd, registry_name, resource_group_name, ids, fail_on, expiry_days)


def rotate(
    cmd,
    registry_name,
    resource_group_name=None,
    key_encryption_key=None,
    key_vault=None,
    key_name=None,
    identity=None,
    rotation=None,
    no_new_version=False,
    skip_grant=False,
    grant_timeout=GRANT_TIMEOUT,
    revoke_old=False,
    disable_old_version=False,
    what_if=False,
    no_wait=False,
    yes=False,
):
    from azext_acrcmk.operations.rotate import rotate as operation

    return operation(
        cmd,
        registry_name,
        resource_group_name,
        what_if,
        yes,
        no_wait=no_wait,
        key_encryption_key=key_encryption_key,
        key_vault=key_vault,
        key_name=key_name,
        identity=identity,
        rotation=rotation,
        no_new_version=no_new_version,
        skip_grant=skip_grant,
        grant_timeout=grant_timeout,
        revoke_old=revoke_old,
        disable_old_version=disable_old_version,
    )


def registry_for_wait(cmd, registry_name, resource_group_name=None):
    from azext_acrcmk.operations.wait import registry_for_wait as operation

    return operation(cmd, registry_name, resource_group_name)


def revoke(cmd, registry_name, resource_group_name=None, by="grant", what_if=False, yes=False):
    from azext_acrcmk.operations.revoke import revoke as operation

    return operation(cmd, registry_name, resource_group_name, by, what_if, yes)


def restore(cmd, registry_name, resource_group_name=None, what_if=False):
    from azext_acrcmk.operations.revoke import restore as operation

    return operation(cmd, registry_name, resource_group_name, what_if)


def repair(cmd, registry_name, resource_group_name=None, grant_timeout=GRANT_TIMEOUT, what_if=False, yes=False):
    from azext_acrcmk.operations.repair import repair as operation

    return operation(cmd, registry_name, resource_group_name, what_if, yes, grant_timeout)
