"""A registry that is read again together with what it used before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from azext_acrcmk.cloud import load
from azext_acrcmk.model.state import State, Unknown
from tests.harness import make
from tests.harness.kinds import GOAL

BEFORE = make.registry(GOAL)


@pytest.fixture
def loaded(monkeypatch):
    """The registries whose state was loaded."""
    registries = []

    def load_registry_state(_clients, registry, *_):
        registries.append(registry)
        return State(registry=registry)

    monkeypatch.setattr(load, "load_registry_state", load_registry_state)
    return registries


def again(monkeypatch, now):
    monkeypatch.setattr(load, "get_registry", lambda *_: now)
    return load.load_again(None, BEFORE, [], None).registry


def test_with_other_tags_is_not_loaded_twice(monkeypatch, loaded):
    now = replace(BEFORE, tags={"a": "b"})
    assert again(monkeypatch, now).tags == {"a": "b"}
    assert loaded == [BEFORE]


def test_with_another_key_is_loaded_for_that(monkeypatch, loaded):
    now = replace(BEFORE, encryption=replace(BEFORE.encryption, key=BEFORE.encryption.key.with_version("1" * 32)))
    assert again(monkeypatch, now) is now
    assert loaded[-1] is now


def test_that_can_not_be_read_is_as_it_was(monkeypatch, loaded):
    assert again(monkeypatch, Unknown()) is BEFORE
    assert loaded == [BEFORE]
