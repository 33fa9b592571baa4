"""Rules bear what nobody has read: none fails on it, and none says more than what is loaded says."""

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azext_acrcmk.model.state import ABSENT, NOT_LOADED, NotLoaded, State
from azext_acrcmk.output.documents import findings_document, left_document, registry_document
from azext_acrcmk.plan.repair import plan_repair
from azext_acrcmk.rules import ATTENTION, BROKEN, NOT_ENCRYPTED, Facts, examine, judge, stoppers
from azext_acrcmk.rules import HEALTHY as WELL
from azext_acrcmk.rules.catalogue import CATALOGUE, ENABLE, ERROR, FAILED, PASSED, RESTORE, REVOKE, ROTATE, UNKNOWN
from azext_acrcmk.rules.catalogue import NOT_LOADED as STATUS
from tests.harness import make
from tests.harness.encrypted import HEALTHY, changed
from tests.harness.findings import CASES

# What a command may leave unread: all that a state has but the registry.
PARTS = tuple(each.name for each in fields(State) if isinstance(each.default, NotLoaded) and each.name != "registry")

states = st.sampled_from([HEALTHY, *(changed(**changes) for _, _, changes in CASES)])
hidden = st.sets(st.sampled_from(PARTS))


def without(state: State, names) -> State:
    return replace(state, **dict.fromkeys(names, NOT_LOADED))


def by_code(findings) -> dict[str, str]:
    return {each.code: each.status for each in findings}


def test_these_are_all_that_can_be_left_unread():
    of_one = {"identity", "vault", "key", "version_in_use", "roles", "sharing", "identity_users"}
    assert set(PARTS) == {*of_one, "replicas"}
    assert {need for rule in CATALOGUE for need in rule.needs} <= of_one


@given(states, hidden)
def test_no_rule_accuses_or_doubts_but_by_what_is_loaded(state, names):
    full, part = (by_code(examine(each, make.NOW).findings) for each in (state, without(state, names)))
    assert {code for code, status in part.items() if status in (FAILED, UNKNOWN)} <= {
        code for code, status in full.items() if status in (FAILED, UNKNOWN)
    }
    for code, status in part.items():
        if status in (FAILED, UNKNOWN, PASSED):
            assert full[code] == status


@given(states, hidden)
def test_what_a_rule_says_does_not_go_missing(state, names):
    full, part = (by_code(examine(each, make.NOW).findings) for each in (state, without(state, names)))
    assert full.keys() <= part.keys()
    assert {part[code] for code in full if part[code] != full[code]} <= {STATUS}


@given(states, hidden)
def test_the_health_is_never_worse_than_what_is_loaded_says(state, names):
    full, part = examine(state, make.NOW), examine(without(state, names), make.NOW)
    undecided = [each for each in part.findings if each.severity == ERROR and each.status == STATUS]
    if part.status == STATUS:
        assert undecided
        assert not [each for each in part.findings if each.severity == ERROR and each.status in (FAILED, UNKNOWN)]
    elif part.status in (BROKEN, NOT_ENCRYPTED):
        assert full.status == part.status
    elif part.status == UNKNOWN:
        assert full.status in (UNKNOWN, BROKEN)
    else:
        assert part.status in (ATTENTION, WELL)
        assert not undecided


@given(states, hidden)
def test_a_finding_that_was_not_judged_names_what_was_not_read(state, names):
    for each in examine(without(state, names), make.NOW).findings:
        if each.status == STATUS:
            assert any(name in each.message for name in names)
            assert set(each.rule.needs) & names
            assert each.fix is each.change is None


@given(states, hidden)
def test_no_document_nor_plan_of_repair_fails_on_it(state, names):
    part = without(state, names)
    health = examine(part, make.NOW)
    document = registry_document(part, make.NOW)
    assert {each["code"] for each in document["findings"]} == {each["code"] for each in left_document(health)}
    assert len(findings_document(health, part.registry)) == len(health.findings)
    made = plan_repair(Facts(part, make.NOW), health, make.TENANT)
    wanted = {each.change for each in health.findings if each.failed}
    assert wanted - {None} or not made.changing


@given(states, hidden, st.sampled_from([ABSENT, NOT_LOADED]))
def test_nothing_stops_a_command_but_by_what_is_loaded(state, names, registry):
    goal = make.goal()
    state = replace(state, registry=registry)
    part = without(state, names)
    for command in (ENABLE, ROTATE):
        full = {each.code for each in stoppers(command, Facts(state, make.NOW, goal=goal))}
        assert {each.code for each in stoppers(command, Facts(part, make.NOW, goal=goal))} <= full


@given(states, hidden)
def test_nothing_stops_a_revoke_or_restore_but_by_what_is_loaded(state, names):
    for command in (REVOKE, RESTORE):
        full = {each.code for each in stoppers(command, Facts(state, make.NOW))}
        assert {each.code for each in stoppers(command, Facts(without(state, names), make.NOW))} <= full


@pytest.mark.parametrize("goal", [None, make.goal()], ids=["registry", "goal"])
def test_with_nothing_loaded_but_the_registry_no_rule_finds_anything_in_what_it_needs(goal):
    state = without(HEALTHY, PARTS)
    for finding in judge(Facts(state, make.NOW, goal=goal)):
        assert finding.status == (STATUS if finding.rule.needs else PASSED)


def test_a_registry_alone_is_enough_to_say_that_it_has_no_key():
    state = without(changed(**dict(next(each for each in CASES if each[0] == "NotEncrypted")[2])), PARTS)
    assert examine(state, make.NOW).status == NOT_ENCRYPTED
