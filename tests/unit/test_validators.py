"""Values that are normalized before anything is asked."""

from __future__ import annotations

import pytest

from azext_acrcmk._validators import _moment


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        ("2026-11-28", "2026-11-28T00:00:00"),
        (" 2026-11-28T09:30:00Z ", "2026-11-28T09:30:00"),
        ("2024-02-29T00:30:00+01:00", "2024-02-28T23:30:00"),
        # Registries are asked by text: a year of three digits would be later than all others.
        ("0999-01-01", "0999-01-01T00:00:00"),
    ],
)
def test_a_moment_is_in_the_form_in_which_registries_list_it(typed, moment):
    assert _moment(typed) == moment
