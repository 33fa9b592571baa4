"""Changes of keys and their versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from azext_acrcmk.apply.context import Context, apply_change
from azext_acrcmk.cloud import changes, keys
from azext_acrcmk.cloud.errors import explain, read_error, same_code
from azext_acrcmk.cloud.reads import get_key
from azext_acrcmk.cloud.waiting import retrying
from azext_acrcmk.model.ids import KeyId
from azext_acrcmk.model.problem import Problem, Refused
from azext_acrcmk.model.state import MOST_TAGS_OF_A_KEY, Key, Registry
from azext_acrcmk.plan import bodies, kinds
from azext_acrcmk.plan.change import Change
from azext_acrcmk.plan.conflicts import key_conflicts
from azext_acrcmk.rules.fixes import key_command, registry_command

# How long the control plane may reject a key because the caller's own role has not taken effect, in seconds.
OWN_ROLE_TIMEOUT = 180


@apply_change.register
def _(change: kinds.CreateKey, context: Context) -> str | None:
    context.until_in_dns()
    if change.may_exist:
        # The contents of the vault could not be read before it was recovered.
        found = get_key(context.clients, change.vault, change.key)
        if isinstance(found, Key):
            if conflicts := key_conflicts(context.goal, found):
                raise Refused(conflicts[0])
            context.key = found
            return "reused"
    return _create_key(change, context)


def _create_key(change: kinds.CreateKey, context: Context) -> str | None:
    from azure.core.exceptions import HttpResponseError

    def put() -> Key:
        return changes.put_key(context.clients, change.vault, change.key, bodies.key_body(change))

    try:
        context.key = retrying(
            put,
            lambda error: same_code(read_error(error), "ForbiddenByRbac") or "ForbiddenByRbac" in read_error(error),
            context.stop,
            min(OWN_ROLE_TIMEOUT, context.grant_timeout),
        )
    except HttpResponseError as error:
        said = read_error(error)
        if "deleted but recoverable" in said:
            _recover(change, context)
            return "recovered"
        if said.status not in (400, 403, 500) or not ("ForbiddenByRbac" in said or "AuthorizationFailed" in said):
            raise
        _create_by_data_plane(change, context)
    return None


def _create_by_data_plane(change: kinds.CreateKey, context: Context) -> None:
    context.progress.note(
        "  You don't have permission to create the key in the control plane; creating it in the vault."
    )
    key, host = change.key, context.host_of(change.key)
    what = f"The key '{key.name}' could not be created, neither in the control plane nor in the vault."
    required = (
        "The control plane requires permission 'Microsoft.KeyVault/vaults/keys/write' (role 'Key Vault Contributor'), "
        f"the vault requires the role 'Key Vault Crypto Officer', on {change.vault}"
    )
    with _explaining(what, lambda _: (required,)):
        made = keys.create_key(context.clients, host, key, change.type, change.size, change.tags, change.expires)
    if change.rotation_period or change.lifetime:
        _set_rotation_policy(change, context)
    context.key = Key(made, change.type, change.size)


def _set_rotation_policy(change: kinds.CreateKey, context: Context) -> None:
    what = f"The key '{change.key.name}' was created in the vault, but its rotation policy could not be set."
    instead = (
        f"Set it: {key_command('rotation-policy update', change.key, '--value FILE')}",
        "Or continue without it: run the same command without --rotation-period and --key-lifetime.",
    )
    with _explaining(what, lambda advice: (*advice, *instead), maybe_done=True):
        host = context.host_of(change.key)
        keys.set_rotation_policy(context.clients, host, change.key, change.rotation_period, change.lifetime)


@apply_change.register
def _(change: kinds.RecoverKey, context: Context) -> None:
    _recover(change, context)


def _recover(change: kinds.CreateKey | kinds.RecoverKey, context: Context) -> None:
    from azure.core.exceptions import HttpResponseError

    key = change.key
    try:
        keys.recover_key(context.clients, context.host_of(key), key)
    except HttpResponseError as error:
        why = explain(read_error(error))
        raise Refused(
            Problem(
                f"The key '{key.name}' is soft-deleted, and could not be recovered. {why.message}",
                (*why.advice, f"Recover it: {key_command('recover', key)}", "Or choose another name with --key."),
            )
        ) from error
    found = get_key(context.clients, change.vault, key)
    context.key = found if isinstance(found, Key) else Key(key, "RSA")


@apply_change.register
def _(change: kinds.CreateVersion, context: Context) -> None:
    later = registry_command(context.registry.id, "cmk rotate", "--no-new-version")
    what = "A new version of the key could not be created; this is possible only in the vault."
    with _explaining(what, lambda advice: (*advice, f"After someone else has created it: {later}")):
        made = _create_version(change.key, context)
    known = context.key if isinstance(context.key, Key) else Key(made, "RSA")
    context.key = Key(made, known.type, known.size)


def _create_version(key: KeyId, context: Context) -> KeyId:
    host, latest = context.host_of(key), context.key
    # A managed HSM rotates only keys with a rotation policy; others are created again (service facts 9.5).
    if key.is_hsm and isinstance(latest, Key) and latest.type and not latest.rotation_policy:
        return keys.create_version_like(context.clients, host, latest)
    return keys.create_version(context.clients, host, key)


@apply_change.register
def _(change: kinds.UseVersion, context: Context) -> None:
    context.key = change.key


@apply_change.register
def _(change: kinds.EnableVersion, context: Context) -> None:
    keys.update_version(context.clients, context.host_of(change.key), change.key, enabled=True)


@apply_change.register
def _(change: kinds.PermitOperations, context: Context) -> None:
    operations = list(change.operations)
    keys.update_version(context.clients, context.host_of(change.key), change.key, key_operations=operations)


@apply_change.register
def _(change: kinds.DisableVersion, context: Context) -> str | None:
    registry = context.registry
    if isinstance(registry, Registry) and registry.encryption.in_use == change.key:
        # The registry still uses it, so it is not an old version.
        return "reused"
    keys.update_version(context.clients, context.host_of(change.key), change.key, enabled=False)
    return None


@apply_change.register
def _(change: kinds.RevokeVersion, context: Context) -> None:
    with _explaining(_only_there(change)):
        tagged = keys.revoke_version(context.clients, context.host_of(change.key), change.key, change.tag)
    if not tagged:
        enabled = f"--version {change.key.version} --enabled true"
        context.progress.note(
            f"  The version has {MOST_TAGS_OF_A_KEY} tags, so it can't be tagged as revoked, and `az acr cmk restore` "
            f"will not enable it. To enable it: {key_command('set-attributes', change.key, enabled)}"
        )


@apply_change.register
def _(change: kinds.RestoreVersion, context: Context) -> None:
    with _explaining(_only_there(change)):
        host = context.host_of(change.key)
        keys.update_version(context.clients, host, change.key, enabled=True, tags=change.tags)


def _only_there(change: Change) -> str:
    return f"{change.resource} can be changed only in the vault."


@contextmanager
def _explaining(
    what: str, advise: Callable[[tuple[str, ...]], tuple[str, ...]] = lambda advice: advice, maybe_done: bool = False
) -> Iterator[None]:
    """Explains an error of the vault's data plane: `what` could not be done, and why. `advise` gives the advice, from
    that for the error itself."""
    from azure.core.exceptions import AzureError

    try:
        yield
    except AzureError as error:
        why = explain(read_error(error))
        raise Refused(Problem(f"{what} {why.message}", advise(why.advice)), maybe_done) from error
