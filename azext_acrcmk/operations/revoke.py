"""`az acr cmk revoke` and `az acr cmk restore`"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from azext_acrcmk._errors import not_shown_error
from azext_acrcmk.cloud.asked import KeyUsers
from azext_acrcmk.cloud.errors import read_error
from azext_acrcmk.cloud.keys import get_tags
from azext_acrcmk.cloud.load import load_again, load_registry_state
from azext_acrcmk.cloud.reads import in_parallel, read_or_unknown
from azext_acrcmk.cloud.sharing import find_identity_users, load_with_sharing, merged
from azext_acrcmk.cloud.waiting import until_settled
from azext_acrcmk.model.expected import expected_state
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.model.key_identity import key_identity
from azext_acrcmk.model.state import Identity, Key, Registry, State, Unknown, Vault
from azext_acrcmk.operations.ahead import ask_early, find_obstacles, obstructed_plan, stop_where_blocked
from azext_acrcmk.operations.others import Others
from azext_acrcmk.operations.session import Session
from azext_acrcmk.output.documents import registry_document, steps_document
from azext_acrcmk.plan.change import Plan
from azext_acrcmk.plan.grants import cover, find_grants, tagged_grants
from azext_acrcmk.plan.kinds import GRANTING, REMOVING, AddAccessPolicy, AssignRole, LeaveToUser, RestoreVersion
from azext_acrcmk.plan.restore import plan_restore
from azext_acrcmk.plan.revoke import BY_GRANT, BY_KEY, disable_instead, plan_revoke
from azext_acrcmk.rules import Facts

# How long a read may not show a change, in seconds.
READ_BACK_TIMEOUT = 60


def revoke(cmd, registry_name: str, group: str | None, by: str, what_if: bool, yes: bool):
    """Revokes the registry's access to its key, and verifies that by a read."""
    with Session.of(cmd) as session:
        registry = session.registry(registry_name, group)
        subscriptions, by_grant = session.login.subscriptions, by == BY_GRANT
        state, users, _ = in_parallel(
            lambda: load_with_sharing(session.clients, registry, subscriptions, KeyUsers(), thorough=True),
            lambda: _find_users(session, registry, _user_assigned(registry)) if by_grant else None,
            lambda: by_grant and _expect(session, expected_state(registry, True), lambda f: plan_revoke(f, by, ())),
        )
        state = _with_users(session, state, users) if by_grant else state
        facts = Facts(state, session.now)
        plan = session.checked(plan_revoke(facts, by, state.identity_users or ()))
        found = find_obstacles(session, plan, state)
        if what_if:
            return obstructed_plan(session, plan, found)
        instead = [disable_instead(registry.id)] if by == BY_GRANT else []
        stop_where_blocked(found, *instead, plan=plan)
        return _carry_out(session, facts, plan, yes, lambda seen: _not_revoked(seen, by))


def restore(cmd, registry_name: str, group: str | None, what_if: bool):
    """Undoes a revoke, and verifies that by a read; fails if something is left disabled or without access.

    It does not prompt for confirmation, as it only restores access.
    """
    with Session.of(cmd) as session:
        registry = session.registry(registry_name, group)
        state, _ = in_parallel(
            lambda: load_registry_state(session.clients, registry, session.login.subscriptions),
            lambda: _expect(session, expected_state(registry, False), lambda facts: plan_restore(facts, {})),
        )
        facts = Facts(state, session.now)
        plan = session.checked(plan_restore(facts, _tags_of_disabled(session, state)))
        found = find_obstacles(session, plan, state)
        if what_if:
            return obstructed_plan(session, plan, found)
        stop_where_blocked(found, plan=plan)
        document = _carry_out(session, facts, plan, True, lambda seen: _not_restored(seen, facts, plan))
        if plan.find(LeaveToUser):
            session.fail_if_broken(document, registry.id)
        return document


def _carry_out(session: Session, facts: Facts, plan: Plan, yes: bool, missing: Callable[[State], str | None]):
    """Carries out the plan until a read shows nothing `missing`; otherwise raises an error with what is missing."""
    context, others = session.context(facts.state), Others(session, facts.encryption.key)
    beside = others.beside(plan, context, *GRANTING, *REMOVING)
    outcomes = session.carry_out(plan, context, yes, beside=beside)
    vault = facts.state.vault
    vault_id = vault.id if isinstance(vault, Vault) else None

    def read_back() -> State:
        return load_again(session.clients, facts.registry, session.login.subscriptions, vault_id)

    state = facts.state
    if plan.changing:
        state = until_settled(read_back, lambda seen: not missing(seen), session.stop, READ_BACK_TIMEOUT)
        if wrong := missing(state):
            raise not_shown_error(wrong, READ_BACK_TIMEOUT, facts.registry.id, outcomes)
    told = others.document(plan, state.vault, facts.principal)
    return {**registry_document(state, session.now), **told, "steps": steps_document(outcomes)}


def _expect(session: Session, state: State | None, planned: Callable[[Facts], Plan]) -> None:
    """Asks what the plan requires if the registry's state is the expected one, while that is read."""
    if state:
        ask_early(session, planned(Facts(state, session.now)), state)


def _not_revoked(state: State, by: str) -> str | None:
    """What a read shows, if that is not that the key was revoked."""
    if by == BY_KEY:
        return _version_not(state, enabled=False)
    facts, key = Facts(state, None), state.registry.encryption.key
    if not key or not facts.principal or not isinstance(state.vault, Vault):
        return _unreadable("grant")
    if isinstance(state.roles, Unknown) and not state.vault.uses_policies:
        return _unreadable("grant")
    left, _ = find_grants(state.vault, key, facts.principal, state.roles)
    return f"the identity still has access ({'; '.join(grant.what for grant in left)})" if left else None


def _not_restored(state: State, before: Facts, plan: Plan) -> str | None:
    """What a read shows, if that is not what the plan was to restore."""
    facts, key = Facts(state, None), before.encryption.key
    if plan.find(RestoreVersion) and (wrong := _version_not(state, enabled=True)):
        return wrong
    if not plan.find(AssignRole, AddAccessPolicy):
        return None
    tagged = tagged_grants(before)
    if tagged and facts.principal and isinstance(state.vault, Vault):
        there, _ = find_grants(state.vault, key, facts.principal, state.roles)
        return None if cover(there, tagged) else "not everything that was revoked is granted again"
    if facts.access.granted:
        return None
    denied = f", blocked by the deny assignment {', '.join(facts.access.denied_by)}" if facts.access.denied_by else ""
    if facts.access.missing:
        return f"the identity has no {', '.join(facts.access.missing)} permission{denied}"
    return _unreadable("grant")


def _version_not(state: State, enabled: bool) -> str | None:
    used = state.version_in_use
    if not isinstance(used, Key):
        return _unreadable("version in use")
    is_enabled = used.enabled is not False
    return None if is_enabled == enabled else f"version {used.id} is {'enabled' if is_enabled else 'disabled'}"


def _unreadable(what: str) -> str:
    return f"the {what} can't be read"


def _user_assigned(registry: Registry) -> ArmId | None:
    """The id of the identity of the registry's key, as far as the registry names it."""
    used = key_identity(State(registry=registry))
    return None if used.is_system else used.id


Users = tuple[tuple[ArmId, ...] | Unknown, tuple[Unknown, ...]]


def _find_users(session: Session, registry: Registry, identity: ArmId | None) -> Users | None:
    """The other resources with an identity, and the places that were not searched; None without its id."""
    subscriptions = session.login.subscriptions
    return find_identity_users(session.clients, registry, identity, subscriptions) if identity else None


def _with_users(session: Session, state: State, found: Users | None) -> State:
    """The state with the other resources that use the registry's identity, as far as they can be read. They are `found`
    if the registry names its identity, otherwise looked for now."""
    if not isinstance(state.identity, Identity):
        return replace(state, identity_users=())
    users, unsearched = found or _find_users(session, state.registry, state.identity.id)
    unsearched = (users,) if isinstance(users, Unknown) else unsearched
    return replace(state, identity_users=users, unsearched=merged(state.unsearched, unsearched))


def _tags_of_disabled(session: Session, state: State) -> dict[str, str] | Unknown:
    """The tags of the version in use, if it is disabled; unknown if the vault, which alone has them, can't be read."""
    from azure.core.exceptions import AzureError

    used = state.version_in_use
    if not isinstance(used, Key) or used.enabled is not False or not isinstance(state.vault, Vault):
        return {}
    action, scope = f"{state.vault.id.type}/keys/read", used.id.versionless
    try:
        seen = read_or_unknown(lambda: get_tags(session.clients, state.vault.host, used.id), action, scope)
    except AzureError as error:
        said = read_error(error)
        if said.status:
            raise
        return Unknown(action, scope, said.message, denied=False)
    return seen if isinstance(seen, Unknown) else seen or {}
