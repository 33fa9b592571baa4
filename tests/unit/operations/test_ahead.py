"""What a command asks before its first change: how long it waits for the answers."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from azext_acrcmk.model.preflight import Preflight
from azext_acrcmk.operations import ahead
from azext_acrcmk.plan import kinds
from azext_acrcmk.plan.change import Plan
from azext_acrcmk.plan.obstacle import UNDETERMINED
from tests.harness import make
from tests.harness.kinds import GOAL, change_of

STATE = make.reached(GOAL)


@pytest.fixture
def silent(monkeypatch):
    """An Azure that answers only when the test lets it."""
    answer = threading.Event()

    def answers(_asked) -> Preflight:
        answer.wait(30)
        return Preflight()

    answer.session = SimpleNamespace(ahead=SimpleNamespace(answers=answers))
    monkeypatch.setattr(ahead, "SECONDS", 0.05)
    yield answer
    answer.set()


@pytest.mark.parametrize("kind", ["RemoveRole", "RevokeVersion", "SetEncryption"])
def test_a_change_that_can_be_undone_does_not_wait_for_long(silent, kind):
    plan = Plan((change_of(getattr(kinds, kind)),))
    (found,) = ahead.find_obstacles(silent.session, plan, STATE)
    assert (found.action, found.resource) == (UNDETERMINED, plan.changes[0].resource)
    ahead.stop_where_blocked([found], plan=plan)


def test_what_is_irreversible_waits(silent):
    plan = Plan((change_of(kinds.CreateVault),))
    threading.Timer(0.3, silent.set).start()
    assert ahead.find_obstacles(silent.session, plan, make.nothing(GOAL)) == []


def test_nothing_is_asked_for_a_plan_that_changes_nothing(silent):
    assert ahead.find_obstacles(silent.session, Plan((change_of(kinds.UseGrant),)), STATE) == []
