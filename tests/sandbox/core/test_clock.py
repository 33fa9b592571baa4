"""The sandbox's own time, and settings."""

from __future__ import annotations

import time

import pytest

from sandbox.core.clock import Clock, iso
from sandbox.settings import PROFILES, Settings


def test_runs_at_its_scale():
    clock = Clock(scale=1000)
    began = clock.now()
    time.sleep(0.01)
    assert clock.now() - began >= 10
    assert clock.real(500) == 0.5


def test_can_be_moved():
    clock = Clock()
    began = clock.now()
    clock.advance(3600)
    assert 3600 <= clock.now() - began < 3610


def test_a_new_pace_does_not_make_it_jump():
    clock = Clock()
    clock.advance(100)
    before = clock.now()
    clock.run_at(1000)
    assert 0 <= clock.now() - before < 10 * 1000
    time.sleep(0.01)
    assert clock.now() - before >= 10


@pytest.mark.parametrize(
    ("digits", "suffix", "expected"),
    [(7, "Z", "2023-12-21T23:57:13.3199680Z"), (3, "+00:00", "2023-12-21T23:57:13.319+00:00")],
)
def test_times_as_azure_writes_them(digits, suffix, expected):
    assert iso(1703203033.319968, digits, suffix) == expected


def test_settings_as_text():
    settings = Settings().with_text("role_seconds", "90").with_text("cmk_failure", "async")
    assert (settings.role_seconds, settings.cmk_failure) == (90, "async")
    assert settings.with_text("registry_retry_after", "null").registry_retry_after is None
    assert settings.with_text("stale_first_answer", "true").stale_first_answer is True
    with pytest.raises(ValueError, match="There is no setting 'now'"):
        settings.with_text("now", "1")


def test_profiles():
    assert PROFILES["instant"] == Settings()
    assert PROFILES["recorded"].registry_seconds == 10
