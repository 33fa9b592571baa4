import queue
import threading
import time

import pytest
from azext_acrcmk.plan.step import Plan, Step

from azext_acrcmk._errors import interrupted_error
from azext_acrcmk.cloud.waiting import Interrupted, Stop
from azext_acrcmk.model.names import short
from azext_acrcmk.progress import Progress
from azext_acrcmk.run import RunInterrupted, StepFailed, run

QUIET = Progress(silent=True)


def plan(**after):
    return Plan(tuple(Step(name, "create", name, "", tuple(names)) for name, names in after.items()))


def test_steps_wait_for_what_they_need_and_come_back_in_the_plans_order():
    done = []
    outcomes = run(plan(a=[], b=["a"], c=["b"]), lambda step: done.append(step.name), QUIET, Stop())
    assert done == ["a", "b", "c"]
    assert [(each.step.name, each.outcome) for each in outcomes] == [
        ("a", "created"),
        ("b", "created"),
        ("c", "created"),
    ]


def test_steps_that_do_not_need_each_other_run_at_the_same_time():
    meeting = threading.Barrier(3, timeout=10)
    run(plan(a=[], b=[], c=[]), lambda step: meeting.wait() and None, QUIET, Stop())


def test_an_act_may_say_what_became_of_its_step():
    assert run(plan(a=[]), lambda step: "reused", QUIET, Stop())[0].outcome == "reused"


def test_a_failure_lets_what_is_under_way_end_and_starts_nothing_more():
    failed, done = threading.Event(), []

    def act(step):
        if step.name == "bad":
            failed.set()
            raise ValueError("no")
        failed.wait(10)
        done.append(step.name)

    with pytest.raises(StepFailed) as caught:
        run(plan(bad=[], slow=[], never=["bad"], later=["slow"]), act, QUIET, Stop())
    assert caught.value.step.name == "bad"
    assert done == ["slow"]
    assert [each.step.name for each in caught.value.outcomes] == ["slow"]


def test_ctrl_c_ends_every_wait():
    stop, ended = Stop(), queue.Queue()

    def act(step):
        try:
            stop.pause(60)
        except Interrupted:
            ended.put(step.name)
            raise

    class Pressed(Progress):
        def started(self, step):
            if step.name == "second":
                raise KeyboardInterrupt

    with pytest.raises(RunInterrupted) as stopped:
        run(plan(first=[], second=[]), act, Pressed(silent=True), stop)
    assert [step.name for step in stopped.value.under_way] == ["first"]
    assert ended.get(timeout=10) == "first"


def test_ctrl_c_tells_what_had_failed_before():
    def act(step):
        if step.name == "bad":
            raise ValueError("no such thing")
        time.sleep(0.3)  # the failure has been seen by then

    class Pressed(Progress):
        def finished(self, step, outcome, seconds):
            raise KeyboardInterrupt

    with pytest.raises(RunInterrupted) as stopped:
        run(plan(bad=[], slow=[]), act, Pressed(silent=True), Stop())
    assert stopped.value.under_way == []
    said = str(interrupted_error(stopped.value))
    assert said.startswith("Interrupted. Before that: Step 'bad' failed")
    assert "no such thing" in said


def test_ctrl_c_waits_for_nothing_that_does_not_answer():
    silent = threading.Event()

    class Pressed(Progress):
        def started(self, step):
            if step.name == "second":
                raise KeyboardInterrupt

    with pytest.raises(RunInterrupted):
        run(plan(first=[], second=[]), lambda step: silent.wait(), Pressed(silent=True), Stop())
    silent.set()


def test_an_empty_plan_is_done():
    assert run(Plan(), lambda step: None, QUIET, Stop()) == []


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


def test_progress_is_one_line_a_step_on_stderr(capsys):
    run(plan(a=[]), lambda step: None, Progress(silent=False), Stop())
    assert capsys.readouterr() == ("", "+ Creating a: a\n")
    run(plan(a=[]), lambda step: None, QUIET, Stop())
    assert capsys.readouterr() == ("", "")
