"""`az acr cmk revoke` and `az acr cmk restore`"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from azext_acrcmk._errors import not_shown_error
from azext_acrcmk.cloud.asked import KeyUsers
from azext_acrcmk.cloud.errors import read_error
from azext_acrcmk.cloud.keys import get_tags
from azext_acrcmk.cloud.load import load_registry_state
from azext_acrcmk.cloud.reads import get_registry, read_or_unknown
from azext_acrcmk.cloud.sharing import find_identity_users, load_with_sharing, merged
from azext_acrcmk.cloud.waiting import until_settled
from azext_acrcmk.model.state import Identity, Key, Registry, State, Unknown, Vault
from azext_acrcmk.operations.ahead import find_obstacles, obstructed_plan, stop_where_blocked
from azext_acrcmk.operations.others import others_document
from azext_acrcmk.operations.session import Session
from azext_acrcmk.output.documents import registry_document, steps_document
from azext_acrcmk.plan.change import Plan
from azext_acrcmk.plan.grants import cover, find_grants, tagged_grants
from azext_acrcmk.plan.kinds import AddAccessPolicy, AssignRole, LeaveToUser, RestoreVersion
from azext_acrcmk.plan.restore import plan_restore
from azext_acrcmk.plan.revoke import BY_GRANT, BY_KEY, disable_instead, plan_revoke
from azext_acrcmk.rules import Facts

# How long a read may not show a change, in seconds.
READ_BACK_TIMEOUT = 60


def revoke(cmd, registry_name: str, group: str | None, by: str, what_if: bool, yes: bool):
    """Revokes the registry's access to its key, and verifies that by a read."""
    with Session.of(cmd) as session:
        registry = session.registry(registry_name, group)
        subscriptions = session.login.subscriptions
        state = load_with_sharing(session.clients, registry, subscriptions, KeyUsers(), thorough=True)
        state = _with_users(session, state) if by == BY_GRANT else state
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
        state = load_registry_state(session.clients, registry, session.login.subscriptions)
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
    outcomes = session.carry_out(plan, session.context(facts.state), yes)
    vault = facts.state.vault
    vault_id = vault.id if isinstance(vault, Vault) else None

    def read_back() -> State:
        registry = get_registry(session.clients, facts.registry.id)
        known = registry if isinstance(registry, Registry) else facts.registry
        return load_registry_state(session.clients, known, session.login.subscriptions, vault_id)

    state = facts.state
    if plan.changing:
        state = until_settled(read_back, lambda seen: not missing(seen), session.stop, READ_BACK_TIMEOUT)
        if wrong := missing(state):
            raise not_shown_error(wrong, READ_BACK_TIMEOUT, facts.registry.id, outcomes)
    others = others_document(session, plan, state.vault, facts.encryption.key, facts.principal)
    return {**registry_document(state, session.now), **others, "steps": steps_document(outcomes)}


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


def _with_users(session: Session, state: State) -> State:
    """The state with the other resources that use the registry's identity, as far as they can be read."""
    if not isinstance(state.identity, Identity):
        return replace(state, identity_users=())
    subscriptions = session.login.subscriptions
    users, unsearched = find_identity_users(session.clients, state.registry, state.identity.id, subscriptions)
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
