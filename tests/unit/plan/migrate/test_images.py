"""What is copied of a repository: each manifest once, with all its tags, and nothing that is there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from azext_acrcmk.model.content import Manifest, Repository, fallback_tag
from azext_acrcmk.plan.migrate.images import Import, Push, plan_repository, tags_elsewhere, without_referrers
from azext_acrcmk.plan.migrate.verify import differences
from tests.harness.content import OLD, about, descriptor, digest, image, index, of, repository, signature

NOTHING = repository()
UPDATE = f"az acr repository update --name oldregistry --subscription {OLD.subscription}"


def plan(source: Repository, target: Repository = NOTHING, movable: dict[str, str] | None = None):
    return plan_repository(source, target, OLD, movable)


def copied(source: Repository, target: Repository = NOTHING) -> Repository:
    """What the service makes of a plan: imports bring what an index consists of; what is written is there."""
    made = plan(source, target)
    there, contents = dict(target.manifests), dict(target.contents)

    def add(key: str, tags: tuple[str, ...]) -> None:
        row = source.manifests[key]
        for tag in tags:
            for other in list(there.values()):
                kept = tuple(each for each in other.tags if each != tag)
                there[other.digest] = Manifest(other.digest, other.media_type, other.size, kept, other.config_type)
        had = there[key].tags if key in there else ()
        there[key] = Manifest(key, row.media_type, row.size, (*had, *tags), row.config_type)
        if key in source.contents:
            contents[key] = source.contents[key]

    for each in made.imports:
        for child in source.descendants(each.digest):
            add(child, ())
        add(each.digest, each.tags)
    for each in made.pushes:
        assert source.descendants(each.digest) <= there.keys(), "a registry takes no index without its manifests"
        add(each.digest, each.tags)
    for each in made.fallbacks:
        there[each.digest] = Manifest(each.digest, "application/vnd.oci.image.index.v1+json", 5, (each.tag,))
        contents[each.digest] = type(of("x"))(descriptor("x"), each.descriptors)
        for other in list(there.values()):
            if other.digest != each.digest and each.tag in other.tags:
                kept = tuple(tag for tag in other.tags if tag != each.tag)
                there[other.digest] = Manifest(other.digest, other.media_type, other.size, kept, other.config_type)
    return Repository(source.name, there, contents)


def test_one_import_for_all_tags_of_a_digest():
    made = plan(repository(image("a", "1", "1.0", "latest")))
    assert made.imports == (Import("app", digest("a"), ("1", "1.0", "latest")),)
    assert made.imports[0].source_image == f"app@{digest('a')}"
    assert made.imports[0].target_tags == ("app:1", "app:1.0", "app:latest")


def test_what_has_no_tag_is_imported_untagged():
    assert plan(repository(image("a"))).imports == (Import("app", digest("a")),)


def test_what_an_index_consists_of_comes_with_it():
    source = repository(index("i", "v1"), image("a"), image("b"), contents={"i": of("a", "b")})
    assert plan(source).imports == (Import("app", digest("i"), ("v1",)),)


def test_an_index_within_an_index_comes_with_the_outer_one():
    contents = {"outer": of("inner", "a"), "inner": of("b")}
    source = repository(index("outer", "v1"), index("inner"), image("a"), image("b"), contents=contents)
    assert [each.digest for each in plan(source).imports] == [digest("outer")]


def test_a_manifest_of_an_index_with_a_tag_of_its_own_gets_it():
    source = repository(index("i", "v1"), image("a", "v1-amd64"), contents={"i": of("a")})
    assert {each.tags for each in plan(source).imports} == {("v1",), ("v1-amd64",)}


def test_what_is_there_is_not_imported_again():
    source = repository(image("a", "1", "2"), image("b"))
    assert plan(source, source).done
    assert plan(source, repository(image("a", "1"), image("b"))).imports == (Import("app", digest("a"), ("2",)),)


def test_an_index_of_which_a_manifest_is_missing_is_imported_again():
    source = repository(index("i", "v1"), image("a"), image("b"), contents={"i": of("a", "b")})
    made = plan(source, repository(index("i", "v1"), image("a")))
    assert made.imports == (Import("app", digest("i")),)


@pytest.mark.parametrize("other", ["x", "b"])
def test_a_tag_that_is_elsewhere_is_a_conflict_unless_it_may_be_moved(other):
    """Whether the old registry has the other manifest or not."""
    source, target = repository(image("a", "1", "2"), image("b")), repository(image("b"), image(other, "1"))
    assert tags_elsewhere(source, target) == {"1": digest(other)}
    made = plan(source, target)
    assert made.imports == (Import("app", digest("a"), ("2",)),)
    assert [(each.tag, each.source, each.target) for each in made.conflicts] == [("1", digest("a"), digest(other))]
    moved = plan(source, target, movable={"1": digest(other)})
    assert moved.imports == (Import("app", digest("a"), ("1", "2"), over=(("1", digest(other)),)),)
    assert moved.imports[0].force
    assert moved.conflicts == ()
    # It is no longer where it was when it was looked at.
    assert plan(source, target, movable={"1": digest("c")}).conflicts == made.conflicts


@pytest.mark.parametrize(("count", "pushed"), [(50, False), (51, True)])
def test_an_index_with_more_than_50_manifests_is_written_after_them(count, pushed):
    names = [f"m{number}" for number in range(count)]
    source = repository(index("i", "v1"), *map(image, names), contents={"i": of(*names)})
    made = plan(source)
    assert made.pushes == ((Push("app", digest("i"), ("v1",)),) if pushed else ())
    assert len(made.imports) == (count if pushed else 1)
    assert differences(source, copied(source)) == ()


def test_large_indexes_are_written_from_the_inside():
    names = [f"m{number}" for number in range(51)]
    contents = {"inner": of(*names), "outer": of("inner")}
    source = repository(index("outer", "v1"), index("inner"), *map(image, names), contents=contents)
    assert [each.digest for each in plan(source).pushes] == [digest("inner"), digest("outer")]
    assert differences(source, copied(source)) == ()


def test_what_can_not_be_read_is_left_with_the_command_that_allows_it():
    made = plan(repository(image("a", "1", readable=False), image("b", "2")))
    assert made.imports == (Import("app", digest("b"), ("2",)),)
    assert [each.digest for each in made.left] == [digest("a")]
    assert made.left[0].command == f"{UPDATE} --image app@{digest('a')} --read-enabled true"


def test_an_unreadable_index_does_not_keep_its_manifests():
    source = repository(index("i", "v1", readable=False), image("a"), contents={"i": of("a")})
    assert [each.digest for each in plan(source).imports] == [digest("a")]


def test_a_repository_that_can_not_be_read_is_left():
    made = plan(repository(image("a", "1"), readable=False))
    assert made.done
    assert made.left[0].command == f"{UPDATE} --repository app --read-enabled true"


def test_signatures_are_imported_untagged_and_named_by_a_fallback_tag():
    contents = {"s1": about("a", "s1"), "s2": about("a", "s2"), "s3": about("s1", "s3")}
    source = repository(image("a", "1"), signature("s1"), signature("s2"), signature("s3"), contents=contents)
    made = plan(source)
    assert {(each.digest, each.tags) for each in made.imports} == {
        (digest("a"), ("1",)),
        *((digest(name), ()) for name in ("s1", "s2", "s3")),
    }
    assert {(each.tag, tuple(one.digest for one in each.descriptors)) for each in made.fallbacks} == {
        (fallback_tag(digest("a")), tuple(sorted((digest("s1"), digest("s2"))))),
        (fallback_tag(digest("s1")), (digest("s3"),)),
    }
    after = copied(source)
    assert differences(source, after) == ()
    assert plan(source, after).done


def test_a_fallback_tag_keeps_what_clients_put_there_on_either_side():
    tag = fallback_tag(digest("a"))
    source = repository(
        image("a", "1"),
        signature("s1"),
        index("old", tag),
        signature("s0"),
        contents={"s1": about("a", "s1"), "old": of("s0", name="old")},
    )
    target = repository(index("new", tag), signature("s2"), contents={"new": of("s2", name="new")})
    made = plan(source, target)
    assert [{one.digest for one in each.descriptors} for each in made.fallbacks] == [
        {digest("s0"), digest("s1"), digest("s2")}
    ]
    assert made.conflicts == ()
    assert all(tag not in each.tags for each in made.imports)
    assert plan(source, copied(source, target)).done


def test_a_fallback_tag_that_a_client_has_added_to_since_is_not_written_again():
    source = repository(image("a", "1"), signature("s1"), contents={"s1": about("a", "s1")})
    tag = fallback_tag(digest("a"))
    more = repository(image("a", "1"), signature("s1"), index("f", tag), contents={"f": of("s1", "later", name="f")})
    assert plan(source, more).done


def test_an_index_is_the_same_each_time_it_is_made():
    source = repository(image("a", "1"), signature("s1"), contents={"s1": about("a", "s1")})
    (one,), (other,) = plan(source).fallbacks, plan(source).fallbacks
    assert one.content == other.content
    assert b'"artifactType":"application/vnd.cncf.notary.signature"' in one.content
    assert one.digest.startswith("sha256:")


def test_without_referrers_what_is_attached_stays_behind():
    contents = {"s1": about("a", "s1"), "si": about("a", "si"), "i": of("a")}
    contents["si"] = type(contents["si"])(descriptor("si"), (descriptor("part"),), digest("a"))
    source = repository(index("i", "v1"), image("a"), signature("s1"), index("si"), image("part"), contents=contents)
    kept = without_referrers(source)
    assert set(kept.manifests) == {digest("i"), digest("a")}
    assert plan(kept).fallbacks == ()


def test_without_referrers_what_a_tagged_index_names_is_still_copied():
    tag = fallback_tag(digest("a"))
    contents = {"s": about("a", "s"), "f": of("s", name="f")}
    source = repository(image("a", "1"), signature("s"), index("f", tag), contents=contents)
    assert digest("s") in without_referrers(source).manifests


def test_a_repository_that_may_not_be_read_is_named_even_if_nothing_of_it_is_listed():
    source = replace(repository(readable=False), manifest_count=3)
    assert [(each.repository, each.digest) for each in plan(source).left] == [("app", None)]
    assert plan(repository(readable=False)).left == ()
