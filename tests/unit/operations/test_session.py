"""How a session carries out a plan: how much at a time, and what it tells before."""

from __future__ import annotations

import io
import sys
import threading
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from knack.util import CLIError

from azext_acrcmk.cloud.waiting import Stop
from azext_acrcmk.model.ids import Scope
from azext_acrcmk.operations.session import Session
from azext_acrcmk.plan.change import Plan
from azext_acrcmk.plan.kinds import CreateGroup
from azext_acrcmk.progress import Progress


@pytest.fixture
def session() -> Session:
    """Without a login and clients, which the context of a plan has in its stead."""
    session = Session.__new__(Session)
    session._cli_ctx = SimpleNamespace(config=SimpleNamespace(getboolean=lambda *_, **__: False))
    session.progress, session.stop, session._done = Progress(silent=False), Stop(), []
    return session


class Counting:
    """A context that counts how many changes are made at a time. Each waits until so many are."""

    def __init__(self, at_once: int = 1):
        self.running, self.most, self._lock = 0, 0, threading.Lock()
        self.meeting = threading.Barrier(at_once, timeout=10)

    def carry_out(self, _change) -> None:
        with self._lock:
            self.running += 1
            self.most = max(self.most, self.running)
        self.meeting.wait()
        time.sleep(0.02)  # long enough for one too many to begin
        with self._lock:
            self.running -= 1


def plan(**more) -> Plan:
    changes = (
        CreateGroup(id=Scope(f"/subscriptions/s/resourceGroups/{name}"), location="here", reason="") for name in "abcd"
    )
    return Plan(tuple(changes), **more)


@pytest.mark.parametrize(("limit", "most"), [({"at_once": 1}, 1), ({"at_once": 2}, 2), ({}, 4)])
def test_a_plan_is_carried_out_with_as_many_changes_at_a_time_as_its_command_says(session, limit, most):
    context = Counting(most)
    outcomes = session.carry_out(plan(), context, yes=True, **limit)
    assert [each.outcome for each in outcomes] == ["created"] * 4
    assert context.most == most


def test_the_notes_of_a_plan_are_told_before_its_changes(session, capsys):
    session.carry_out(plan(notes=("Completes the last.",)), Counting(), yes=True)
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "  Completes the last."
    assert len(told) > 4


@pytest.mark.parametrize("given", [None, io.StringIO("y\n")], ids=["closed", "no terminal"])
def test_without_a_terminal_a_question_is_an_error_before_any_change(session, monkeypatch, given):
    monkeypatch.setattr(sys, "stdin", given)
    context, asks = Counting(), plan()
    asks = replace(asks, changes=(*asks.changes[:-1], replace(asks.changes[-1], question="Do it?")))
    with pytest.raises(CLIError, match="no tty available"):
        session.carry_out(asks, context, yes=False)
    assert context.most == 0
