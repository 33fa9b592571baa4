"""Which role assignments a query is shown (facts: fleet.md 0, row 8)."""

from __future__ import annotations

import pytest

from sandbox.resource_manager.builtin_roles import READER
from sandbox.resource_manager.hierarchy import add_management_group
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.harness.graph_queries import ask, refusal
from tests.harness.in_process_azure import GROUP, Azure


@pytest.fixture
def azure():
    return Azure(graph_quota=0)


class TestAuthorizationScopes:
    @pytest.fixture
    def given(self, azure):
        """A role at each level, by what the level is called."""
        add_management_group(azure.world, "top")
        add_management_group(azure.world, "mg", "top", [SUBSCRIPTION])
        add_management_group(azure.world, "aside")
        self.vault = azure.vault()
        group = "/providers/Microsoft.Management/managementGroups/{}"
        scopes = {
            "root": "/",
            "top": group.format("top"),
            "mg": group.format("mg"),
            "aside": group.format("aside"),
            "subscription": f"/subscriptions/{SUBSCRIPTION}",
            "group": GROUP,
            "vault": self.vault,
            "other": f"/subscriptions/{OTHER_SUBSCRIPTION}",
        }
        who = azure.principal()
        for scope in scopes.values():
            azure.world.grant(who.object_id, READER, scope)
        self.query = (
            "authorizationresources | where type =~ 'Microsoft.Authorization/roleAssignments' and "
            f"properties.principalId == '{who.object_id}' | project scope = tostring(properties.scope)"
        )
        return {scope: name for name, scope in scopes.items()}

    def seen(self, azure, given, **how):
        return {given[row["scope"]] for row in ask(azure, self.query, **how)}

    @pytest.mark.parametrize(
        ("wanted", "names"),
        [
            (None, {"subscription", "group", "vault"}),
            ("AtScopeAndBelow", {"subscription", "group", "vault"}),
            ("AtScopeAndAbove", {"root", "top", "mg", "subscription"}),
            ("atscopeaboveandbelow", {"root", "top", "mg", "subscription", "group", "vault"}),
            ("AtScopeExact", {"subscription"}),
        ],
    )
    def test_of_a_subscription(self, azure, given, wanted, names):
        options = {"authorizationScopeFilter": wanted} if wanted else {}
        assert self.seen(azure, given, subscriptions=[SUBSCRIPTION], options=options) == names

    @pytest.mark.parametrize(
        ("wanted", "names"),
        [
            ("AtScopeAndBelow", {"mg", "subscription", "group", "vault"}),
            ("AtScopeAboveAndBelow", {"root", "top", "mg", "subscription", "group", "vault"}),
            ("AtScopeAndAbove", {"root", "top", "mg"}),
            ("AtScopeExact", {"mg"}),
        ],
    )
    def test_of_a_management_group(self, azure, given, wanted, names):
        options = {"authorizationScopeFilter": wanted}
        assert self.seen(azure, given, managementGroups=["mg"], options=options) == names

    def test_of_the_tenant(self, azure, given):
        below = {"subscription", "group", "vault", "other"}
        assert self.seen(azure, given) == below
        options = {"authorizationScopeFilter": "AtScopeAboveAndBelow"}
        assert self.seen(azure, given, options=options) == below | {"root", "top", "mg"}

    def test_is_not_known_to_older_versions(self, azure, given):
        options = {"authorizationScopeFilter": "AtScopeAboveAndBelow"}
        assert "mg" not in self.seen(azure, given, version="2021-03-01", options=options)

    def test_that_is_none(self, azure, given):
        options = {"authorizationScopeFilter": "Everywhere"}
        assert refusal(azure, self.query, options=options) == (400, "BadRequest", ["InvalidRequest"])

    def test_above_are_hidden_from_who_may_read_none_below(self, azure, given):
        blind = azure.principal("7f951dda-4ed3-4680-a7ca-43fe172d538d")  # AcrPull
        options = {"authorizationScopeFilter": "AtScopeAboveAndBelow"}
        assert ask(azure, self.query, options=options, as_=blind) == []
