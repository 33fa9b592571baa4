"""Rules for the access of the identity to the key."""

from __future__ import annotations

from azext_acrcmk.model.access import NEEDED_ACTIONS, Source, allows, excess_of, own_policies
from azext_acrcmk.model.state import Unknown
from azext_acrcmk.rules.catalogue import (
    ENABLE,
    ERROR,
    GRANT,
    INFO,
    ROTATE,
    WARNING,
    Facts,
    Fix,
    Verdict,
    failed,
    passed,
    rules_about,
    unreadable,
)
from azext_acrcmk.rules.fixes import grant_key

rule = rules_about(GRANT, "identity", "vault", "roles")


def describe(sources: tuple[Source, ...]) -> str:
    """The sources of access, in words."""
    parts = []
    for source in sources:
        if source.kind == "role":
            group = " (through a group)" if source.through_group else ""
            parts.append(f"role '{source.name}' at {source.scope}{group}")
        else:
            parts.append(f"the vault's access policy ({source.name})")
    return " and ".join(parts)


def _judged(facts: Facts) -> bool:
    return facts.vault is not None and bool(facts.principal)


def _grant(facts: Facts) -> str:
    scope = "key" if facts.goal is None or facts.goal.grants_on_key else "vault"
    return grant_key(facts.vault, facts.key_id.name, facts.principal, scope)


def _missing(facts: Facts) -> Verdict:
    return failed(
        f"The identity has no {', '.join(facts.access.missing)} permission on the key.", _grant(facts), Fix.GRANT
    )


@rule(
    "AccessUnknown",
    ERROR,
    cause="You don't have permission to read the role assignments, a role assignment has a condition that only Azure "
    "evaluates, or an access policy of the vault may be for a group that the identity is a member of.",
    cure="Ask for a role with the permission that the message names. If an access policy may be for a group, check its "
    "members, or grant access to the identity itself.",
)
def _readable(facts: Facts) -> Verdict | None:
    if not _judged(facts) or facts.access.granted is not None:
        return None
    return unreadable(
        "whether the identity has access to the key",
        facts.access.unknown if facts.access.unknown is not None else Unknown(),
    )


@rule(
    "GrantMissing",
    ERROR,
    cause="The identity has no access to the key: no role or access policy grants it, or it was revoked.",
    cure="Grant access: `az acr cmk repair`, or `az acr cmk restore` after `az acr cmk revoke`.",
    stops=(ENABLE, ROTATE),
)
def _granted(facts: Facts) -> Verdict | None:
    if not _judged(facts) or facts.access.granted is None:
        return None
    if facts.access.granted:
        return passed(f"The identity has access to the key by {describe(facts.access.sources)}.")
    if len(facts.access.missing) < len(NEEDED_ACTIONS) or facts.access.denied_by:
        return None
    return _missing(facts)


@rule(
    "GrantPartial",
    ERROR,
    cause="The identity has some but not all of the get, wrapKey and unwrapKey permissions.",
    cure="Grant the missing permissions: `az acr cmk repair`.",
    stops=(ENABLE, ROTATE),
)
def _granted_in_full(facts: Facts) -> Verdict | None:
    missing = facts.access.missing if _judged(facts) and facts.access.granted is False else ()
    if not 0 < len(missing) < len(NEEDED_ACTIONS) or facts.access.denied_by:
        return None
    return _missing(facts)


@rule(
    "GrantDenied",
    ERROR,
    cause="The identity is granted access to the key, but a deny assignment blocks it.",
    cure="Ask the owner of the deny assignment, such as a managed application or deployment stack, to exclude the "
    "identity.",
    stops=(ENABLE, ROTATE),
)
def _denied(facts: Facts) -> Verdict | None:
    if not _judged(facts) or facts.access.granted is not False or not facts.access.denied_by:
        return None
    names = ", ".join(f"'{name}'" for name in facts.access.denied_by)
    return failed(
        f"The deny assignment {names} blocks {', '.join(facts.access.missing)} on the key for the identity.",
        advice=("Ask its owner to exclude the identity.",),
    )


@rule(
    "DenialsUnknown",
    WARNING,
    cause="You don't have permission to read deny assignments, and one might block the identity's access to the key.",
    cure="Ask for a role with the permission that the message names.",
)
def _denials_readable(facts: Facts) -> Verdict | None:
    roles = facts.state.roles if isinstance(facts.state.roles, tuple) else ()
    hidden = next((role.unseen_denials for role in roles if role.unseen_denials is not None), None)
    if not _judged(facts) or not facts.access.granted or hidden is None:
        return None
    return unreadable("whether a deny assignment blocks the identity's access to the key", hidden)


@rule(
    "GrantThroughGroup",
    WARNING,
    cause="The identity has access to the key only through a group; changes of group membership can take up to a day.",
    cure="Grant access to the identity itself.",
)
def _direct(facts: Facts) -> Verdict | None:
    if not _judged(facts) or not facts.access.granted:
        return None
    if not all(source.through_group for source in facts.access.sources):
        return None
    return failed(
        "The identity has access to the key only through a group; changes of group membership can take up to a day.",
        _grant(facts),
        Fix.GRANT,
    )


@rule(
    "GrantWiderThanNeeded",
    INFO,
    cause="The identity has more permissions on keys than get, wrapKey and unwrapKey.",
    cure="Assign the role Key Vault Crypto Service Encryption User and remove the broader role.",
)
def _least_privilege(facts: Facts) -> Verdict | None:
    if not _judged(facts) or not facts.access.granted:
        return None
    wider = excess_of(facts.vault, facts.principal, facts.state.roles)
    if not wider:
        return passed("The identity has only the permissions it requires.")
    return failed(f"The identity has more permissions than it requires: {', '.join(wider)}.")


@rule(
    "IneffectiveGrant",
    WARNING,
    cause="Access was granted in a way that the vault's permission model ignores: by an access policy although the "
    "vault uses Azure RBAC, or by a role although it uses access policies.",
    cure="Grant access in the way that the vault's permission model requires.",
)
def _effective(facts: Facts) -> Verdict | None:
    if not _judged(facts) or facts.access.granted is not False:
        return None
    vault, principal = facts.vault, facts.principal
    if not vault.uses_policies:
        if own_policies(vault, principal):
            return failed(
                "The vault's access policy for the identity has no effect: the vault uses Azure RBAC.",
                _grant(facts),
                Fix.GRANT,
            )
        return None
    roles = facts.state.roles if isinstance(facts.state.roles, tuple) else ()
    if any(allows(role, action) for role in roles for action in NEEDED_ACTIONS.values()):
        return failed("The identity's role has no effect: the vault uses access policies.", _grant(facts), Fix.GRANT)
    return None
