"""Each change that a rule can name as its fix is named by a rule, and made of it by `repair`."""

import pytest

from azext_acrcmk.plan.change import MANUAL
from azext_acrcmk.plan.repair import plan_repair
from azext_acrcmk.rules import Facts, examine
from azext_acrcmk.rules.catalogue import INFO, Fix
from tests.harness import make
from tests.harness.encrypted import changed
from tests.harness.findings import CASES, used

# By the code of a rule that fails: what it names as the fix.
NAMED = [
    (finding.code, finding.change, changes)
    for code, _, changes in CASES
    for finding in examine(changed(**changes), make.NOW).findings
    if finding.failed and finding.code == code and finding.change
]


def plan(changes):
    state = changed(**changes)
    return plan_repair(Facts(state, make.NOW), examine(state, make.NOW), make.TENANT)


def test_each_is_named_by_a_rule():
    assert {fix for _, fix, _ in NAMED} == set(Fix)


def test_only_what_is_wrong_names_one():
    for _, _, changes in CASES:
        for finding in examine(changed(**changes), make.NOW).findings:
            assert finding.change is None or (finding.failed and finding.severity != INFO)


@pytest.mark.parametrize(("code", "fix", "changes"), NAMED, ids=[f"{fix.name}-{code}" for code, fix, _ in NAMED])
def test_each_is_made_by_repair_and_not_left_to_the_user(code, fix, changes):
    made = plan(changes)
    assert made.changing
    assert make.step(made, code) is None


def test_nothing_is_made_where_no_rule_fails():
    assert plan({}).changes == ()


@pytest.mark.parametrize("case", CASES, ids=[f"{code}-{n}" for n, (code, _, _) in enumerate(CASES)])
def test_what_fails_and_is_no_mere_information_is_changed_or_left_to_the_user(case):
    state = changed(**case[2])
    failed = [each for each in examine(state, make.NOW).findings if each.failed and each.severity != INFO]
    made = plan(case[2])
    left = {each.step for each in made.changes if each.action is MANUAL}
    assert left <= {each.code for each in failed}
    assert bool(made.changes) is bool(failed)
    assert all(each.change is not None or each.code in left for each in failed)


def test_a_fix_waits_for_those_that_it_builds_on():
    made = plan({"vault__purge_protection": False, "roles": (), "version_in_use": used(enabled=False)})
    assert make.after(made, "registry") == {"purge-protection", "key-version", "grant"}
