"""What to do where the registries differ: for each kind of difference, and nothing where there is none."""

from __future__ import annotations

import pytest

from azext_acrcmk.plan.migrate import verify
from azext_acrcmk.plan.migrate.resolve import resolving
from azext_acrcmk.plan.migrate.tally import Tally
from azext_acrcmk.plan.migrate.verify import Difference
from tests.harness.migrate import NEW

ON_NEW = f"--name newregistry --subscription {NEW.subscription}"
KINDS = {value for name, value in vars(verify).items() if name.isupper()}
CASES = [
    (Difference(verify.MISSING_MANIFEST, "app", "sha256:1", "sha256:1"), "Run the same command again", None),
    (Difference(verify.MISSING_TAG, "app", "v1", "sha256:1"), "Run the same command again", None),
    (Difference(verify.MISSING_FALLBACK, "app", "sha256-1", "sha256:2"), "Run the same command again", None),
    (
        Difference(verify.MISSING_FALLBACK, "app", "sha256-1", None, "sha256:3"),
        "Remove tags",
        f"az acr repository untag {ON_NEW} --image app:sha256-1",
    ),
    (Difference(verify.OTHER_TAG, "app", "v1", "sha256:1", "sha256:2"), "--force", None),
    (
        Difference(verify.EXTRA_TAG, "app", "v1", None, "sha256:2"),
        "Keep or delete",
        f"az acr repository untag {ON_NEW} --image app:v1",
    ),
    (
        Difference(verify.EXTRA_MANIFEST, "app", "sha256:2", None, "sha256:2"),
        "Keep or delete",
        f"az acr repository delete {ON_NEW} --image app@sha256:2",
    ),
    (
        Difference(verify.EXTRA_REPOSITORY, "app", "app", None, "app"),
        "Keep or delete",
        f"az acr repository delete {ON_NEW} --repository app",
    ),
    (
        Difference(verify.OTHER_SIZE, "app", "sha256:1", "1", "2"),
        "Delete what has another size",
        f"az acr repository delete {ON_NEW} --image app@sha256:1",
    ),
    (
        Difference(verify.OTHER_TYPE, "app", "sha256:1", "a", "b"),
        "another size or media type",
        f"az acr repository delete {ON_NEW} --image app@sha256:1",
    ),
]


@pytest.mark.parametrize(("difference", "words", "command"), CASES, ids=lambda each: getattr(each, "kind", ""))
def test_each_kind_of_difference_has_its_step(difference, words, command):
    (step,) = resolving(NEW, Tally(differences=[difference, difference]))
    assert words in step.what
    assert step.command == command


def test_all_kinds_are_known():
    assert {difference.kind for difference, *_ in CASES} == KINDS


def test_a_failure_alone_is_worth_another_run():
    (step,) = resolving(NEW, Tally(unwritten=[("app", "v1", "It is locked.")]))
    assert "Run the same command again" in step.what


def test_nothing_is_to_be_resolved_where_all_is_the_same():
    assert resolving(NEW, Tally()) == ()
