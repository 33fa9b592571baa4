"""User-assigned identities, and the directory they appear in."""

from __future__ import annotations

from sandbox.resource_manager.builtin_roles import READER
from sandbox.world import OWNER_USER_ID, SUBSCRIPTION
from tests.harness.in_process_azure import ENCRYPTION_USER, GROUP, Azure

LIST = "/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
API = "?api-version=2024-11-30"
PATH = f"{GROUP}{LIST}/id1{API}"
GRAPH = "https://graph.microsoft.com/v1.0"
GRAPH_AUDIENCE = "https://graph.microsoft.com/"


def graph(azure, path, method="GET", body=None, **more):
    return azure.send(method, GRAPH + path, body, audience=GRAPH_AUDIENCE, **more)


def test_life(azure):
    made = azure.send("PUT", PATH, {"location": "West US", "tags": {"a": "b"}})
    assert made.status == 201
    assert made.headers["Location"] == made.body["id"] == PATH.removesuffix(API).replace("Groups", "groups")
    again = azure.send("PUT", PATH, {"location": "westus"})
    assert (again.status, again.body["properties"]) == (200, made.body["properties"])
    assert azure.ok("PATCH", PATH, {"tags": {"c": "d"}})["tags"] == {"c": "d"}
    assert azure.send("DELETE", PATH).status == 200
    assert azure.send("DELETE", PATH).status == 204
    status, error = azure.error("GET", PATH)
    assert (status, error["code"]) == (404, "ResourceNotFound")


def test_lists(azure):
    azure.identity("id1")
    azure.add_group(f"{GROUP}2")
    azure.ok("PUT", f"{GROUP}2{LIST}/id2{API}", {"location": "westus"})

    def names(scope, who=None):
        return [entry["name"] for entry in azure.ok("GET", f"{scope}{LIST}{API}", as_=who)["value"]]

    assert names(f"/subscriptions/{SUBSCRIPTION}") == ["id1", "id2"]
    assert names(f"{GROUP}2") == ["id2"]
    assert names(f"/subscriptions/{SUBSCRIPTION}", azure.principal(READER)) == ["id1"]


def test_bad_requests(azure):
    assert azure.error("PUT", PATH, {})[1]["code"] == "LocationRequired"
    assert azure.error("PUT", PATH, {"location": "mars"})[1]["code"] == "LocationNotAvailableForResourceType"
    assert azure.error("PUT", PATH.replace("id1", "-x"), {"location": "westus"})[0] == 400
    assert azure.error("PUT", PATH, {"location": "westus"}, as_=azure.principal(READER))[0] == 403


def test_deletion_orphans_the_grants(azure):
    identity = azure.identity()
    azure.world.grant(identity["principalId"], ENCRYPTION_USER, GROUP)
    azure.ok("DELETE", PATH)
    url = (
        f"{GROUP}/providers/Microsoft.Authorization/roleAssignments?$filter=principalId eq '{identity['principalId']}'"
    )
    assert len(azure.get(url)["value"]) == 1
    again = azure.identity()
    assert again["principalId"] != identity["principalId"]
    assert again["clientId"] != identity["clientId"]


def test_graph_finds_the_principal_once_it_is_known():
    azure = Azure(principal_seconds=60)
    identity = azure.identity()
    wanted = f"/servicePrincipals?$filter=servicePrincipalNames/any(c:c eq '{identity['clientId']}')"
    ids = {"ids": [identity["principalId"]], "types": ["servicePrincipal"]}
    assert graph(azure, wanted).body["value"] == []
    assert graph(azure, "/directoryObjects/getByIds", "POST", ids).body["value"] == []
    azure.advance(60)
    assert graph(azure, wanted).body["value"][0]["id"] == identity["principalId"]
    (found,) = graph(azure, "/directoryObjects/getByIds", "POST", ids).body["value"]
    assert found["@odata.type"] == "#microsoft.graph.servicePrincipal"


def test_me_is_for_people(azure):
    refused = graph(azure, "/me")
    assert refused.status == 400
    assert refused.body["error"]["message"] == "/me request is only valid with delegated authentication flow."
    person = azure.world.principals[OWNER_USER_ID]
    assert graph(azure, "/me", as_=person).body["userPrincipalName"] == person.name
