import pytest
from azure.cli.core.azclierror import ForbiddenError, ResourceNotFoundError, ValidationError

from azext_acrcmk._errors import change_error, problems_error
from azext_acrcmk.model.problem import FORBIDDEN, INVALID, NOT_FOUND, Problem, Refused
from azext_acrcmk.plan.kinds import CreateVersion, UseKey
from azext_acrcmk.run import ChangeFailed, Outcome
from tests.harness.kinds import change_of


@pytest.mark.parametrize(
    ("kind", "error"), [(INVALID, ValidationError), (NOT_FOUND, ResourceNotFoundError), (FORBIDDEN, ForbiddenError)]
)
def test_a_problem_is_an_error_of_its_kind_and_says_that_nothing_was_changed(kind, error):
    made = problems_error((Problem("No such key.", ("Name another.",), kind),))
    assert type(made) is error
    assert str(made).startswith("No such key. ")
    assert "othing was changed" in str(made)
    assert made.recommendations == ["Name another."]


def test_several_problems_are_one_error_with_the_advice_of_all():
    made = problems_error((Problem("One.", ("First.",)), Problem("Two.", ("Second.", "Third."))))
    assert "1. One.\n2. Two." in str(made)
    assert "othing was changed" in str(made)
    assert made.recommendations == ["First.", "Second.", "Third."]


def test_a_change_that_failed_is_told_with_what_was_done_before_and_how_to_go_on():
    version, used = change_of(CreateVersion), change_of(UseKey)
    done = [Outcome(version, "created", 1.0), Outcome(used, "reused", 0.0)]
    made = change_error(ChangeFailed(version, Refused(Problem("No way.", ("Another way.",))), done))
    assert "No way." in str(made)
    assert version.resource in str(made)
    told = " ".join(made.recommendations)
    assert f"version created ({version.resource})" in told
    assert "reused" not in told
    assert "Run the same command again" in told
    assert made.recommendations[0] == "Another way."


def test_a_command_in_a_problem_ends_its_line():
    made = problems_error((Problem("The provider is not registered. To register it: az provider register --wait"),))
    assert str(made).splitlines()[0].endswith("az provider register --wait")
    assert str(made).splitlines()[1] == "Nothing was changed."
