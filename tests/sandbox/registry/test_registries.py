"""Container registries through Azure Resource Manager, apart from what their encryption does."""

import pytest

from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.harness.in_process_azure import GROUP, Azure, registry_body, registry_path

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
CONTRIBUTOR = "b24988ac-6180-42a0-ab88-20f7382dd24c"
PATH = registry_path()
PLACE = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerRegistry"


@pytest.fixture
def azure() -> Azure:
    return Azure()


def test_creation_is_a_long_running_operation():
    azure = Azure(registry_answer_seconds=8, registry_seconds=10)
    reply = azure.send("PUT", PATH, registry_body())
    assert (reply.status, reply.seconds, reply.headers["Retry-After"]) == (201, 8, "10")
    url = reply.headers["Azure-AsyncOperation"]
    assert azure.get(url) == {"status": "Creating"}
    assert azure.get(PATH)["properties"]["provisioningState"] == "Creating"
    azure.advance(18)
    poll = azure.send("GET", url)
    assert poll.body == {"status": "Succeeded"}
    assert poll.headers["Azure-AsyncOperation"]
    assert azure.get(PATH)["properties"]["provisioningState"] == "Succeeded"


def test_retry_after_is_a_setting():
    reply = Azure(registry_retry_after=None).send("PUT", PATH, registry_body())
    assert "Retry-After" not in reply.headers


def test_polling_takes_a_right_of_its_own(azure):
    url = azure.send("PUT", PATH, registry_body()).headers["Azure-AsyncOperation"]
    azure.world.role_definitions["only"] = {
        "permissions": [{"actions": ["Microsoft.ContainerRegistry/registries/read"]}]
    }
    only = azure.principal("only")
    azure.ok("GET", PATH, as_=only)
    status, error = azure.error("GET", url, as_=only)
    assert (status, error["code"]) == (403, "AuthorizationFailed")
    assert "'Microsoft.ContainerRegistry/registries/operationStatuses/read'" in error["message"]
    azure.ok("GET", url, as_=azure.principal(READER))


@pytest.mark.parametrize("name", ["four", "with-dash", "a" * 51])
def test_illegal_name(azure, name):
    assert azure.error("PUT", registry_path(name), registry_body())[0] == 400


def test_name_in_use_elsewhere(azure):
    azure.registry()
    other = f"/subscriptions/{OTHER_SUBSCRIPTION}/resourceGroups/rg2"
    azure.add_group(other)
    status, error = azure.error("PUT", registry_path("Registry1", other), registry_body())
    assert (status, error["code"]) == (409, "AlreadyInUse")
    assert error["message"].startswith(
        "The registry DNS name registry1.azurecr.io is already in use. You can check if "
    )


def test_name_availability(azure):
    azure.registry()
    kind = {"type": "Microsoft.ContainerRegistry/registries"}
    check = f"{PLACE}/checkNameAvailability"
    assert azure.ok("POST", check, {"name": "registry2", **kind}) == {"nameAvailable": True}
    assert azure.ok("POST", check, {"name": "registry1", **kind})["reason"] == "AlreadyExists"
    assert azure.ok("POST", check, {"name": "no", **kind})["reason"] == "Invalid"


def test_lists_come_in_pages():
    azure = Azure(registry_page_size=2)
    for number in range(5):
        azure.registry(f"registry{number}")
    found, url = [], f"{PLACE}/registries"
    while url:
        answer = azure.get(url)
        found.append([registry["name"] for registry in answer["value"]])
        url = answer.get("nextLink")
    assert found == [["registry0", "registry1"], ["registry2", "registry3"], ["registry4"]]
    assert len(azure.get(f"{GROUP}/providers/Microsoft.ContainerRegistry/registries")["value"]) == 2


def test_small_changes_are_made_at_once(azure):
    azure.registry()
    reply = azure.send("PATCH", PATH, {"tags": {"a": "b"}, "properties": {"adminUserEnabled": True}})
    assert (reply.status, reply.body["tags"], reply.body["properties"]["adminUserEnabled"]) == (200, {"a": "b"}, True)
    assert "Azure-AsyncOperation" not in reply.headers
    assert reply.body["properties"]["provisioningState"] == "Succeeded"


def test_values_of_tags_have_an_end(azure):
    azure.ok("PUT", PATH, {**registry_body(), "tags": {"a": "b" * 256}})
    for method, body in (("PUT", registry_body()), ("PATCH", {})):
        status, error = azure.error(method, PATH, {**body, "tags": {"a": "b" * 257}})
        assert (status, error["code"]) == (400, "InvalidTagValueLength")
    assert azure.get(PATH)["tags"] == {"a": "b" * 256}


def test_put_resets_what_it_does_not_name(azure):
    policies = {"exportPolicy": {"status": "disabled"}}
    rules = {"defaultAction": "Deny"}
    closed = {"publicNetworkAccess": "Disabled", "networkRuleSet": rules}
    azure.registry(adminUserEnabled=True, zoneRedundancy="Enabled", policies=policies, **closed)
    assert azure.get(PATH)["properties"]["policies"]["exportPolicy"]["status"] == "disabled"
    azure.registry()
    shown = azure.get(PATH)["properties"]
    assert shown["policies"]["exportPolicy"]["status"] == "enabled"
    assert (shown["adminUserEnabled"], shown["networkRuleSet"]["defaultAction"]) == (False, "Allow")
    assert shown["zoneRedundancy"] == "Enabled"


@pytest.mark.parametrize(
    "feature",
    [
        {"publicNetworkAccess": "Disabled"},
        {"networkRuleSet": {"defaultAction": "Deny", "ipRules": []}},
        {"zoneRedundancy": "Enabled"},
        {"dataEndpointEnabled": True},
    ],
)
def test_premium_features(azure, feature):
    assert azure.error("PUT", PATH, registry_body(sku="Standard", **feature))[0] == 400
    azure.registry(**feature)


def test_fields_of_api_versions(azure):
    azure.registry()
    stable = azure.get(f"{PATH}?api-version=2025-04-01")["properties"]
    assert "metadataSearch" not in stable
    assert "softDeletePolicy" not in stable["policies"]
    assert "azureADAuthenticationAsArmPolicy" in stable["policies"]
    assert "anonymousPullEnabled" not in azure.get(f"{PATH}?api-version=2023-07-01")["properties"]
    assert azure.get(f"{PATH}?api-version=2026-09-01-preview")["properties"]["roleAssignmentMode"]


def test_deletion(azure):
    azure.ok("PUT", PATH, registry_body() | {"identity": {"type": "SystemAssigned"}})
    principal = azure.get(PATH)["identity"]["principalId"]
    assert azure.send("DELETE", PATH).status == 200
    assert azure.send("DELETE", PATH).status == 204
    assert principal not in azure.world.principals
    assert azure.error("GET", PATH)[1]["code"] == "ResourceNotFound"


def test_who_may_not(azure):
    azure.registry()
    reader = azure.principal(READER)
    for method, body in [("PUT", registry_body()), ("PATCH", {}), ("DELETE", None)]:
        assert azure.error(method, PATH, body, as_=reader)[1]["code"] == "AuthorizationFailed"


class TestIdentities:
    def attach(self, azure: Azure, *identities: dict, kind: str = "UserAssigned", **more):
        named = {identity["id"]: {} for identity in identities}
        body = {"identity": {"type": kind, **({"userAssignedIdentities": named} if named else {})}}
        return azure.send("PATCH", PATH, body, **more)

    def test_attach_and_detach(self, azure):
        azure.registry()
        first, second = azure.identity("id1"), azure.identity("id2")
        assert self.attach(azure, first).status == 201
        self.attach(azure, second, kind="SystemAssigned, UserAssigned")
        shown = azure.get(PATH)["identity"]
        assert shown["type"] == "systemAssigned, userAssigned"
        assert shown["principalId"] in azure.world.principals
        assert {one["clientId"] for one in shown["userAssignedIdentities"].values()} == {
            first["clientId"],
            second["clientId"],
        }
        gone = {"identity": {"type": "UserAssigned", "userAssignedIdentities": {first["id"]: None}}}
        azure.ok("PATCH", PATH, gone)
        left = azure.get(PATH)["identity"]
        assert list(left["userAssignedIdentities"]) == [second["id"]]
        assert "principalId" not in left
        assert shown["principalId"] not in azure.world.principals
        azure.ok("PUT", PATH, registry_body() | {"identity": {"type": "None"}})
        assert "identity" not in azure.get(PATH)

    def test_the_right_to_assign(self, azure):
        azure.registry()
        identity = azure.identity()
        narrow = azure.principal(CONTRIBUTOR, PATH)
        error = self.attach(azure, identity, as_=narrow).body["error"]
        assert error["code"] == "LinkedAuthorizationFailed"
        assert "'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked" in error["message"]
        assert self.attach(azure, identity, as_=azure.principal(CONTRIBUTOR)).status == 201

    def test_an_identity_that_does_not_exist(self, azure):
        azure.registry()
        identity = azure.identity()
        azure.ok("DELETE", f"{identity['id']}?api-version=2024-11-30")
        reply = self.attach(azure, identity)
        assert (reply.status, reply.body["error"]["code"]) == (400, "FailedIdentityOperation")

    def test_a_silent_put_keeps_them(self, azure):
        azure.registry(identity=azure.identity())
        azure.registry()
        assert azure.get(PATH)["identity"]["type"] == "userAssigned"
