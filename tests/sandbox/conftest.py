"""A running sandbox, for the tests that need one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.client import Sandbox


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(tmp_path_factory.mktemp("sandbox")) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared: Sandbox) -> Sandbox:
    """An empty Azure."""
    shared.reset()
    return shared
