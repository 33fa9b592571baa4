"""Queries as they come by the wire: scopes, pages, formats, quotas and refusals (facts: fleet.md 1.1 to 1.3)."""

from __future__ import annotations

import base64
import json
import uuid

import pytest

from sandbox.resource_manager.builtin_roles import READER
from sandbox.resource_manager.hierarchy import add_management_group
from sandbox.server.tampering import deny
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION, TENANT, ResourceGroup
from tests.harness.graph_queries import ask, refusal, send
from tests.harness.in_process_azure import GROUP, Azure

SUBSCRIPTIONS = "resourcecontainers | where type == 'microsoft.resources/subscriptions' | project subscriptionId"


@pytest.fixture
def azure():
    return Azure(graph_quota=0)


def groups(azure: Azure, number: int, subscription: str = SUBSCRIPTION) -> None:
    for each in range(number):
        group = f"/subscriptions/{subscription}/resourceGroups/group-{each:05}"
        azure.world.groups[group.lower()] = ResourceGroup(group, f"group-{each:05}", "westus")


class TestRows:
    def test_of_resources(self, azure):
        vault = azure.vault(enableRbacAuthorization=True)
        identity = azure.identity("Id1")
        azure.registry(identity=identity)
        azure.ok(
            "PUT",
            f"{GROUP}/providers/Microsoft.KeyVault/managedHSMs/hsm1?api-version=2023-07-01",
            {"location": "westus", "properties": {}},
        )
        rows = {row["type"]: row for row in ask(azure, "resources")}
        assert set(rows) == {
            "microsoft.containerregistry/registries",
            "microsoft.keyvault/vaults",
            "microsoft.keyvault/managedhsms",
            "microsoft.managedidentity/userassignedidentities",
        }
        registry = rows["microsoft.containerregistry/registries"]
        assert registry["sku"] == {"name": "Premium", "tier": "Premium"}
        assert registry["properties"]["encryption"] == {"status": "disabled"}
        assert registry["identity"]["userAssignedIdentities"][identity["id"]]["clientId"] == identity["clientId"]
        assert (registry["subscriptionId"], registry["resourceGroup"]) == (SUBSCRIPTION, "rg")
        assert rows["microsoft.keyvault/vaults"]["id"] == vault
        assert rows["microsoft.keyvault/vaults"]["properties"]["enableRbacAuthorization"] is True
        assert (
            rows["microsoft.managedidentity/userassignedidentities"]["properties"]["clientId"] == identity["clientId"]
        )

    def test_are_those_of_the_newest_stable_version(self, azure):
        azure.registry()
        (properties,) = [row["properties"] for row in ask(azure, "project id, properties")]
        assert "roleAssignmentMode" in properties
        assert "metadataSearch" not in properties

    def test_has_no_keys(self, azure):
        azure.key(azure.vault())
        assert {row["type"] for row in ask(azure, "project id, type")} == {"microsoft.keyvault/vaults"}

    def test_of_containers(self, azure):
        rows = ask(azure, "resourcecontainers | project id, name, type, subscriptionId, properties, resourceGroup")
        by_type = {}
        for row in rows:
            by_type.setdefault(row["type"], []).append(row)
        assert {row["name"] for row in by_type["microsoft.resources/subscriptions"]} == {"Sandbox", "Sandbox two"}
        (group,) = by_type["microsoft.resources/subscriptions/resourcegroups"]
        assert (group["name"], group["resourceGroup"]) == ("rg", "rg")
        chain = by_type["microsoft.resources/subscriptions"][0]["properties"]["managementGroupAncestorsChain"]
        assert [each["name"] for each in chain] == [TENANT]

    def test_of_roles(self, azure):
        principal = azure.principal(READER, GROUP)
        query = f"authorizationresources | where properties.principalId == '{principal.object_id}'"
        (row,) = ask(azure, query)
        assert row["type"] == "microsoft.authorization/roleassignments"
        assert row["properties"]["scope"] == GROUP
        assert row["properties"]["roleDefinitionId"].endswith(READER)
        definitions = ask(azure, "authorizationresources | where type == 'microsoft.authorization/roledefinitions'")
        assert row["properties"]["roleDefinitionId"] in {each["id"] for each in definitions}

    def test_of_other_tables_are_none(self, azure):
        assert ask(azure, "policyresources | project id") == []
        assert refusal(azure, "locks | project id") == (400, "BadRequest", ["DisallowedLogicalTableName"])


class TestScopes:
    def test_without_any_it_is_all_that_one_sees(self, azure):
        assert {row["subscriptionId"] for row in ask(azure, SUBSCRIPTIONS)} == {SUBSCRIPTION, OTHER_SUBSCRIPTION}

    def test_an_empty_list_is_none(self, azure):
        assert len(ask(azure, SUBSCRIPTIONS, subscriptions=[], managementGroups=[])) == 2

    def test_subscriptions_in_any_case(self, azure):
        assert ask(azure, SUBSCRIPTIONS, subscriptions=[SUBSCRIPTION.upper()]) == [{"subscriptionId": SUBSCRIPTION}]

    def test_a_subscription_that_one_does_not_see_is_left_out_without_a_word(self, azure):
        reader = azure.principal(READER, f"/subscriptions/{SUBSCRIPTION}")
        asked = [SUBSCRIPTION, OTHER_SUBSCRIPTION, str(uuid.uuid4())]
        reply = send(azure, SUBSCRIPTIONS, subscriptions=asked, as_=reader)
        assert reply.body["data"] == [{"subscriptionId": SUBSCRIPTION}]
        assert (reply.body["totalRecords"], reply.body["resultTruncated"]) == (1, "false")

    def test_but_not_if_none_is_left(self, azure):
        reader = azure.principal(READER, f"/subscriptions/{SUBSCRIPTION}")
        reply = send(azure, SUBSCRIPTIONS, subscriptions=[OTHER_SUBSCRIPTION], as_=reader)
        assert reply.body["error"]["details"] == [
            {
                "code": "NoValidSubscriptionsInQueryRequest",
                "message": "There must be at least one subscription that is eligible to contain resources. Given: "
                f"'{OTHER_SUBSCRIPTION}'.",
            }
        ]

    def test_who_sees_nothing_at_all_is_refused(self, azure):
        assert refusal(azure, "resources", as_=azure.principal()) == (403, "AccessDenied", ["AccessDenied"])

    def test_a_management_group_has_all_below_it(self, azure):
        add_management_group(azure.world, "top")
        add_management_group(azure.world, "below", "top", [OTHER_SUBSCRIPTION])
        for group, seen in (("top", 1), ("below", 1), ("BELOW", 1), (TENANT, 2)):
            assert len(ask(azure, SUBSCRIPTIONS, managementGroups=[group])) == seen

    def test_a_management_group_and_those_in_it_are_rows_for_who_may_read_them(self, azure):
        top = add_management_group(azure.world, "top")
        add_management_group(azure.world, "below", "top", [OTHER_SUBSCRIPTION])
        query = "resourcecontainers | where type == 'microsoft.management/managementgroups' | project name"
        assert ask(azure, query, managementGroups=["top"]) == []
        azure.world.grant(azure.owner.object_id, READER, top.id)
        assert {row["name"] for row in ask(azure, query, managementGroups=["top"])} == {"top", "below"}
        assert {row["name"] for row in ask(azure, query)} == {"top", "below"}
        assert ask(azure, query, subscriptions=[OTHER_SUBSCRIPTION]) == []

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"subscriptions": ["x"]}, "SubscriptionsContainInvalidGuids"),
            ({"managementGroups": ["Tenant Root Group"]}, "ManagementGroupsContainInvalidIds"),
            ({"subscriptions": [SUBSCRIPTION], "managementGroups": [TENANT]}, "InvalidRequest"),
            ({"subscriptions": SUBSCRIPTION}, "InvalidRequest"),
            ({"subscriptions": [SUBSCRIPTION] * 1_001}, "TooManySubscriptions"),
            ({"managementGroups": [TENANT] * 11}, "TooManyManagementGroups"),
        ],
    )
    def test_that_are_invalid(self, azure, body, code):
        assert refusal(azure, "resources", **body) == (400, "BadRequest", [code])

    def test_of_too_many_subscriptions_are_cut_and_a_header_tells(self):
        azure = Azure(graph_subscription_limit=1)
        reply = send(azure, SUBSCRIPTIONS)
        assert reply.body["totalRecords"] == 1
        assert reply.headers["x-ms-tenant-subscription-limit-hit"] == "true"
        named = send(azure, SUBSCRIPTIONS, subscriptions=[SUBSCRIPTION, OTHER_SUBSCRIPTION])
        assert named.body["totalRecords"] == 2
        assert "x-ms-tenant-subscription-limit-hit" not in named.headers


class TestRights:
    def test_rows_are_trimmed_to_what_one_may_read(self, azure):
        azure.add_group(other := f"/subscriptions/{SUBSCRIPTION}/resourceGroups/other")
        azure.vault("vault1")
        azure.vault("vault2", group=other)
        reader = azure.principal(READER, other)
        assert [row["name"] for row in ask(azure, "project id, name", as_=reader)] == ["vault2"]
        assert [row["name"] for row in ask(azure, "resourcecontainers | project id, name", as_=reader)] == ["other"]

    def test_by_type(self, azure):
        azure.vault()
        azure.registry()
        pusher = azure.principal("69b07be0-09bf-439a-b9a6-e73de851bd59", GROUP)
        seen = ask(azure, "project id, type", as_=pusher)
        assert {row["type"] for row in seen} <= {"microsoft.containerregistry/registries"}

    def test_a_deny_assignment_hides(self, azure):
        azure.vault()
        deny(azure.world, GROUP, actions=["Microsoft.KeyVault/vaults/read"])
        assert ask(azure, "project id") == []

    def test_through_a_group_and_from_a_management_group(self, azure):
        add_management_group(azure.world, "mg", "", [SUBSCRIPTION])
        azure.vault()
        member = azure.principal(READER, "/providers/Microsoft.Management/managementGroups/mg")
        assert len(ask(azure, "project id", as_=member)) == 1
        assert [row["subscriptionId"] for row in ask(azure, SUBSCRIPTIONS, as_=member)] == [SUBSCRIPTION]


class TestPages:
    QUERY = "resourcecontainers | where name startswith 'group-' | project id, name | order by id asc"

    def test_have_a_thousand_rows(self, azure):
        groups(azure, 2_500)
        first = send(azure, self.QUERY).body
        assert (first["totalRecords"], first["count"], len(first["data"])) == (2_500, 1_000, 1_000)
        assert first["resultTruncated"] == "false"
        names, answer = [], first
        while token := answer.get("$skipToken"):
            names += [row["name"] for row in answer["data"]]
            answer = send(azure, self.QUERY, options={"$skipToken": token}).body
        names += [row["name"] for row in answer["data"]]
        assert names == [f"group-{each:05}" for each in range(2_500)]

    def test_without_the_column_id_end_after_the_first_and_say_so_as_a_text(self, azure):
        groups(azure, 1_200)
        answer = send(azure, "resourcecontainers | project name | order by name asc").body
        assert (answer["count"], answer["totalRecords"]) == (1_000, 1_203)
        assert answer["resultTruncated"] == "true"
        assert "$skipToken" not in answer

    @pytest.mark.parametrize("query", ["limit 1100", "take 1100", "top 1100 by id", "summarize by id", "distinct id"])
    def test_of_queries_that_end_after_the_first(self, azure, query):
        groups(azure, 1_200)
        answer = send(azure, f"resourcecontainers | {query}").body
        assert (answer["count"], answer["resultTruncated"]) == (1_000, "true")
        assert "$skipToken" not in answer

    def test_of_a_size_of_ones_own(self, azure):
        groups(azure, 5)
        answer = send(azure, self.QUERY, options={"$top": 2, "$skip": 1}).body
        assert [row["name"] for row in answer["data"]] == ["group-00001", "group-00002"]
        token = json.loads(base64.b64decode(answer["$skipToken"]))
        assert (token["RowsToSkip"], token["MaxRows"]) == (3, 2)
        rest = send(azure, self.QUERY, options={"$skipToken": answer["$skipToken"]}).body
        assert [row["name"] for row in rest["data"]] == ["group-00003", "group-00004"]
        assert "$skipToken" not in rest

    def test_top_without_its_sign_means_nothing(self, azure):
        groups(azure, 5)
        assert send(azure, self.QUERY, options={"top": 2}).body["count"] == 5

    def test_skip_means_nothing_to_a_limit(self, azure):
        groups(azure, 5)
        assert send(azure, f"{self.QUERY} | limit 3", options={"$skip": 2}).body["count"] == 3

    def test_are_offsets_into_what_is_there_then(self, azure):
        groups(azure, 5)
        token = send(azure, self.QUERY, options={"$top": 2}).body["$skipToken"]
        del azure.world.groups[f"/subscriptions/{SUBSCRIPTION}/resourcegroups/group-00000"]
        answer = send(azure, self.QUERY, options={"$skipToken": token}).body
        assert [row["name"] for row in answer["data"]] == ["group-00003", "group-00004"]
        assert answer["totalRecords"] == 4

    def test_without_an_order_have_none(self, azure):
        groups(azure, 50)
        orders = {tuple(row["name"] for row in ask(azure, "resourcecontainers | project id, name")) for _ in range(5)}
        assert len(orders) == 5

    @pytest.mark.parametrize(
        "options",
        [
            {"$top": 1_001},
            {"$top": 0},
            {"$top": "5"},
            {"$skip": -1},
            {"resultFormat": "csv"},
            ["$top"],
        ],
    )
    def test_with_invalid_options(self, azure, options):
        assert refusal(azure, "resources", options=options) == (400, "BadRequest", ["InvalidRequest"])

    @pytest.mark.parametrize("token", ["x", base64.b64encode(b"{}").decode(), base64.b64encode(b"[1]").decode(), 5])
    def test_with_an_invalid_token(self, azure, token):
        assert refusal(azure, "resources", options={"$skipToken": token}) == (400, "BadRequest", ["InvalidSkipToken"])


class TestForm:
    def test_of_a_table(self, azure):
        azure.registry()
        answer = send(
            azure,
            "project id, sku, n = strlen(name), on = true, when = now(), ratio = 0.5",
            options={"resultFormat": "table"},
        ).body
        assert [column["type"] for column in answer["data"]["columns"]] == [
            "string",
            "object",
            "integer",
            "boolean",
            "datetime",
            "number",
        ]
        assert answer["data"]["columns"][0]["name"] == "id"
        assert answer["data"]["rows"][0][2:4] == [9, True]

    @pytest.mark.parametrize("query", [None, "", " ", 5])
    def test_of_no_query(self, azure, query):
        assert refusal(azure, query) == (400, "BadRequest", ["InvalidRequest"])

    def test_of_an_unknown_version(self, azure):
        reply = send(azure, "resources", version="2031-01-01")
        assert reply.body["error"]["code"] == "InvalidResourceType"

    def test_of_an_invalid_query(self, azure):
        assert refusal(azure, "where where") == (400, "BadRequest", ["InvalidQuery", "ParserFailure"])


class TestQuota:
    def test_lets_fifteen_through_in_five_seconds(self):
        azure = Azure(clock_scale=0.001)
        replies = [send(azure, "resources | take 1") for _ in range(16)]
        assert [reply.status for reply in replies] == [200] * 15 + [429]
        left = [reply.headers["x-ms-user-quota-remaining"] for reply in replies]
        assert left == [*map(str, range(14, -1, -1)), "0"]
        assert {reply.headers["x-ms-user-quota-resets-after"] for reply in replies} == {"00:00:05"}
        error = replies[-1].body["error"]
        assert (error["code"], error["details"][0]["code"]) == ("RateLimiting", "RateLimiting")
        azure.advance(5)
        assert send(azure, "resources").headers["x-ms-user-quota-remaining"] == "14"

    def test_counts_refused_queries_too(self):
        azure = Azure(clock_scale=0.001)
        assert send(azure, "where where").headers["x-ms-user-quota-remaining"] == "14"
        assert send(azure, "resources").headers["x-ms-user-quota-remaining"] == "13"

    def test_tells_when_it_resets(self):
        azure = Azure(clock_scale=0.001)
        send(azure, "resources")
        azure.advance(3)
        assert send(azure, "resources").headers["x-ms-user-quota-resets-after"] == "00:00:02"

    def test_is_each_users_own(self):
        azure = Azure(clock_scale=0.001, graph_quota=1)
        reader = azure.principal(READER, GROUP)
        assert send(azure, "resources").status == 200
        assert send(azure, "resources", as_=reader).status == 200
        assert send(azure, "resources").status == 429

    def test_can_be_switched_off(self):
        azure = Azure(graph_quota=0)
        assert {send(azure, "resources").status for _ in range(20)} == {200}
