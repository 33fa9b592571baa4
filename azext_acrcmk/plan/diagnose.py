"""Which of the causes it is, that the registry lumps together as `Failed to access KeyId`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from azext_acrcmk.model.access import Access, access_to
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.ids import same
from azext_acrcmk.model.state import ACCESS_POLICY, Absent, DeletedKey, DeletedVault, Identity, State, Unknown, Vault
from azext_acrcmk.plan.checks import key_problems, shuts_out_registries, vault_problems
from azext_acrcmk.plan.enable import describe
from azext_acrcmk.plan.remedies import grant_key
from azext_acrcmk.plan.step import Problem

# A role assignment older than this has taken effect (service facts 4.4: ten minutes).
SETTLED_AFTER = timedelta(minutes=15)
# How long, in seconds, a settled role assignment and an access policy are given: both should work at once.
SETTLED_ROLE_WAIT = 30
POLICY_WAIT = 120

_AGAIN = "Run the same command again in some minutes; it goes on from where it stopped."


@dataclass(frozen=True)
class Diagnosis:
    """The most likely cause. It may pass by itself within `wait` seconds, a grant that has not taken effect yet."""

    problem: Problem
    wait: int = 0


def diagnose(goal: EnableGoal, state: State, identity: Identity, now: datetime, granted_now: bool = False) -> Diagnosis:
    """Why the registry can't use the key through `identity`, from what can be seen of the vault, key and grant.

    `granted_now` says that this run made the grant, which lists of role assignments may not show yet.
    """
    vault = state.vault
    if isinstance(vault, (Absent, DeletedVault)):
        return Diagnosis(Problem(f"The vault of {goal.key} is not there any more."))
    if isinstance(vault, Vault) and shuts_out_registries(vault):
        return Diagnosis(next(each for each in vault_problems(goal, state) if "firewall" in each.message))
    if isinstance(vault, Vault) and not vault.in_dns:
        return Diagnosis(_not_in_dns(vault), goal.grant_timeout)
    if isinstance(state.key, (Absent, DeletedKey)):
        gone = "soft-deleted" if isinstance(state.key, DeletedKey) else "not there any more"
        return Diagnosis(Problem(f"The key {goal.key} is {gone}."))
    if not isinstance(state.key, Unknown) and (found := key_problems(goal, state, now)):
        return Diagnosis(found[0])
    if isinstance(vault, Unknown):
        return Diagnosis(_unseen_vault(), goal.grant_timeout)
    access = access_to(vault, goal.key.name, identity.principal_id, state.roles)
    if access.granted is False and (access.denied_by or not granted_now):
        return Diagnosis(_not_granted(goal, vault, identity, access))
    if access.granted is None:
        return Diagnosis(_unseen_grant(goal, vault, identity), goal.grant_timeout)
    wait = min(_wait_for(vault, state, now, granted_now, goal.grant_timeout), goal.grant_timeout)
    if same(vault.public_network_access, "SecuredByPerimeter"):
        return Diagnosis(_perimeter(vault), wait)
    return Diagnosis(_not_effective(access), wait)


def _unseen_vault() -> Problem:
    return Problem(
        "The registry can't use the key through the identity. The vault can't be seen from here, so why can't be told.",
        ("Have the owner of the vault check the key, the grant and the firewall.",),
    )


def _not_in_dns(vault: Vault) -> Problem:
    return Problem(
        f"The vault '{vault.name}' is new, and its name is not in DNS yet, so nobody can use its keys.",
        (_AGAIN,),
    )


def _not_granted(goal: EnableGoal, vault: Vault, identity: Identity, access: Access) -> Problem:
    if access.denied_by:
        return Problem(
            f"The deny assignment '{access.denied_by[0]}' takes {', '.join(access.missing)} on the key from the "
            f"identity '{goal.identity.name}'.",
            ("Have the identity exempted from it by who made it.",),
        )
    return Problem(
        f"The identity '{goal.identity.name}' lacks {', '.join(access.missing)} on the key.",
        (f"Grant it: {grant_key(vault, goal.key.name, identity.principal_id, goal.grant_scope)}",),
    )


def _unseen_grant(goal: EnableGoal, vault: Vault, identity: Identity) -> Problem:
    return Problem(
        "The registry can't use the key through the identity. Whether it is granted the key can't be seen from here.",
        (f"If it is not, grant it: {grant_key(vault, goal.key.name, identity.principal_id, goal.grant_scope)}",),
    )


def _perimeter(vault: Vault) -> Problem:
    return Problem(
        f"The vault '{vault.name}' is secured by a network security perimeter, which blocks trusted services too.",
        ("Have a rule added to the perimeter that lets the registry's identity in, or use another vault.",),
    )


def _not_effective(access: Access) -> Problem:
    through = f" ({describe(access.sources)})" if access.sources else ""
    return Problem(
        f"The identity is granted the key{through}, but the registry still can't use it: "
        "the grant has most likely not taken effect yet.",
        (_AGAIN,),
    )


def _wait_for(vault: Vault, state: State, now: datetime, granted_now: bool, most: int) -> int:
    if vault.permission_model == ACCESS_POLICY:
        return POLICY_WAIT
    roles = () if isinstance(state.roles, Unknown) else state.roles
    young = any(role.created is None or now - role.created < SETTLED_AFTER for role in roles)
    return most if young or granted_now or not roles else SETTLED_ROLE_WAIT
