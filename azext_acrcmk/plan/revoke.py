"""Plans the changes that revoke a registry's access to its key. Pure."""

from __future__ import annotations

from dataclasses import replace

from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.model.problem import FORBIDDEN, Problem, not_searched
from azext_acrcmk.model.state import Key
from azext_acrcmk.plan.change import Change, Plan
from azext_acrcmk.plan.conflicts import unnamed_key
from azext_acrcmk.plan.grants import (
    REVOKED_TAG,
    cover,
    find_grants,
    gives_enough_without_tag,
    needs_tag,
    tag_of,
    tagged_grants,
)
from azext_acrcmk.plan.kinds import KeepVersion, RevokeVersion, TagRegistry, UseGrant
from azext_acrcmk.plan.tags import why_no_tag
from azext_acrcmk.rules import Facts, finding_of, stoppers
from azext_acrcmk.rules.catalogue import REVOKE
from azext_acrcmk.rules.fixes import registry_command

BY_GRANT, BY_KEY = "grant", "key"

# How soon it acts: service facts 1.6 and 4.4.
_ROLE_LAG = "Azure can take up to 10 minutes to apply the removal of a role."
_UNKNOWN_LAG = "Azure does not document how soon they start to fail."

WITHOUT_TAG = "`az acr cmk restore` will grant access to the key alone."

UNREADABLE_VERSION = Problem("The key's version in use can't be read.", (), FORBIDDEN)


def plan_revoke(facts: Facts, by: str, users: tuple[ArmId, ...]) -> Plan:
    """The changes that revoke the key. `users` are the ids of other resources with the registry's identity."""
    if problems := hindrances(REVOKE, facts):
        return Plan(problems=tuple(problems))
    return _revoke_key(facts) if by == BY_KEY else _revoke_grant(facts, users)


def hindrances(command: str, facts: Facts) -> list[Problem]:
    """Why nothing can be revoked or restored: no key, or a vault that can't be read."""
    if found := stoppers(command, facts):
        return [each.as_problem for each in found]
    if facts.encryption.key is None:
        return [unnamed_key(facts.registry)]
    return []


def missing_identity(facts: Facts) -> Problem | None:
    """The problem that the registry's identity no longer exists, so access can't be granted or removed."""
    system = facts.key_identity.is_system
    codes = ("IdentityNotAssigned",) if system else ("IdentityNotFound", "IdentityRecreated")
    if gone := next(filter(None, (finding_of(code, facts) for code in codes)), None):
        rotate = registry_command(facts.registry.id, "cmk rotate", "--identity NAME_OR_ID")
        other = f"Use an identity that exists: {rotate}"
        advice = f"Use the identity with this name: {gone.fix}" if gone.fix else other
        return Problem(gone.message, () if system else (advice,))
    return None


def unreadable_grant(facts: Facts) -> Problem | None:
    """The problem that the identity's access can't be read, or not even whose access it is."""
    unknown = finding_of("AccessUnknown" if facts.principal else "IdentityUnknown", facts)
    return replace(unknown.as_problem, kind=FORBIDDEN) if unknown else None


def _revoke_grant(facts: Facts, users: tuple[ArmId, ...]) -> Plan:
    state, registry = facts.state, facts.registry
    by_key = disable_instead(registry.id)
    if problem := missing_identity(facts) or unreadable_grant(facts):
        return Plan(problems=(replace(problem, advice=(*problem.advice, by_key)),))
    key = registry.encryption.key
    own, elsewhere = find_grants(state.vault, key, facts.principal, state.roles, state.individuals)
    if elsewhere:
        others = "; ".join(f"{each.what}: {each.why}" for each in elsewhere)
        return _refused(
            f"The identity has, or may have, access to the key not only through its own grants. {others}. Removing "
            "only its own might not revoke access, and removing the others would affect other principals.",
            by_key,
        )
    if conditional := [each for each in own if each.role and each.role.uncertain]:
        why = conditional[0].role.uncertain
        return _refused(f"{conditional[0].what} could not be restored in its current form: {why}", by_key)
    if not own:
        reason = "The identity no longer has access to the key."
        return Plan((UseGrant(on=key.with_version(None), reason=reason),))
    tag, no_tag = None, ""
    # An interrupted run has tagged all that it was going to remove; this may be the rest.
    if not cover(tagged_grants(facts), own) and (REVOKED_TAG in registry.tags or needs_tag(own)):
        value, instead = tag_of(facts, own), WITHOUT_TAG if gives_enough_without_tag(own) else None
        if why := why_no_tag(registry, REVOKED_TAG, value):
            if not instead:
                grants = f"by {len(own)} grants" if len(own) > 1 else "by a grant of its own kind"
                return _refused(
                    f"The identity has access to the key {grants}, which a tag must name for `restore`: {why}.", by_key
                )
            no_tag = f"No tag can name what is removed: {why}. {WITHOUT_TAG}"
        else:
            reason = "Records in a tag what is removed, for `restore`."
            tag = TagRegistry(registry=registry.id, name=REVOKED_TAG, value=value, reason=reason, instead=instead)
    removals = [each.removal(f"{each.what} is removed.") for each in own]
    if tag and tag.instead:
        # The usual grant: the tag goes with its removal.
        removals, tag = [replace(each, tag=tag) for each in removals], None
    first, *rest = [*([tag] if tag else []), *removals]
    how_soon = _UNKNOWN_LAG if facts.vault.uses_policies else _ROLE_LAG
    first = _asking(first, facts, _affected_by_grant(facts, users), how_soon, no_tag)
    return Plan((first, *(replace(each, after=(first,)) if tag else each for each in rest)))


def disable_instead(registry: ArmId) -> str:
    return f"Disable the key instead: {registry_command(registry, 'cmk revoke', '--by key')}"


def _refused(why: str, alternative: str) -> Plan:
    return Plan(problems=(Problem(why, (alternative,)),))


def _revoke_key(facts: Facts) -> Plan:
    used = facts.state.version_in_use
    if not isinstance(used, Key):
        return Plan(problems=(UNREADABLE_VERSION,))
    if used.enabled is False:
        return Plan((KeepVersion(key=used.id, reason="The version in use is disabled."),))
    reason = "The version in use is disabled; no key is deleted."
    change = RevokeVersion(key=used.id, tag=REVOKED_TAG, reason=reason)
    sharing = facts.state.sharing if isinstance(facts.state.sharing, tuple) else ()
    others = [f"registry {each.id.name}" for each in sharing if each.key]
    unread = "Uses of the key by anything other than registries can't be detected."
    return Plan((_asking(change, facts, others, _UNKNOWN_LAG, unread),))


def _affected_by_grant(facts: Facts, users: tuple[ArmId, ...]) -> list[str]:
    sharing = facts.state.sharing if isinstance(facts.state.sharing, tuple) else ()
    registries = [each.id for each in sharing if each.identity and each.vault]
    rest = [id_ for id_ in users if id_ not in registries]
    named = [f"registry {id_.name}" for id_ in registries]
    return named + [f"{id_.type.split('/', 1)[1]} {id_.name}" for id_ in rest]


def _asking(change: Change, facts: Facts, others: list[str], how_soon: str, unread: str = "") -> Change:
    """The change with a prompt for confirmation that says what will stop working."""
    if not isinstance(facts.state.sharing, tuple):
        unread = f"Could not read which other registries use them. {unread}".rstrip()
    parts = (
        f"All pulls from and pushes to registry '{facts.registry.name}' will fail until `az acr cmk restore`.",
        how_soon,
        f"The same key or identity is also used by: {', '.join(others)}." if others else "",
        unread,
        not_searched(facts.state.unsearched),
    )
    notice = " ".join(filter(None, parts))
    return replace(change, reason=f"{change.reason} {notice}", question="Revoke the key?", notice=notice)
