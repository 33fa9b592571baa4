"""What is read back beside a new registry counts only if the registry uses what was expected."""

from __future__ import annotations

from dataclasses import replace

import pytest

from azext_acrcmk.apply import context as module
from azext_acrcmk.apply.context import Context, begin_read_back, read_back
from azext_acrcmk.cloud.waiting import Stop
from azext_acrcmk.model.ids import Id
from azext_acrcmk.model.state import State
from tests.harness import make
from tests.harness.waiting import until

GOAL = make.goal()
REGISTRY = make.registry(GOAL)


@pytest.fixture
def read(monkeypatch):
    """The registries for which all that they use was read."""
    read = []

    def load(_clients, registry, *_):
        read.append(registry)
        return State(registry=registry, identity=make.identity(GOAL))

    monkeypatch.setattr(module, "load_registry_state", load)
    return read


@pytest.fixture
def context():
    context = Context(None, State(registry=REGISTRY, vault=make.vault(GOAL)), make.TENANT, None, Stop(), GOAL)
    context.registry = REGISTRY
    return context


def test_it_counts_once_for_the_registry_as_it_was_read(context, read):
    expected = replace(REGISTRY, location="", login_server=None, tags={})
    begin_read_back(context, expected)
    assert read_back(context) == State(registry=REGISTRY, identity=make.identity(GOAL))
    assert [each.location for each in read] == [""]
    read_back(context)
    assert read == [expected, REGISTRY]


OTHER_KEY = GOAL.key.with_version(make.NEWER)
DIFFERENT = {
    "another version": {"encryption": replace(REGISTRY.encryption, in_use=OTHER_KEY)},
    "a pinned version": {"encryption": replace(REGISTRY.encryption, key=OTHER_KEY)},
    "another identity": {"encryption": replace(REGISTRY.encryption, identity=Id("another"))},
    "an identity that was recreated": {"attached": (replace(REGISTRY.attached[0], principal_id=Id("another")),)},
    "none assigned": {"attached": ()},
    "an identity of its own": {"system_principal_id": Id("another")},
}


@pytest.mark.parametrize("different", DIFFERENT.values(), ids=DIFFERENT)
def test_of_a_registry_that_uses_something_else_all_is_read_again(context, read, different):
    expected = replace(REGISTRY, **different)
    begin_read_back(context, expected)
    assert read_back(context).registry is REGISTRY
    until(lambda: len(read) == 2)
    assert any(each is REGISTRY for each in read)


def test_what_could_not_be_read_is_an_error(context, monkeypatch):
    def fail(*_):
        raise ConnectionError("gone")

    monkeypatch.setattr(module, "load_registry_state", fail)
    begin_read_back(context, REGISTRY)
    with pytest.raises(ConnectionError):
        read_back(context)
