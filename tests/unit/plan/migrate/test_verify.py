"""Every difference of two repositories is found, and none where there is none."""

from __future__ import annotations

import time

import pytest

from azext_acrcmk.model.content import OCI_INDEX, Manifest, fallback_tag
from azext_acrcmk.plan.migrate.attributes import attributes_to_set
from azext_acrcmk.plan.migrate.images import plan_repository, without_referrers
from azext_acrcmk.plan.migrate.verify import differences
from tests.harness.content import OLD, about, digest, image, index, of, repository, signature

SOURCE = repository(image("a", "1", "latest"), image("b"))


@pytest.mark.parametrize(
    ("target", "kinds"),
    [
        (SOURCE, []),
        (repository(image("a", "1", "latest")), [("missingManifest", digest("b"))]),
        (repository(image("a", "1"), image("b")), [("missingTag", "latest")]),
        (repository(image("a", "1"), image("b", "latest")), [("otherTag", "latest")]),
        (repository(image("a", "1", "latest", size=11), image("b")), [("otherSize", digest("a"))]),
        (
            repository(image("a", "1", "latest"), Manifest(digest("b"), OCI_INDEX, 10)),
            [("otherType", digest("b"))],
        ),
        (repository(image("a", "1", "latest"), image("b"), image("c")), [("extraManifest", digest("c"))]),
        (repository(image("a", "1", "latest", "new"), image("b")), [("extraTag", "new")]),
        (
            repository(),
            [
                ("missingManifest", digest("a")),
                ("missingManifest", digest("b")),
                ("missingTag", "1"),
                ("missingTag", "latest"),
            ],
        ),
    ],
)
def test_each_kind_of_difference(target, kinds):
    assert sorted((each.kind, each.what) for each in differences(SOURCE, target)) == sorted(kinds)


def test_what_only_the_new_registry_has_is_no_difference_to_a_partial_listing():
    target = repository(image("a", "1", "latest", "new"), image("b"), image("c"))
    assert differences(SOURCE, target, partial=True) == ()


def test_a_missing_fallback_tag_is_a_difference():
    source = repository(image("a", "1"), signature("s"), contents={"s": about("a", "s")})
    target = repository(image("a", "1"), signature("s"))
    (found,) = differences(source, target)
    assert (found.kind, found.what) == ("missingFallbackTag", fallback_tag(digest("a")))
    assert differences(without_referrers(source), target, whole=source) == ()


def test_earlier_fallback_indexes_may_stay():
    source = repository(
        image("a", "1"), signature("s"), signature("t"), contents={"s": about("a", "s"), "t": about("a", "t")}
    )
    tag = fallback_tag(digest("a"))
    contents = {"f1": of("s", name="f1"), "f2": of("s", "t", name="f2")}
    target = repository(
        image("a", "1"), signature("s"), signature("t"), index("f1"), index("f2", tag), contents=contents
    )
    assert differences(source, target) == ()


def test_what_an_earlier_run_has_copied_of_what_is_attached_is_not_extra():
    """It is in the old registry, and nothing that one should be told to delete."""
    source = repository(image("a", "1"), signature("s"), contents={"s": about("a", "s")})
    written = index("f", fallback_tag(digest("a")))
    target = repository(*source.manifests.values(), written, image("c", "new"), contents={"f": of("s", name="f")})
    found = differences(without_referrers(source), target, whole=source)
    assert [(each.kind, each.what) for each in found] == [("extraManifest", digest("c")), ("extraTag", "new")]


def test_an_index_of_something_else_may_not():
    source = repository(image("a", "1"), signature("s"), contents={"s": about("a", "s")})
    contents = {"f": of("s", name="f"), "x": of("a", name="x")}
    target = repository(
        image("a", "1"), signature("s"), index("f", fallback_tag(digest("a"))), index("x"), contents=contents
    )
    assert [(each.kind, each.what) for each in differences(source, target)] == [("extraManifest", digest("x"))]


def test_a_repository_of_many_manifests_takes_moments():
    """Twenty thousand: what looks at all tags for each tag takes minutes."""
    many = repository(*(image(f"a{number}", f"v{number}") for number in range(20_000)))
    began = time.process_time()
    assert differences(many, many) == ()
    assert plan_repository(many, many, OLD).done
    assert attributes_to_set(many, many) == ()
    assert time.process_time() - began < 5


@pytest.mark.parametrize("side", ["old", "new"])
def test_a_tag_with_the_name_of_a_fallback_tag_that_is_on_an_image_is_kept_and_told(side):
    """Clients can't find what is attached to `a` then, but nothing of somebody else is lost."""
    tag = fallback_tag(digest("a"))
    rows, contents = (image("a", "1"), signature("s")), {"s": about("a", "s")}
    source = repository(*rows, *([image("x", tag)] if side == "old" else []), contents=contents)
    made = plan_repository(source, repository(*([image("x", tag)] if side == "new" else [])), OLD)
    assert made.fallbacks == ()
    assert [each.tags for each in made.imports if tag in each.tags] == ([(tag,)] if side == "old" else [])
    target = repository(*rows, image("x", tag))
    assert ("missingFallbackTag", tag) in {(each.kind, each.what) for each in differences(source, target)}


def test_a_manifest_that_comes_with_an_index_and_is_not_to_be_listed_is_not_extra():
    contents = {"index": of("a", "hidden")}
    source = repository(index("index", "1"), image("a"), contents=contents)
    target = repository(index("index", "1"), image("a"), image("hidden"), contents=contents)
    assert differences(source, target) == ()
