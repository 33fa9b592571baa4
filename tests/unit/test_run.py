import queue
import threading
import time

import pytest

from azext_acrcmk._errors import interrupted_error
from azext_acrcmk.cloud.waiting import Interrupted, Stop
from azext_acrcmk.model.ids import Scope
from azext_acrcmk.model.names import short
from azext_acrcmk.plan.change import Plan
from azext_acrcmk.plan.kinds import CreateGroup
from azext_acrcmk.progress import Progress
from azext_acrcmk.run import ChangeFailed, RunInterrupted, run
from tests.harness import make

QUIET = Progress(silent=True)


def plan(**after):
    """A plan of changes by their names, each with the names of those that it waits for."""
    made = {}
    for name, names in after.items():
        waits_for = tuple(made[each] for each in names)
        id_ = Scope(f"/subscriptions/{make.SUBSCRIPTION}/resourceGroups/{name}")
        made[name] = CreateGroup(id=id_, location="here", reason="", step=name, after=waits_for)
    return Plan(tuple(made.values()))


def test_changes_wait_for_what_they_need_and_come_back_in_the_plans_order():
    done = []
    outcomes = run(plan(a=[], b=["a"], c=["b"]), lambda change: done.append(change.step), QUIET, Stop())
    assert done == ["a", "b", "c"]
    assert [(each.change.step, each.outcome) for each in outcomes] == [
        ("a", "created"),
        ("b", "created"),
        ("c", "created"),
    ]


def test_changes_that_do_not_need_each_other_run_at_the_same_time():
    meeting = threading.Barrier(3, timeout=10)
    run(plan(a=[], b=[], c=[]), lambda change: meeting.wait() and None, QUIET, Stop())


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_no_more_changes_run_at_a_time_than_the_limit_says(at_once):
    lock, running, most, done = threading.Lock(), set(), [], []
    meeting = threading.Barrier(at_once, timeout=10)

    def apply(change):
        with lock:
            running.add(change.step)
            most.append(len(running))
        meeting.wait()
        time.sleep(0.02)  # long enough for one too many to begin
        with lock:
            running.remove(change.step)
            done.append(change.step)

    outcomes = run(plan(a=[], b=[], c=[], d=["a"], e=[], f=["c"]), apply, QUIET, Stop(), at_once)
    assert max(most) == at_once
    assert sorted(done) == list("abcdef")
    assert [each.change.step for each in outcomes] == list("abcdef")
    assert done.index("a") < done.index("d")
    assert done.index("c") < done.index("f")


def test_one_at_a_time_goes_in_the_plans_order_and_ends_with_the_first_failure():
    done = []

    def apply(change):
        if change.step == "b":
            raise ValueError("no")
        done.append(change.step)

    with pytest.raises(ChangeFailed) as caught:
        run(plan(a=[], b=[], c=[]), apply, QUIET, Stop(), at_once=1)
    assert done == ["a"]
    assert [each.change.step for each in caught.value.outcomes] == ["a"]


def test_what_became_of_a_change_may_be_another_than_its_action_says():
    assert run(plan(a=[]), lambda change: "reused", QUIET, Stop())[0].outcome == "reused"


def test_a_failure_lets_what_runs_end_and_starts_nothing_more():
    failed, done = threading.Event(), []

    def apply(change):
        if change.step == "bad":
            failed.set()
            raise ValueError("no")
        failed.wait(10)
        done.append(change.step)

    with pytest.raises(ChangeFailed) as caught:
        run(plan(bad=[], slow=[], never=["bad"], later=["slow"]), apply, QUIET, Stop())
    assert caught.value.change.step == "bad"
    assert done == ["slow"]
    assert [each.change.step for each in caught.value.outcomes] == ["slow"]


def test_ctrl_c_ends_every_wait():
    stop, ended = Stop(), queue.Queue()

    def apply(change):
        try:
            stop.pause(60)
        except Interrupted:
            ended.put(change.step)
            raise

    class Pressed(Progress):
        def started(self, change):
            if change.step == "second":
                raise KeyboardInterrupt

    with pytest.raises(RunInterrupted) as stopped:
        run(plan(first=[], second=[]), apply, Pressed(silent=True), stop)
    assert [each.step for each in stopped.value.running] == ["first"]
    assert ended.get(timeout=10) == "first"


def test_ctrl_c_tells_what_had_failed_before():
    def apply(change):
        if change.step == "bad":
            raise ValueError("no such thing")
        time.sleep(0.6)  # the failure has been seen by then

    class Pressed(Progress):
        def finished(self, change, outcome, seconds):
            raise KeyboardInterrupt

    with pytest.raises(RunInterrupted) as stopped:
        run(plan(bad=[], slow=[]), apply, Pressed(silent=True), Stop())
    assert stopped.value.running == []
    said = str(interrupted_error(stopped.value))
    assert said.startswith("Interrupted. Before that: Step 'bad' failed")
    assert "no such thing" in said


def test_ctrl_c_waits_for_nothing_that_does_not_answer():
    silent = threading.Event()

    class Pressed(Progress):
        def started(self, change):
            if change.step == "second":
                raise KeyboardInterrupt

    with pytest.raises(RunInterrupted):
        run(plan(first=[], second=[]), lambda change: silent.wait(), Pressed(silent=True), Stop())
    silent.set()


def test_an_empty_plan_is_done():
    assert run(Plan(), lambda change: None, QUIET, Stop()) == []


@pytest.mark.parametrize(
    ("resource", "words"),
    [
        ("/subscriptions/s/resourceGroups/g", "g"),
        ("/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v", "v"),
        ("/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v/keys/k", "v/k"),
        ("https://v.vault.azure.net/keys/k", "v/k"),
        ("https://v.vault.azure.net", "https://v.vault.azure.net"),
        ("/", "/"),
        ("/keys/k", "/keys/k"),
        ("/providers/Microsoft.Authorization/roleAssignments/1", "role on /"),
        ("/keys/k/providers/Microsoft.Authorization/roleAssignments/1", "role on /keys/k"),
    ],
)
def test_resources_are_shortened(resource, words):
    assert short(resource) == words


def test_progress_is_one_line_a_change_on_stderr(capsys):
    run(plan(a=[]), lambda change: None, Progress(silent=False), Stop())
    assert capsys.readouterr() == ("", "+ Creating resource group a\n")
    run(plan(a=[]), lambda change: None, QUIET, Stop())
    assert capsys.readouterr() == ("", "")


def test_ctrl_c_says_also_what_was_done_beside_the_plan():
    stopped = RunInterrupted([], [])
    assert interrupted_error(stopped).recommendations[0] == "Nothing was changed."
    said = interrupted_error(stopped, ["3 of 9 manifests imported"]).recommendations[0]
    assert said == "Completed so far: 3 of 9 manifests imported"
