"""What one asks Azure before one acts: permissions, policies that would deny, the quota of role assignments."""

from __future__ import annotations

import pytest
from azure.mgmt.policyinsights.models import CheckRestrictionsResult

from sandbox.resource_manager.builtin_roles import CONTRIBUTOR, READER
from sandbox.resource_manager.policies import DenyPolicy
from sandbox.server.tampering import add_to_group
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.harness.in_process_azure import CRYPTO_OFFICER, ENCRYPTION_USER, GROUP, Azure, registry_path, vault_path

SCOPE = f"/subscriptions/{SUBSCRIPTION}"
PERMISSIONS = "/providers/Microsoft.Authorization/permissions"
CHECK = "/providers/Microsoft.PolicyInsights/checkPolicyRestrictions"
VAULTS = "Microsoft.KeyVault/vaults"


class TestPermissions:
    def test_of_all_roles_at_and_above_the_scope(self, azure):
        who = azure.principal(READER, SCOPE)
        azure.world.grant(who.object_id, CRYPTO_OFFICER, vault_path("v"))

        def blocks(scope):
            return azure.ok("GET", f"{scope}{PERMISSIONS}", as_=who)["value"]

        reader = {"actions": ["*/read"], "notActions": [], "dataActions": [], "notDataActions": []}
        assert blocks(SCOPE) == blocks(GROUP) == [reader]
        assert blocks(vault_path("v"))[1]["dataActions"] == [
            "Microsoft.KeyVault/vaults/keys/*",
            "Microsoft.KeyVault/vaults/keyrotationpolicies/*",
        ]

    def test_what_a_role_exempts(self, azure):
        (block,) = azure.ok("GET", f"{GROUP}{PERMISSIONS}", as_=azure.principal(CONTRIBUTOR))["value"]
        assert block["actions"] == ["*"]
        assert "Microsoft.Authorization/*/Write" in block["notActions"]

    def test_through_groups(self, azure):
        who = azure.principal()
        assert azure.ok("GET", f"{GROUP}{PERMISSIONS}", as_=who)["value"] == []
        azure.world.grant(add_to_group(azure.world, who.object_id).object_id, READER, GROUP)
        assert len(azure.ok("GET", f"{GROUP}{PERMISSIONS}", as_=who)["value"]) == 1

    @pytest.mark.parametrize("version", ["2015-07-01", "2018-07-01", "2022-04-01", "2022-05-01-preview"])
    @pytest.mark.parametrize("place", ["", "/providers/Microsoft.KeyVault//vaults/v"])
    def test_paths_and_versions_of_the_sdk(self, azure, place, version):
        """`permissions.list_for_resource` leaves two slashes where the resource has no parent."""
        who = azure.principal(READER, GROUP if not place else vault_path("v"))
        url = f"{GROUP}{place}{PERMISSIONS}?api-version={version}"
        assert len(azure.ok("GET", url, as_=who)["value"]) == 1

    def test_two_slashes_on_the_wire(self, sandbox):
        sandbox.arm("PUT", f"{SCOPE}/resourcegroups/rg", {"location": "westus"}, "2024-11-01")
        path = f"{GROUP}/providers/Microsoft.KeyVault//vaults/v{PERMISSIONS}"
        assert sandbox.arm("GET", path, api_version="2022-04-01").json()["value"][0]["actions"] == ["*"]

    def test_of_a_group_that_is_not_there(self, azure):
        assert azure.error("GET", f"{GROUP}9{PERMISSIONS}")[1]["code"] == "ResourceGroupNotFound"


class TestPolicies:
    def ask(self, azure, scope=GROUP, *, version="2024-10-01", details=None, as_=None, **properties):
        content = {"type": VAULTS, "location": "westus", "properties": properties}
        body = {"resourceDetails": {"resourceContent": content, "apiVersion": "2026-02-01", **(details or {})}}
        answer = azure.ok("POST", f"{scope}{CHECK}?api-version={version}", body, as_=as_)
        assert answer["fieldRestrictions"] == []
        return answer["contentEvaluationResult"]["policyEvaluations"]

    def deny(self, azure, **policy):
        condition = {"field": "properties.enablePurgeProtection", "notEquals": True}
        settled = {"name": "purge", "type": VAULTS, "scope": SCOPE, "condition": condition, **policy}
        azure.world.policies.append(DenyPolicy(**settled))

    def test_a_policy_that_would_deny(self, azure):
        self.deny(azure, reason="Turn on purge protection.")
        (found,) = self.ask(azure)
        authorization = f"{SCOPE}/providers/Microsoft.Authorization"
        assert found["policyInfo"] == {
            "policyDefinitionId": f"{authorization}/policyDefinitions/purge",
            "policyAssignmentId": f"{authorization}/policyAssignments/purge",
        }
        assert (found["evaluationResult"], found["effectDetails"]) == ("NonCompliant", {"policyEffect": "Deny"})
        assert found["evaluationDetails"]["reason"] == "Turn on purge protection."
        kind, purge = found["evaluationDetails"]["evaluatedExpressions"]
        assert (kind["path"], kind["expressionValue"], kind["operator"]) == ("type", VAULTS, "Equals")
        assert (purge["path"], purge["targetValue"], purge["operator"]) == (
            "properties.enablePurgeProtection",
            True,
            "NotEquals",
        )

    def test_the_sdk_reads_it(self, azure):
        self.deny(azure)
        url = f"{GROUP}{CHECK}?api-version=2022-03-01"
        answer = azure.ok("POST", url, {"resourceDetails": {"resourceContent": {"type": VAULTS}}})
        read = CheckRestrictionsResult.deserialize(answer).content_evaluation_result.policy_evaluations[0]
        assert read.policy_info.policy_assignment_id.endswith("/policyAssignments/purge")
        assert [entry.result for entry in read.evaluation_details.evaluated_expressions] == ["True", "True"]

    def test_it_says_what_the_write_will_say(self, azure):
        self.deny(azure)
        assert self.ask(azure, enablePurgeProtection=True) == []
        azure.vault()
        body = {"location": "westus", "properties": {"enablePurgeProtection": None}}
        assert azure.error("PUT", vault_path("vault2"), body)[1]["code"] == "RequestDisallowedByPolicy"

    def test_other_types_and_scopes(self, azure):
        self.deny(azure, type="Microsoft.ContainerRegistry/registries")
        self.deny(azure, scope=f"/subscriptions/{OTHER_SUBSCRIPTION}")
        assert self.ask(azure) == []
        self.deny(azure, scope=GROUP)
        assert (len(self.ask(azure)), len(self.ask(azure, SCOPE))) == (1, 0)
        assert len(self.ask(azure, SCOPE, details={"scope": registry_path()})) == 1

    def test_resource_groups(self, azure):
        """Not confirmed by a recording: that policies hold for groups as they do for what is in them."""
        kind = "Microsoft.Resources/subscriptions/resourceGroups"
        self.deny(azure, type=kind, condition={"field": "location", "notEquals": "westus"})
        group, body = f"{SCOPE}/resourcegroups/other", {"location": "eastus"}
        assert azure.error("PUT", group, body)[1]["code"] == "RequestDisallowedByPolicy"
        assert len(self.ask(azure, SCOPE, details={"resourceContent": {"type": kind, **body}})) == 1
        azure.ok("PUT", group, {"location": "westus"})

    def test_the_first_version_tells_no_effect(self, azure):
        self.deny(azure)
        (found,) = self.ask(azure, version="2022-03-01")
        assert "effectDetails" not in found
        assert len(self.ask(azure, version="2023-03-01")) == 1

    def test_readers_may_ask_and_others_not(self, azure):
        self.ask(azure, as_=azure.principal(READER))
        status, error = azure.error(
            "POST", f"{GROUP}{CHECK}?api-version=2024-10-01", {}, as_=azure.principal(ENCRYPTION_USER)
        )
        assert (status, error["code"]) == (403, "AuthorizationFailed")
        assert "'Microsoft.PolicyInsights/checkPolicyRestrictions/read'" in error["message"]

    @pytest.mark.parametrize("body", [{}, {"resourceDetails": {"resourceContent": {"location": "westus"}}}])
    def test_bad_requests(self, azure, body):
        assert azure.error("POST", f"{GROUP}{CHECK}?api-version=2024-10-01", body)[0] == 400

    def test_versions_and_registration(self, azure):
        assert azure.error("POST", f"{GROUP}{CHECK}?api-version=2019-01-01", {})[1]["code"] == "InvalidResourceType"
        azure.world.providers[SUBSCRIPTION, "microsoft.policyinsights"] = "NotRegistered"
        error = azure.error("POST", f"{GROUP}{CHECK}?api-version=2024-10-01", {})[1]
        assert error["code"] == "MissingSubscriptionRegistration"


class TestQuota:
    URL = f"{SCOPE}/providers/Microsoft.Authorization/roleAssignmentsUsageMetrics?api-version=2019-08-01-preview"

    def test_it_counts_what_the_limit_counts(self):
        azure = Azure(role_assignment_limit=4)
        azure.principal(READER, vault_path("v"))
        azure.principal(READER, f"/subscriptions/{OTHER_SUBSCRIPTION}")
        assert azure.get(self.URL) == {
            "subscriptionId": SUBSCRIPTION,
            "roleAssignmentsLimit": 4,
            "roleAssignmentsCurrentCount": 3,
            "roleAssignmentsRemainingCount": 1,
        }
        assert azure.get(self.URL.replace("UsageMetrics", "usagemetrics"))["roleAssignmentsLimit"] == 4

    def test_it_takes_a_right(self, azure):
        assert azure.error("GET", self.URL, as_=azure.principal(READER, GROUP))[1]["code"] == "AuthorizationFailed"
        azure.ok("GET", self.URL, as_=azure.principal(READER, SCOPE))
