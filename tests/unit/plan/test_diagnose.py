from dataclasses import replace
from datetime import timedelta

import pytest

from azext_acrcmk.model.state import ABSENT, ACCESS_POLICY, DeletedKey, Unknown
from azext_acrcmk.plan.diagnose import POLICY_WAIT, SETTLED_ROLE_WAIT, diagnose
from azext_acrcmk.rules import Facts
from tests.harness import make

GOAL = make.goal()
STATE = replace(make.reached(GOAL), registry=ABSENT)


def found(state=STATE, timeout=GOAL.grant_timeout, **how):
    return diagnose(Facts(state, make.NOW, goal=GOAL), timeout, **how)


def with_vault(**changes):
    return replace(STATE, vault=replace(STATE.vault, **changes))


def with_role_of_age(age):
    return replace(STATE, roles=(make.role(STATE.vault.id, created=make.NOW - age),))


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (with_vault(default_action="Deny", bypass="None"), "firewall"),
        (replace(STATE, vault=ABSENT), "no longer exists"),
        (replace(STATE, key=ABSENT), "no longer exists"),
        (replace(STATE, key=DeletedKey("k")), "soft-deleted"),
        (replace(STATE, key=make.key(GOAL, enabled=False)), "disabled"),
        (replace(STATE, key=make.key(GOAL, type="EC")), "EC"),
        (replace(STATE, key=make.key(GOAL, expires=make.NOW)), "expired"),
        (replace(STATE, roles=()), "no get, wrapKey, unwrapKey permission"),
    ],
)
def test_what_does_not_pass_by_itself_is_not_waited_for(state, words):
    diagnosis = found(state)
    assert words in diagnosis.problem.message
    assert diagnosis.wait == 0


def test_a_young_role_is_waited_for():
    assert found(with_role_of_age(timedelta(minutes=1))).wait == GOAL.grant_timeout


def test_an_old_role_and_an_access_policy_are_given_a_moment():
    assert found(with_role_of_age(timedelta(hours=1))).wait == SETTLED_ROLE_WAIT
    policies = with_vault(permission_model=ACCESS_POLICY, policies=(make.policy(),))
    assert found(policies).wait == POLICY_WAIT


def test_never_longer_than_asked_for():
    assert found(timeout=3).wait == 3
    assert found(with_vault(permission_model=ACCESS_POLICY, policies=(make.policy(),)), timeout=3).wait == 3


def test_a_grant_just_made_that_lists_do_not_show_yet_is_waited_for():
    assert found(replace(STATE, roles=()), granted_now=True).wait == GOAL.grant_timeout


def test_a_vault_that_is_not_in_dns_yet_is_waited_for():
    diagnosis = found(with_vault(provisioning_state="RegisteringDns"))
    assert "not in DNS yet" in diagnosis.problem.message
    assert diagnosis.wait == GOAL.grant_timeout


@pytest.mark.parametrize("state", [replace(STATE, roles=Unknown()), replace(STATE, vault=Unknown(), key=Unknown())])
def test_what_cannot_be_read_may_pass(state):
    assert found(state).wait == GOAL.grant_timeout


def test_a_perimeter_is_named():
    assert "perimeter" in found(with_vault(public_network_access="SecuredByPerimeter")).problem.message


def test_a_managed_hsm_names_its_local_role():
    advice = found(with_vault(kind="managedHSM")).problem.advice
    assert "Managed HSM Crypto Service Encryption User" in advice[0]
