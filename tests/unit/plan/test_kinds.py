"""Every kind of change goes through every reader of plans, and each reader raises on a kind that it does not know."""

from dataclasses import FrozenInstanceError, replace

import pytest

from azext_acrcmk.apply import apply_change
from azext_acrcmk.model.names import short
from azext_acrcmk.model.problem import Problem
from azext_acrcmk.output.documents import plan_document, steps_document
from azext_acrcmk.output.template.first import problems_of
from azext_acrcmk.output.template.parts import NotInTemplates, Parts, parts_of, place
from azext_acrcmk.plan import kinds
from azext_acrcmk.plan import needs as module_of_needs
from azext_acrcmk.plan.change import CHANGING, CREATE, READ, Action, Change, Plan, UnknownChange, kind
from azext_acrcmk.plan.enable import plan_enable
from azext_acrcmk.plan.needs import needs
from azext_acrcmk.plan.permissions import Permission, required_permissions
from azext_acrcmk.plan.preflight import questions
from azext_acrcmk.progress import Progress
from azext_acrcmk.run import Outcome
from tests.harness import make
from tests.harness.kinds import GOAL, KINDS, change_of

each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
STATE = make.nothing(GOAL)
ENCRYPTED = make.registry(GOAL)


@pytest.fixture
def unknown() -> Change:
    """A change of a kind that nobody reads, nor says what it is done to."""

    @kind
    class Unheard(Change):
        action, noun = CREATE, "thing"

    return Unheard(reason="", step="thing")


def test_there_is_every_kind_of_the_module():
    named = {each for each in vars(kinds).values() if isinstance(each, type) and issubclass(each, Change)}
    assert set(KINDS) == {each for each in named if each is not Change and not each.__name__.startswith("_")}
    assert len(KINDS) == len(set(KINDS))


class TestAKindOfChange:
    def test_is_equal_by_its_values(self):
        one, same = (change_of(kinds.CreateGroup) for _ in range(2))
        other, kind_alike = replace(one, location="elsewhere"), change_of(kinds.UseGroup)
        assert one == same
        assert hash(one) == hash(same)
        assert one != other
        assert one != kind_alike
        assert one == replace(one, after=(kind_alike,))
        assert "location='elsewhere'" in repr(other)
        assert "after" not in repr(other)

    def test_can_not_be_altered(self):
        made = change_of(kinds.UseGroup)
        with pytest.raises(FrozenInstanceError):
            made.reason = "another"
        with pytest.raises(FrozenInstanceError):
            del made.reason

    def test_is_created_with_all_that_it_requires_and_no_more(self):
        with pytest.raises(TypeError, match="CreateGroup requires 'id'"):
            kinds.CreateGroup(reason="", location="here")
        with pytest.raises(TypeError, match="UseGroup has no 'place'"):
            kinds.UseGroup(reason="", id="/g", place="here")


@each_kind
class TestEachKind:
    def test_says_what_is_done_to_what(self, kind):
        made = change_of(kind)
        assert isinstance(made.action, Action)
        assert isinstance(made.noun, str)
        assert made.noun or made.action is Action.MANUAL
        assert isinstance(made.resource, str)
        assert made.resource
        assert made.changes is (made.action in CHANGING)

    def test_is_a_value(self, kind):
        made = change_of(kind)
        assert hash(made) == hash(change_of.__wrapped__(kind))
        assert made == change_of.__wrapped__(kind)

    def test_is_applied_by_a_function_of_its_own_or_needs_none(self, kind):
        own = apply_change.dispatch(kind) is not apply_change.dispatch(Change)
        assert own or kind.action in (Action.REUSE, Action.VERIFY, Action.MANUAL)

    def test_has_permissions(self, kind):
        made = change_of(kind)
        found = required_permissions(made)
        assert all(isinstance(each, Permission) for each in found)
        assert all("/" in action for each in found for action in (each.action, *each.either))
        assert not found or made.changes

    def test_is_a_row_of_what_if(self, kind):
        made = change_of(kind)
        rows = plan_document(Plan((made,)))
        expected = {
            "symbol": made.action.symbol,
            "action": made.action.label,
            "step": made.step,
            "resource": made.resource,
            "reason": made.reason,
            "irreversible": kind.irreversible,
        }
        assert rows == ([] if made.action is READ else [expected])

    def test_is_looked_at_before_it_is_carried_out(self, kind):
        made = Plan((change_of(kind),))
        needed = {need.permission for need in needs(STATE, made)}
        assert needed == set(required_permissions(made.changes[0]))
        assert {need.scope for need in needs(STATE, made)} <= set(questions(STATE, made).scopes)

    def test_has_a_place_in_a_template_or_is_none_for_one(self, kind):
        made = change_of(kind)
        try:
            parts = place(made, Parts())
        except NotInTemplates:
            return
        assert all(isinstance(problem, Problem) for problem in problems_of(replace(parts, found=ENCRYPTED), "arm"))

    def test_is_told_while_it_goes_on(self, kind, capsys):
        made = change_of(kind)
        progress = Progress(silent=False)
        progress.started(made)
        progress.finished(made, made.action.outcome, 1.0)
        progress.close()
        said = capsys.readouterr().err
        if made.action is READ:
            assert said == ""
        else:
            assert said.startswith(f"{made.symbol} {made.verb} ")
            assert short(made.resource) in said
            assert ("(irreversible)" in said) is kind.irreversible

    def test_is_a_step_of_the_result(self, kind):
        made = change_of(kind)
        rows = steps_document([Outcome(made, made.action.outcome, 1.5)])
        expected = {"step": made.step, "resource": made.resource, "outcome": made.action.outcome, "seconds": 1.5}
        assert rows == ([] if made.action is READ else [expected])


@pytest.mark.parametrize(
    "read",
    [
        lambda made: apply_change(made, None),
        required_permissions,
        lambda made: plan_document(Plan((made,))),
        lambda made: parts_of(Plan((made,))),
        lambda made: problems_of(Parts(first=(made,), found=ENCRYPTED), "arm"),
        lambda made: needs(STATE, Plan((made,))),
        lambda made: questions(STATE, Plan((made,))),
        lambda made: Progress(silent=True).started(made),
        lambda made: steps_document([Outcome(made, "created", 0.0)]),
    ],
    ids=[
        "apply",
        "permissions",
        "what-if",
        "template",
        "template's problems",
        "needs",
        "questions",
        "progress",
        "result",
    ],
)
def test_a_reader_raises_on_a_kind_that_it_does_not_know(read, unknown):
    with pytest.raises(UnknownChange, match="does not know the change Unheard"):
        read(unknown)


def test_the_policy_check_raises_on_a_kind_that_creates_what_it_does_not_know(unknown, monkeypatch):
    monkeypatch.setattr(module_of_needs, "required_permissions", lambda _: ())
    with pytest.raises(UnknownChange, match="the policy check does not know the change Unheard"):
        questions(STATE, Plan((unknown,)))


def test_policies_are_asked_about_all_that_is_created_in_azure_resource_manager():
    made = plan_enable(GOAL, STATE, make.NOW)
    assert [each.resource for each in questions(STATE, made).resources] == [each.resource for each in made.changing]


def test_an_action_has_a_symbol_and_an_outcome_of_its_own():
    for said in ("label", "symbol", "verb", "outcome"):
        assert len({getattr(each, said) for each in Action}) == len(Action)
