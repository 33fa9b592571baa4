"""Which grants of an identity can be taken from it, and the steps that take a registry's key from it. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

from azext_acrcmk.health import FAILED, examine
from azext_acrcmk.health.catalogue import Facts
from azext_acrcmk.model.access import (
    ENCRYPTION_USER,
    HSM_ENCRYPTION_USER,
    HSM_NEEDED_ACTIONS,
    NEEDED_ACTIONS,
    allows,
    key_scope,
    may_unwrap,
)
from azext_acrcmk.model.ids import ArmId, same, within
from azext_acrcmk.model.state import ACCESS_POLICY, Key, RoleGrant, State, Unknown, Vault
from azext_acrcmk.plan.enable import in_order
from azext_acrcmk.plan.step import DELETE, FORBIDDEN, REUSE, UPDATE, Plan, Problem, Step

BY_GRANT, BY_KEY = "grant", "key"

# The registry's tag that notes what `revoke` took away, where that is not what `restore` would grant by itself.
JOURNAL_TAG = "acrcmk-revoked"
# The characters that the value of a tag may have (https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources).
MOST_OF_A_TAG = 256

UNSEEN_VERSION = Problem("The key's version in use can't be looked at.", (), FORBIDDEN)
# The findings of an identity that is gone.
_GONE = {"IdentityNotFound", "IdentityRecreated"}
_SYSTEM_GONE = {"IdentityNotAttached"}


_NOTED_ROLE = re.compile(r"(?P<role>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})@(?P<on>[a-z/]+)", re.IGNORECASE)
_NOTED_POLICY = re.compile(r"policy:((all|get|wrapKey|unwrapKey)(\+(get|wrapKey|unwrapKey))*)")


@dataclass(frozen=True)
class Grant:
    """One grant: a role (by GUID, on the `vault` or the `key`), or key permissions of the vault's access policy.

    In a managed HSM `on` is `key`, or the scope within it: / or /keys.
    `role` is the assignment where it exists.
    """

    resource: str
    what: str
    role_id: str = ""
    on: str = "vault"
    permissions: tuple[str, ...] = ()
    role: RoleGrant | None = None

    def __str__(self) -> str:
        """As the journal has it."""
        return f"{self.role_id}@{self.on}" if self.role_id else f"policy:{'+'.join(self.permissions)}"


def revocable(
    vault: Vault, key_name: str, principal_id: str, roles: tuple[RoleGrant, ...] | Unknown
) -> tuple[list[Grant], list[RoleGrant]]:
    """The grants that let a principal use a key: those of its own on the key or vault, and roles from elsewhere.

    The second are inherited from above the vault or come through a group, so removing them would hit others too, or
    can't be read. Of them only those count by which a registry would go on without the first.
    """
    if vault.permission_model == ACCESS_POLICY:
        return _policy_grants(vault, principal_id), []
    own, elsewhere = [], []
    actions = (HSM_NEEDED_ACTIONS if vault.is_hsm else NEEDED_ACTIONS).values()
    scope = key_scope(vault, key_name)
    for role in () if isinstance(roles, Unknown) else roles:
        if not within(scope, role.scope):
            continue
        here = same(role.principal_id, principal_id) and (vault.is_hsm or within(role.scope, vault.id))
        if here and any(allows(role, action) for action in actions):
            on = "key" if same(role.scope, scope) else role.scope if vault.is_hsm else "vault"
            own.append(Grant(role.id, f"Role '{role.role_name}' on {_place(on)}", role.role_id, on, role=role))
        elif may_unwrap(role, vault.is_hsm):
            elsewhere.append(role)
    return own, elsewhere


def _policy_grants(vault: Vault, principal_id: str) -> list[Grant]:
    own = [each for each in vault.policies if same(each.object_id, principal_id) and not each.application_id]
    held = {permission for policy in own for permission in policy.key_permissions}
    names = tuple(name for name in ("all", *NEEDED_ACTIONS) if name.lower() in held)
    return [Grant(vault.id, f"Access policy ({', '.join(names)})", permissions=names)] if names else []


def needs_journal(vault: Vault, grants: list[Grant]) -> bool:
    """Whether `restore` could not tell by itself what was there: anything but the grant that it would make."""
    if vault.permission_model == ACCESS_POLICY:
        return [set(grant.permissions) for grant in grants] != [set(NEEDED_ACTIONS)]
    usual = (HSM_ENCRYPTION_USER, "key") if vault.is_hsm else (ENCRYPTION_USER, "vault")
    return [(grant.role_id, grant.on) for grant in grants] != [usual]


def note_of(facts: Facts, grants: list[Grant]) -> str:
    """What a tag says of grants that are removed: what they are about, and each of them."""
    about = note_subject(facts.state.vault.id, facts.encryption.key.name, facts.principal)
    return " ".join((about, *map(str, grants)))


def note_subject(vault_id: str, key_name: str, principal_id: str | None) -> str:
    """Tells one identity's use of one key from all others, in the few characters that a tag has room for."""
    return hashlib.sha256(f"{vault_id}|{key_name}|{principal_id}".lower().encode()).hexdigest()[:12]


def read_note(facts: Facts) -> list[Grant]:
    """The grants that the registry's note names; none where it is about another vault, key or identity.

    Whoever may write the registry's tags may write a note: entries that `revoke` would not write are left out.
    """
    vault, key_name = facts.state.vault, facts.encryption.key.name
    subject, *entries = facts.registry.tags.get(JOURNAL_TAG, "").split(" ")
    if subject != note_subject(vault.id, key_name, facts.principal):
        return []
    grants = []
    for entry in entries:
        if match := _NOTED_POLICY.fullmatch(entry):
            permissions = tuple(match[1].split("+"))
            grants.append(Grant(vault.id, f"Access policy ({', '.join(permissions)})", permissions=permissions))
        elif (match := _NOTED_ROLE.fullmatch(entry)) and match["on"] in _places(vault):
            role_id, on = match["role"], match["on"]
            scope = key_scope(vault, key_name) if on == "key" else on if vault.is_hsm else vault.id
            grants.append(Grant(scope, f"Role {role_id} on {_place(on)}", role_id, on))
    return grants


def cover(grants: list[Grant], noted: list[Grant]) -> bool:
    """Whether `grants` give all that those `noted` do, each in its place."""

    def gives(grant: Grant, other: Grant) -> bool:
        in_place = same(grant.role_id, other.role_id) and same(grant.on, other.on)
        return in_place and {p.lower() for p in grant.permissions} >= {p.lower() for p in other.permissions}

    return all(any(gives(grant, each) for grant in grants) for each in noted)


def _places(vault: Vault) -> tuple[str, ...]:
    return ("/", "/keys", "key") if vault.is_hsm else ("vault", "key")


def _place(on: str) -> str:
    return f"{on} of the managed HSM" if on.startswith("/") else f"the {on}"


def plan_revoke(facts: Facts, by: str, users: tuple[str, ...]) -> Plan:
    """The steps that take the registry's key from it. `users` are the ids of other resources with its identity."""
    if problems := hindrances(facts.state):
        return Plan(problems=tuple(problems))
    return _revoke_key(facts) if by == BY_KEY else _revoke_grant(facts, users)


def hindrances(state: State) -> list[Problem]:
    registry = state.registry
    if not registry.encryption.enabled or registry.encryption.key is None:
        return [
            Problem(
                f"Registry '{registry.name}' is not encrypted with a customer-managed key: there is nothing to revoke."
            )
        ]
    if not isinstance(state.vault, Vault):
        why = state.vault.why if isinstance(state.vault, Unknown) else "It is not there."
        return [Problem(f"The vault of {registry.encryption.key} can't be looked at. {why}", (), FORBIDDEN)]
    return []


def no_grantee(facts: Facts) -> Problem | None:
    """Why there is nobody to grant the key to or take it from: the registry's identity is gone."""
    codes = _SYSTEM_GONE if facts.uses_system_identity else _GONE
    found = (each for each in examine(facts.state, facts.now).findings if each.code in codes and each.status == FAILED)
    if gone := next(found, None):
        name = facts.registry.name
        other = f"Go on with an identity that exists: az acr cmk rotate --name {name} --identity <name or ID>"
        advice = f"Go on with the one of this name: {gone.fix}" if gone.fix else other
        return Problem(gone.message, () if facts.uses_system_identity else (advice,))
    return None


def unseen_grant(facts: Facts) -> Problem | None:
    """Why it can't be seen what the identity is granted."""
    unknown = facts.access.unknown
    if facts.access.granted is not None or unknown is None:
        return None
    takes = (f"It takes the permission '{unknown.action}' on {unknown.scope}.",) if unknown.action else ()
    return Problem(f"Whether the identity is granted the key can't be seen. {unknown.why}".rstrip(), takes, FORBIDDEN)


def _revoke_grant(facts: Facts, users: tuple[str, ...]) -> Plan:
    state, registry = facts.state, facts.registry
    by_key = f"Disable the key instead: az acr cmk revoke --name {registry.name} --by key"
    if problem := no_grantee(facts) or unseen_grant(facts):
        return Plan(problems=(replace(problem, advice=(*problem.advice, by_key)),))
    key = registry.encryption.key
    own, elsewhere = revocable(state.vault, key.name, facts.principal, state.roles)
    if elsewhere:
        names = "; ".join(f"'{role.role_name}' at {role.scope}" for role in elsewhere)
        return _refused(
            f"The identity also has the key by roles that reach it from elsewhere or can't be read: {names}. Removing "
            "only its own would not stop it, and removing these would hit others.",
            by_key,
        )
    if conditional := [each for each in own if each.role and each.role.uncertain]:
        why = conditional[0].role.uncertain
        return _refused(f"{conditional[0].what} could not be given back as it is: {why}", by_key)
    if not own:
        return Plan((Step("grant", REUSE, key.versionless, "The identity has no grant of the key any more."),))
    steps = []
    # A run that was cut short has noted all that it meant to remove, of which this may be the rest.
    if not cover(read_note(facts), own) and (JOURNAL_TAG in registry.tags or needs_journal(state.vault, own)):
        if len(note_of(facts, own)) > MOST_OF_A_TAG:
            return _refused(
                f"The identity has the key by {len(own)} grants, more than a note for `restore` can name: a tag holds "
                f"{MOST_OF_A_TAG} characters.",
                by_key,
            )
        reason = "Notes in a tag what is removed, for `restore`."
        steps.append(Step("journal", UPDATE, registry.id, reason))
    for number, grant in enumerate(own, 1):
        name = "grant" if number == 1 else f"grant-{number}"
        steps.append(Step(name, DELETE, grant.resource, f"{grant.what} is removed.", after=("journal",)))
    return in_order([_asking(steps[0], facts, _hit_by_grant(facts, users)), *steps[1:]])


def _refused(why: str, way_out: str) -> Plan:
    return Plan(problems=(Problem(f"{why} Nothing was changed.", (way_out,)),))


def _revoke_key(facts: Facts) -> Plan:
    used = facts.state.version_in_use
    if not isinstance(used, Key):
        return Plan(problems=(UNSEEN_VERSION,))
    if used.enabled is False:
        return Plan((Step("key", REUSE, str(used.id), "The version in use is disabled."),))
    step = Step("key", UPDATE, str(used.id), "The version in use is disabled; no key is deleted.")
    sharing = facts.state.sharing if isinstance(facts.state.sharing, tuple) else ()
    others = [f"registry {ArmId.parse(each.id).name}" for each in sharing if each.key]
    return Plan((_asking(step, facts, others, "Who uses the key besides registries can't be seen."),))


def _hit_by_grant(facts: Facts, users: tuple[str, ...]) -> list[str]:
    sharing = facts.state.sharing if isinstance(facts.state.sharing, tuple) else ()
    registries = [each.id.lower() for each in sharing if each.identity and each.vault]
    rest = [id_ for id_ in users if id_.lower() not in registries]
    named = [f"registry {ArmId.parse(id_).name}" for id_ in registries]
    return named + [f"{ArmId.parse(id_).type.split('/', 1)[1]} {ArmId.parse(id_).name}" for id_ in rest]


def _asking(step: Step, facts: Facts, others: list[str], unseen: str = "") -> Step:
    """The step with the question, and what stops working."""
    if facts.state.sharing is None or isinstance(facts.state.sharing, Unknown):
        unseen = f"Which other registries use them can't be seen. {unseen}".rstrip()
    parts = (
        f"Registry '{facts.registry.name}' will serve no image, to nobody, until `az acr cmk restore`: pulls and "
        "pushes fail.",
        f"The same key or identity is used by: {', '.join(others)}." if others else "",
        unseen,
    )
    notice = " ".join(filter(None, parts))
    return replace(step, reason=f"{step.reason} {notice}", confirm="Revoke its key?", notice=notice)
