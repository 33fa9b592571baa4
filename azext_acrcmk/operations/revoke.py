"""`az acr cmk revoke` and `az acr cmk restore`"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from azext_acrcmk._errors import not_shown_error
from azext_acrcmk.acts.revoke import RestoreActs, RevokeActs
from azext_acrcmk.cloud.errors import read_error
from azext_acrcmk.cloud.keys import is_revoked
from azext_acrcmk.cloud.observe import look, see_identity_users, see_registry, see_sharing, together
from azext_acrcmk.cloud.survey_registry import survey_registry
from azext_acrcmk.cloud.waiting import until_settled
from azext_acrcmk.health.catalogue import Facts
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.model.state import Identity, Key, Registry, State, Unknown, Vault
from azext_acrcmk.operations.session import Session
from azext_acrcmk.plan.restore import plan_restore
from azext_acrcmk.plan.revoke import (
    BY_GRANT,
    BY_KEY,
    cover,
    plan_revoke,
    read_note,
    revocable,
)
from azext_acrcmk.plan.step import Plan
from azext_acrcmk.report import plan_document, registry_document, steps_document

# How long what was changed may take to show in a read, in seconds.
READ_BACK_TIMEOUT = 60


def revoke(cmd, registry_name: str, group: str | None, by: str, what_if: bool, yes: bool):
    """Takes the registry's key from it, and ends when that is read back."""
    with Session.of(cmd) as session:
        registry = session.registry(registry_name, group)
        state, sharing = together(
            lambda: survey_registry(session.clients, registry, session.login.subscriptions),
            lambda: see_sharing(session.clients, registry, session.login.subscriptions),
        )
        facts = Facts(replace(state, sharing=sharing), session.now)
        plan = session.checked(plan_revoke(facts, by, _users(session, facts) if by == BY_GRANT else ()))
        if what_if:
            return plan_document(plan)
        acts = RevokeActs(session.clients, facts, session.login.tenant, session.stop)
        return _carry_out(session, facts, plan, acts, yes, lambda seen: _not_revoked(seen, by))


def restore(cmd, registry_name: str, group: str | None, what_if: bool):
    """Undoes a revoke, and ends when that is read back. It only gives back, so it asks nothing."""
    with Session.of(cmd) as session:
        registry = session.registry(registry_name, group)
        state = survey_registry(session.clients, registry, session.login.subscriptions)
        facts = Facts(state, session.now)
        plan = session.checked(plan_restore(facts, _disabled_by_revoke(session, state)))
        if what_if:
            return plan_document(plan)
        acts = RestoreActs(session.clients, facts, session.login.tenant, session.stop)
        return _carry_out(session, facts, plan, acts, True, lambda seen: _not_restored(seen, facts, plan))


def _carry_out(session: Session, facts: Facts, plan: Plan, acts, yes: bool, lacking: Callable[[State], str | None]):
    """Ends when a read shows nothing `lacking` of what the plan was to bring about; raises an error that tells it."""
    outcomes = session.carry_out(plan, acts, yes)
    vault = facts.state.vault
    vault_id = ArmId.parse(vault.id) if isinstance(vault, Vault) else None
    subscriptions = session.login.subscriptions

    def read_back() -> State:
        registry = see_registry(session.clients, ArmId.parse(facts.registry.id))
        known = registry if isinstance(registry, Registry) else facts.registry
        return survey_registry(session.clients, known, subscriptions, vault_id)

    state = facts.state
    if plan.changes:
        state = until_settled(read_back, lambda seen: not lacking(seen), session.stop, READ_BACK_TIMEOUT)
        if wrong := lacking(state):
            raise not_shown_error(wrong, READ_BACK_TIMEOUT, facts.registry.name, outcomes)
    return {**registry_document(state, session.now), "steps": steps_document(outcomes)}


def _not_revoked(state: State, by: str) -> str | None:
    """What a read shows, where that is not that the key was taken from the registry."""
    if by == BY_KEY:
        return _version_not(state, enabled=False)
    facts, key = Facts(state, None), state.registry.encryption.key
    if not key or not facts.principal or not isinstance(state.vault, Vault) or isinstance(state.roles, Unknown):
        return _unseen("grant")
    left, _ = revocable(state.vault, key.name, facts.principal, state.roles)
    return f"the identity has it still ({'; '.join(grant.what for grant in left)})" if left else None


def _not_restored(state: State, before: Facts, plan: Plan) -> str | None:
    """What a read shows, where that is not what the plan was to give back; what was narrow before is so again."""
    facts, key = Facts(state, None), before.encryption.key
    changed = [step.name for step in plan.steps if step.changes]
    if "key" in changed and (wrong := _version_not(state, enabled=True)):
        return wrong
    if "grant" not in changed:
        return None
    noted = read_note(before)
    if noted and facts.principal and isinstance(state.vault, Vault):
        there, _ = revocable(state.vault, key.name, facts.principal, state.roles)
        return None if cover(there, noted) else "not all that was revoked is granted again"
    if facts.access.granted:
        return None
    denied = f", by the deny assignment {', '.join(facts.access.denied_by)}" if facts.access.denied_by else ""
    return f"the identity lacks {', '.join(facts.access.missing)}{denied}" if facts.access.missing else _unseen("grant")


def _version_not(state: State, enabled: bool) -> str | None:
    used = state.version_in_use
    if not isinstance(used, Key):
        return _unseen("version in use")
    is_enabled = used.enabled is not False
    return None if is_enabled == enabled else f"version {used.id} is {'enabled' if is_enabled else 'disabled'}"


def _unseen(what: str) -> str:
    return f"the {what} can't be seen"


def _users(session: Session, facts: Facts) -> tuple[str, ...]:
    """The ids of other resources that have the registry's identity, as far as they can be seen."""
    identity = facts.state.identity
    if not isinstance(identity, Identity):
        return ()
    lists = together(
        *(lambda s=each: see_identity_users(session.clients, identity.id, s) for each in session.login.subscriptions)
    )
    return tuple(id_ for found in lists for id_ in found if id_.lower() != facts.registry.id.lower())


def _disabled_by_revoke(session: Session, state: State) -> bool | Unknown:
    """Whether `revoke` disabled the version in use; unknown where only the vault could tell, and does not."""
    from azure.core.exceptions import AzureError

    used = state.version_in_use
    if not isinstance(used, Key) or used.enabled is not False or not isinstance(state.vault, Vault):
        return False
    action, scope = f"{ArmId.parse(state.vault.id).type}/keys/read", used.id.versionless
    try:
        seen = look(lambda: is_revoked(session.clients, state.vault, used.id), action, scope)
    except AzureError as error:
        said = read_error(error)
        if said.status:
            raise
        return Unknown(action, scope, said.message)
    return seen or False if not isinstance(seen, Unknown) else seen
