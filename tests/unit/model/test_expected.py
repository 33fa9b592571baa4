"""What is expected of a registry while it is read whether it is so."""

from __future__ import annotations

from dataclasses import replace

from azext_acrcmk.model.expected import expected_state
from azext_acrcmk.model.ids import KeyId
from azext_acrcmk.plan.kinds import AssignRole, RemoveRole
from azext_acrcmk.plan.preflight import questions
from azext_acrcmk.plan.restore import plan_restore
from azext_acrcmk.plan.revoke import BY_GRANT, plan_revoke
from azext_acrcmk.rules import Facts
from tests.harness import make
from tests.harness.kinds import GOAL

REGISTRY = make.registry(GOAL)


def revoked(state):
    return plan_revoke(Facts(state, make.NOW), BY_GRANT, ())


def restored(state):
    return plan_restore(Facts(state, make.NOW), {})


def test_of_what_enable_creates_it_leads_to_the_same_questions():
    there = make.reached(GOAL)
    expected = expected_state(REGISTRY, granted=True)
    assert revoked(expected).find(RemoveRole)
    assert questions(expected, revoked(expected)) == questions(there, revoked(there))

    without = replace(there, roles=())
    expected = expected_state(REGISTRY, granted=False)
    assert restored(expected).find(AssignRole)
    assert questions(expected, restored(expected)) == questions(without, restored(without))


def test_nothing_is_expected_of_what_enable_does_not_create():
    hsm = KeyId.parse("https://pool.managedhsm.azure.net/keys/k")
    used = REGISTRY.encryption
    assert expected_state(replace(REGISTRY, encryption=replace(used, key=None)), granted=True) is None
    assert expected_state(replace(REGISTRY, encryption=replace(used, key=hsm)), granted=True) is None
    assert expected_state(replace(REGISTRY, attached=()), granted=True) is None
