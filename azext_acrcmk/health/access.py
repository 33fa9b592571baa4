"""Checks of the grant: may the identity use the key?"""

from __future__ import annotations

from azext_acrcmk.health.catalogue import ERROR, GRANT, INFO, WARNING, Facts, Verdict, check, failed, passed, unseen
from azext_acrcmk.model.access import NEEDED_ACTIONS, allows, excess_of
from azext_acrcmk.model.ids import same
from azext_acrcmk.model.state import ACCESS_POLICY, Unknown, Vault
from azext_acrcmk.plan.enable import describe
from azext_acrcmk.plan.remedies import grant_key


def _judged(facts: Facts) -> bool:
    return facts.encryption.enabled and isinstance(facts.state.vault, Vault) and bool(facts.principal)


def _grant(facts: Facts) -> str:
    return grant_key(facts.state.vault, facts.encryption.key.name, facts.principal)


@check(
    "AccessUnknown",
    ERROR,
    GRANT,
    cause="You may not look at the role assignments, or one has a condition that can't be judged from outside.",
    cure="Have the permission that the message names assigned to you.",
)
def _visible(facts: Facts) -> Verdict | None:
    if not _judged(facts) or facts.access.granted is not None:
        return None
    unknown = Unknown() if facts.access.unknown is None else facts.access.unknown
    return unseen("whether the identity is granted the key", unknown)


@check(
    "GrantMissing",
    ERROR,
    GRANT,
    cause="The identity is not granted the key: no role or access policy reaches it, or it was revoked.",
    cure="Grant it again: `az acr cmk repair`, or `az acr cmk restore` after a revoke.",
)
def _granted(facts: Facts) -> Verdict | None:
    if not _judged(facts) or facts.access.granted is None:
        return None
    if facts.access.granted:
        return passed(f"The identity is granted the key by {describe(facts.access.sources)}.")
    if len(facts.access.missing) < len(NEEDED_ACTIONS) or facts.access.denied_by:
        return None
    return failed(f"The registry's identity lacks {', '.join(facts.access.missing)} on the key.", _grant(facts))


@check(
    "GrantPartial",
    ERROR,
    GRANT,
    cause="The identity has some of get, wrapKey and unwrapKey, but not all.",
    cure="Grant what lacks: `az acr cmk repair`.",
)
def _granted_in_full(facts: Facts) -> Verdict | None:
    missing = facts.access.missing if _judged(facts) and facts.access.granted is False else ()
    if not 0 < len(missing) < len(NEEDED_ACTIONS) or facts.access.denied_by:
        return None
    return failed(f"The registry's identity lacks {', '.join(missing)} on the key.", _grant(facts))


@check(
    "GrantDenied",
    ERROR,
    GRANT,
    cause="The identity is granted the key, and a deny assignment takes it away again.",
    cure="Have the identity exempted from the deny assignment by who made it: a managed application, a deployment "
    "stack or the like.",
)
def _denied(facts: Facts) -> Verdict | None:
    if not _judged(facts) or facts.access.granted is not False or not facts.access.denied_by:
        return None
    names = ", ".join(f"'{name}'" for name in facts.access.denied_by)
    return failed(f"The deny assignment {names} takes {', '.join(facts.access.missing)} on the key from the identity.")


@check(
    "DenialsUnknown",
    WARNING,
    GRANT,
    cause="You may not look at deny assignments, of which one might take the key from the identity.",
    cure="Have the permission that the message names assigned to you.",
)
def _denials_visible(facts: Facts) -> Verdict | None:
    roles = () if isinstance(facts.state.roles, Unknown) else facts.state.roles
    hidden = next((role.unseen_denials for role in roles if role.unseen_denials is not None), None)
    if not _judged(facts) or not facts.access.granted or hidden is None:
        return None
    return unseen("whether a deny assignment takes the key from the identity", hidden)


@check(
    "GrantThroughGroup",
    WARNING,
    GRANT,
    cause="The identity has the key only through a group; changes of groups take up to a day to arrive.",
    cure="Grant the identity itself.",
)
def _direct(facts: Facts) -> Verdict | None:
    if not _judged(facts) or not facts.access.granted:
        return None
    if not all(source.through_group for source in facts.access.sources):
        return None
    return failed(
        "The identity is granted the key only through a group; changes of groups take up to a day to arrive.",
        _grant(facts),
    )


@check(
    "GrantWiderThanNeeded",
    INFO,
    GRANT,
    cause="The identity may do more with keys than get, wrapKey and unwrapKey.",
    cure="Grant the role Key Vault Crypto Service Encryption User and remove the wider one.",
)
def _least_privilege(facts: Facts) -> Verdict | None:
    if not _judged(facts) or not facts.access.granted:
        return None
    wider = excess_of(facts.state.vault, facts.principal, facts.state.roles)
    if not wider:
        return passed("The identity is granted no more than it needs.")
    return failed(f"The identity is granted more than it needs: {', '.join(wider)}.")


@check(
    "IneffectiveGrant",
    WARNING,
    GRANT,
    cause="A grant of the kind that the vault does not use has no effect: an access policy where the vault uses Azure "
    "RBAC, or a role where it uses access policies.",
    cure="Make the grant in the way that the vault uses.",
)
def _ignored(facts: Facts) -> Verdict | None:
    if not _judged(facts) or facts.access.granted is not False:
        return None
    vault, principal = facts.state.vault, facts.principal
    if vault.permission_model != ACCESS_POLICY:
        if any(same(policy.object_id, principal) for policy in vault.policies):
            return failed(
                "The vault's access policy for the identity has no effect: the vault uses Azure RBAC.", _grant(facts)
            )
        return None
    roles = () if isinstance(facts.state.roles, Unknown) else facts.state.roles
    if any(allows(role, action) for role in roles for action in NEEDED_ACTIONS.values()):
        return failed("The identity's role has no effect: the vault uses access policies.", _grant(facts))
    return None
