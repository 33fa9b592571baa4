"""Changes of a registry, and the bounded wait until its key works."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, TypeVar

from azext_acrcmk.apply.context import Context, apply_change, begin_read_back
from azext_acrcmk.apply.grants import add_policy
from azext_acrcmk.apply.identities import patch_assigning
from azext_acrcmk.cloud import changes
from azext_acrcmk.cloud.errors import ServiceError, UnexpectedResponse, key_access_refused, read_error
from azext_acrcmk.cloud.load import load_roles
from azext_acrcmk.cloud.reads import get_key, get_registry, get_vault, in_parallel
from azext_acrcmk.cloud.waiting import Pauses, asked_pause, until_settled
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.ids import KeyId
from azext_acrcmk.model.key_identity import SYSTEM
from azext_acrcmk.model.problem import Problem, Refused
from azext_acrcmk.model.state import ABSENT, AttachedIdentity, Encryption, Key, Registry, State, Unknown, Vault
from azext_acrcmk.plan import bodies, kinds
from azext_acrcmk.plan.diagnose import diagnose
from azext_acrcmk.rules import Facts
from azext_acrcmk.rules.fixes import registry_command

# How long the registry may take to use the version that was set, in seconds.
ADOPTION_TIMEOUT = 300

Made = TypeVar("Made")
UsesKey = kinds.CreateRegistry | kinds.SetEncryption


@apply_change.register
def _(change: kinds.CreateRegistry, context: Context) -> None:
    body = bodies.registry_body(change, context.identity.client_id, _key_to_use(change, context))

    def ended() -> None:
        if _latest(change, context).version:
            begin_read_back(context, _expected(change, context))

    def create() -> Registry:
        return changes.put_registry(context.clients, change.id, body, context.stop, ended)

    context.registry = _judged(context, _until_key_accepted(change, context, create))


def _expected(change: kinds.CreateRegistry, context: Context) -> Registry:
    """The new registry, as far as it says what it uses."""
    identity = context.identity
    return Registry(
        change.id,
        change.location,
        sku="Premium",
        login_server=None,
        provisioning_state="Succeeded",
        encryption=Encryption("enabled", _key_to_use(change, context), _latest(change, context), identity.client_id),
        attached=(AttachedIdentity(identity.id, identity.client_id, identity.principal_id),),
    )


@apply_change.register
def _(change: kinds.SetEncryption, context: Context) -> None:
    registry, key = context.registry, _key_to_use(change, context)
    client_id = SYSTEM if change.identity == change.registry else context.identity.client_id
    body = bodies.encryption_body(client_id, key)
    if not change.wait and not change.attach:
        begin = lambda: changes.begin_patch_registry(context.clients, registry.id, body)  # noqa: E731
        _until_key_accepted(change, context, begin)
        return
    from azure.core.exceptions import HttpResponseError

    before = registry.encryption.in_use

    def patch(body: dict[str, Any]) -> Registry:
        if change.attach:
            return patch_assigning(context, registry.id, change.identity, body)
        return changes.patch_registry(context.clients, registry.id, body, context.stop)

    def encrypt() -> Registry:
        if not change.tags:
            return patch(body)
        tagged = bodies.with_tags(body, {**registry.tags, **dict(change.tags)})
        try:
            return patch(tagged)
        except HttpResponseError as error:
            # The tag only serves a second run: a registry that can't have it gets its key all the same.
            if not _may_be_the_tag(read_error(error)):
                raise
            return patch(body)

    context.registry = _judged(context, _until_key_accepted(change, context, encrypt))
    if change.wait:
        _until_adopted(change, context, before)


@apply_change.register
def _(change: kinds.TagRegistry, context: Context) -> str | None:
    from azure.core.exceptions import AzureError

    if change.value is None and change.name not in context.registry.tags:
        return "reused"
    tags = {name: value for name, value in context.registry.tags.items() if name != change.name}
    if change.value is not None:
        tags[change.name] = change.value

    def tag() -> Registry:
        return changes.patch_registry(context.clients, change.registry, {"tags": tags}, context.stop)

    try:
        context.registry = tag()
    except AzureError as error:
        # After a refused token, a second run can still change it.
        if change.instead is None or isinstance(error, UnexpectedResponse) or read_error(error).status == 401:
            raise
        context.progress.note(f"  The tag '{change.name}' could not be changed. {change.instead}")
        return "left"
    return None


def _may_be_the_tag(said: ServiceError) -> bool:
    """Whether a change may be refused for its tag alone: by a policy, or by the limits of tags."""
    if said.code == "RequestDisallowedByPolicy":
        return True
    says_tag = re.search(r"\b[Tt]ags?\b|[a-z]Tag", f"{said.code} {said.message}")
    return said.status == 400 and bool(says_tag) and not key_access_refused(said)


def _latest(change: UsesKey, context: Context) -> KeyId:
    """The key that the registry should use, with its version if that is known."""
    if change.key.version or not isinstance(context.key, Key):
        return change.key
    return context.key.id


def _key_to_use(change: UsesKey, context: Context) -> KeyId:
    """The key to set: with a version if the registry is to be pinned to it, otherwise without."""
    return _latest(change, context) if change.pinned else change.key.with_version(None)


def _until_key_accepted(change: UsesKey, context: Context, encrypt: Callable[[], Made]) -> Made:
    """The result of `encrypt` once the key is accepted; waits, bounded, for access to take effect."""
    from azure.core.exceptions import HttpResponseError

    context.until_in_dns()
    told = False
    # A try is more expensive than a read, for the service and because of the diagnosis.
    pauses = Pauses(context.stop, first=2.0, most=20.0)
    while True:
        try:
            return encrypt()
        except HttpResponseError as error:
            if not key_access_refused(read_error(error)):
                raise
            refusal = error
        facts = _judged_facts(change, context)
        if change.policy and context.granted_now and facts.access.missing and facts.vault.uses_policies:
            # Another program has replaced the vault's access policies in the meantime.
            add_policy(change.policy, context)
        found = diagnose(facts, context.grant_timeout, context.granted_now)
        if found.wait and not told:
            told = True
            context.progress.note(f"  Waiting for access to take effect (up to {found.wait} seconds).")
        if not pauses.another(found.wait, asked_pause(refusal)):
            raise Refused(found.problem) from refusal


def _judged_facts(change: UsesKey, context: Context) -> Facts:
    key, identity, vault = change.key, context.identity, context.vault
    registry = change.id if isinstance(change, kinds.CreateRegistry) else change.registry
    goal = context.goal or EnableGoal(registry, change.identity, None, key.name, "", "", key_uri=key)
    state = State(registry=ABSENT, identity=identity, vault=vault, key=Unknown(), roles=Unknown())
    if isinstance(vault, Vault):
        vault, found, roles = in_parallel(
            lambda: get_vault(context.clients, vault.id),
            lambda: get_key(context.clients, vault.id, goal.key),
            lambda: load_roles(context.clients, vault.id, goal.key, identity.principal_id),
        )
        state = replace(state, vault=vault, key=found, roles=roles)
    return Facts(state, datetime.now(timezone.utc), goal=goal)


def _judged(context: Context, registry: Registry) -> Registry:
    """Only a GET after the operation has ended shows the actual state (wire facts 3.1)."""
    id_ = registry.id
    if not registry.settled:
        registry = until_settled(
            lambda: get_registry(context.clients, id_),
            lambda seen: isinstance(seen, Registry) and seen.settled,
            context.stop,
        )
    if isinstance(registry, Registry) and registry.encryption.enabled and registry.provisioning_state == "Succeeded":
        return registry
    raise Refused(
        Problem(
            f"The operation on registry '{id_.name}' ended, but a read does not show the registry as encrypted.",
            (f"To see its state: {registry_command(id_, 'cmk show')}",),
        )
    )


def _until_adopted(change: kinds.SetEncryption, context: Context, before: KeyId | None) -> None:
    """Waits, bounded, until the registry reports that it uses the version: that Azure accepted it is not yet proof.

    A registry that uses new versions automatically may instead use a newer one created by others, never the old one.
    """
    latest = _latest(change, context)

    def uses_it(seen) -> bool:
        if latest.version is None:
            return True
        used = seen.encryption.in_use if isinstance(seen, Registry) else None
        if used is None or used == latest:
            return used is not None
        return not change.pinned and latest.same_key(used) and before is not None and used != before

    if uses_it(context.registry):
        return
    seen = until_settled(
        lambda: get_registry(context.clients, change.registry), uses_it, context.stop, ADOPTION_TIMEOUT
    )
    if not uses_it(seen):
        raise Refused(
            Problem(
                f"Registry '{change.registry.name}' does not use {latest} yet, although Azure accepted the change. "
                "Both the old and the new version must stay enabled until it does.",
                (f"Check again later: {registry_command(change.registry, 'cmk show')}",),
            )
        )
    context.registry = seen
