"""Locks come over, and those that a later pass has to open are opened and closed again."""

from __future__ import annotations

from dataclasses import replace

from azext_acrcmk.model.content import FREE, Attributes
from azext_acrcmk.plan.migrate.attributes import attributes_to_set, to_lock_again, to_unlock
from azext_acrcmk.plan.migrate.images import plan_repository
from tests.harness.content import OLD, digest, image, repository

LOCKED = Attributes(can_delete=False, can_write=False)


def test_what_is_locked_is_locked_in_the_new_registry_the_repository_last():
    a = replace(image("a", "1", "2"), attributes=LOCKED)
    source = replace(repository(a, image("b")), attributes=LOCKED, tag_attributes={"1": LOCKED})
    target = repository(image("a", "1", "2"), image("b"))
    found = attributes_to_set(source, target)
    assert [(each.path, each.attributes) for each in found] == [
        ("/_tags/1", LOCKED),
        (f"/_manifests/{digest('a')}", LOCKED),
        ("", LOCKED),
    ]
    assert attributes_to_set(source, source) == ()


def test_what_is_no_longer_locked_is_opened():
    target = replace(repository(image("a", "1")), attributes=LOCKED, tag_attributes={"1": LOCKED})
    found = attributes_to_set(repository(image("a", "1")), target)
    assert [(each.path, each.attributes) for each in found] == [("/_tags/1", FREE), ("", FREE)]


def test_nothing_is_set_on_what_is_not_there():
    source = replace(repository(image("a", "1")), attributes=LOCKED, tag_attributes={"1": LOCKED, "gone": LOCKED})
    assert attributes_to_set(source, repository()) == ()


def test_a_pass_opens_only_what_it_has_to_change():
    source = repository(image("a"), image("b", "1"))
    target = replace(repository(image("a", "1", "2")), attributes=LOCKED, tag_attributes={"1": LOCKED, "2": LOCKED})
    plan = plan_repository(source, target, OLD, target.tags)
    assert [each.path for each in to_unlock(target, plan)] == ["", "/_tags/1"]
    assert [each.name for each in to_unlock(target, plan)] == [target.name, f"{target.name}:1"]
    done = plan_repository(target, target, OLD)
    assert to_unlock(target, done) == ()


def test_what_was_opened_is_closed_again_the_repository_last():
    target = replace(repository(image("a", "1")), attributes=LOCKED, tag_attributes={"1": LOCKED})
    plan = plan_repository(repository(image("b", "1"), image("a")), target, OLD, target.tags)
    opened = to_unlock(target, plan)
    assert [each.attributes for each in opened] == [FREE, FREE]
    assert [(each.path, each.attributes) for each in to_lock_again(target, opened)] == [
        ("/_tags/1", LOCKED),
        ("", LOCKED),
    ]
