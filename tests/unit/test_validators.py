"""Values that are normalized before anything is asked."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from azure.cli.core.azclierror import MutuallyExclusiveArgumentError
from knack.validators import DefaultInt, DefaultStr

from azext_acrcmk._validators import _moment, validate_list


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


def listed(**typed):
    """Arguments of `list --from`, of which those that were not typed are as the CLI leaves them."""
    left = {
        "resource_group_name": DefaultStr("configured"),
        "_subscription": DefaultStr("configured"),
        "subscriptions": None,
        "management_groups": None,
        "everywhere": False,
        "depth": DefaultStr("key"),
        "expiry_days": DefaultInt(30),
        "report": None,
        "from_file": "fleet.json",
    }
    return SimpleNamespace(**{**left, **typed})


def test_a_report_is_shown_whatever_is_configured():
    arguments = listed()
    validate_list(arguments)
    assert arguments.resource_group_name is None
    validate_list(listed(resource_group_name="", _subscription=None))


@pytest.mark.parametrize(
    ("typed", "option"),
    [
        ({"depth": "key"}, "--depth"),
        ({"expiry_days": 0}, "--expiry-days"),
        ({"resource_group_name": "rg"}, "--resource-group"),
        ({"_subscription": "mine"}, "--subscription"),
        ({"subscriptions": ["11111111-1111-4111-8111-111111111111"]}, "--subscriptions"),
        ({"management_groups": ["mine"]}, "--management-groups"),
        ({"everywhere": True}, "--all"),
    ],
)
def test_how_to_read_azure_is_refused_where_a_report_is_shown(typed, option):
    """Also where it is what it would be by default: it has no effect."""
    with pytest.raises(MutuallyExclusiveArgumentError, match=f"--from can't be used with {option}: "):
        validate_list(listed(**typed))
    validate_list(listed(**typed, from_file=None))
