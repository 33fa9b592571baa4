"""Role assignments by principal and scope."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sandbox.core.assignments import RoleAssignments

GROUP = "/subscriptions/s/resourceGroups/g"
ABOVE = "/providers/Microsoft.Management/managementGroups"


@pytest.fixture
def made():
    scopes = ("/", "/subscriptions/s", GROUP, f"{GROUP}2", f"{GROUP}/providers/A.B/c/d", f"{ABOVE}/m", f"{ABOVE}/n")
    assignments = RoleAssignments()
    for scope in scopes:
        assignments[f"{scope}/1"] = SimpleNamespace(principal_id="P", scope=scope)
    assignments["other"] = SimpleNamespace(principal_id="Q", scope=GROUP)
    return assignments


def _scopes(assignments, scope):
    return [each.scope for each in assignments.perhaps_at("p", scope)]


def test_at_a_scope_are_those_above_it_once_and_all_in_management_groups(made):
    groups = [f"{ABOVE}/m", f"{ABOVE}/n"]
    assert _scopes(made, GROUP.upper() + "/") == [*groups, "/", "/subscriptions/s", GROUP]
    assert _scopes(made, "/") == _scopes(made, f"{ABOVE}/m") == [*groups, "/"]


def test_none_that_was_deleted_or_replaced(made):
    del made[f"{GROUP}/1"]
    made["//1"] = SimpleNamespace(principal_id="P", scope="/subscriptions/s")
    assert _scopes(made, GROUP)[2:] == ["/subscriptions/s", "/subscriptions/s"]
    assert len(made.of("p")) == 6
