"""What lies below a registry: what is common to all, and what is particular about each kind."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.registry.connections import add_listed, add_private_endpoint
from sandbox.registry.record import named_registry
from sandbox.registry.seeding import seed_content
from tests.harness.in_process_azure import GROUP, Azure
from tests.harness.in_process_scene import PATH
from tests.harness.registry_client import RegistryClient

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
HOOK = f"{PATH}/webhooks/webhook1"
MAP, TOKEN = f"{PATH}/scopeMaps/scope-map", f"{PATH}/tokens/some-token"
RULE, SET = f"{PATH}/cacheRules/rule1", f"{PATH}/credentialSets/creds1"
EAST = f"{PATH}/replications/eastus"
SECRET = "https://vault1.vault.azure.net/secrets/name"
HOOK_BODY = {"location": "westus", "properties": {"serviceUri": "https://example.com/hook", "actions": ["push"]}}
MAP_BODY = {"properties": {"actions": ["repositories/app/web/content/read"], "description": "of the web"}}
TOKEN_BODY = {"properties": {"scopeMapId": MAP, "status": "enabled"}}
RULE_BODY = {"properties": {"sourceRepository": "mcr.microsoft.com/hello", "targetRepository": "hello"}}
CREDENTIAL = {"name": "Credential1", "usernameSecretIdentifier": SECRET, "passwordSecretIdentifier": f"{SECRET}2"}
SET_BODY = {
    "identity": {"type": "SystemAssigned"},
    "properties": {"loginServer": "docker.io", "authCredentials": [CREDENTIAL]},
}
EAST_BODY = {"location": "eastus", "tags": {"a": "b"}, "properties": {"zoneRedundancy": "Disabled"}}
SOFT = {"properties": {"policies": {"softDeletePolicy": {"status": "enabled"}}}}
PREVIEW = "?api-version=2026-03-01-preview"
ALL = [(HOOK, HOOK_BODY), (MAP, MAP_BODY), (TOKEN, TOKEN_BODY), (RULE, RULE_BODY), (SET, SET_BODY), (EAST, EAST_BODY)]


@pytest.fixture
def azure() -> Azure:
    azure = Azure()
    azure.registry()
    return azure


def names(azure: Azure, kind: str) -> list[str]:
    return [each["name"] for each in azure.get(f"{PATH}/{kind}")["value"]]


def changed(body: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return body | {"properties": body["properties"] | properties}


class TestAllKinds:
    def make(self, azure: Azure, path: str, body: dict[str, Any]) -> dict[str, Any]:
        if path == TOKEN:
            azure.ok("PUT", MAP, MAP_BODY)
        return azure.ok("PUT", path, body)

    @pytest.mark.parametrize(("path", "body"), ALL)
    def test_are_made_read_listed_and_deleted(self, azure, path, body):
        kind, name = path.split("/")[-2:]
        assert azure.error("GET", path) == (
            404,
            {"code": "ResourceNotFound", "message": f"The resource {name} could not be found."},
        )
        self.make(azure, path, body)
        shown = azure.get(path)
        assert (shown["id"], shown["name"]) == (path, name)
        assert shown["type"] == f"Microsoft.ContainerRegistry/registries/{kind}"
        assert shown["properties"]["provisioningState"] == "Succeeded"
        assert name in names(azure, kind)
        assert azure.send("DELETE", path).status in (200, 202)
        assert azure.send("GET", path).status == 404
        assert azure.send("DELETE", path).status == 204

    @pytest.mark.parametrize(("path", "body"), ALL)
    def test_take_rights(self, azure, path, body):
        self.make(azure, path, body)
        reader = azure.principal(READER)
        assert azure.send("GET", path, as_=reader).status == 200
        for method, sent in (("PUT", body), ("PATCH", body), ("DELETE", None)):
            assert azure.error(method, path, sent, as_=reader)[1]["code"] == "AuthorizationFailed"
        nobody = azure.principal()
        for at in (path, path.rpartition("/")[0]):
            assert azure.send("GET", at, as_=nobody).status == 403

    @pytest.mark.parametrize(("path", "body"), ALL)
    def test_go_with_their_registry(self, azure, path, body):
        self.make(azure, path, body)
        azure.ok("DELETE", PATH)
        assert azure.world.parts == {}
        assert azure.error("GET", path)[1]["code"] == "ResourceNotFound"
        assert azure.error("PUT", path, body)[0] == 404

    @pytest.mark.parametrize(("path", "body"), ALL)
    def test_names(self, azure, path, body):
        wrong = f"{path.rpartition('/')[0]}/x_"
        assert azure.error("PUT", wrong, body)[1]["code"] == "InvalidResourceName"
        assert azure.error("PATCH", wrong, body)[0] == 404

    @pytest.mark.parametrize("path", [TOKEN, EAST, RULE, SET])
    def test_operations(self, azure, path):
        azure.world.settings = azure.world.settings.with_changes(part_seconds=10.0)
        body = dict(ALL)[path]
        if path == TOKEN:
            azure.ok("PUT", MAP, MAP_BODY)
        begun = azure.send("PUT", path, body)
        assert (begun.status, begun.body["properties"]["provisioningState"]) == (201, "Creating")
        url = begun.headers["Azure-AsyncOperation"]
        assert url.startswith(f"https://management.azure.com{path}/operationStatuses/")
        assert (azure.get(url)["status"], azure.get(path)["properties"]["provisioningState"]) == ("Creating",) * 2
        azure.advance(11)
        assert (azure.get(url)["status"], azure.get(path)["properties"]["provisioningState"]) == ("Succeeded",) * 2
        gone = azure.send("DELETE", path)
        assert (gone.status, azure.send("GET", gone.headers["Location"]).status) == (202, 202)
        azure.advance(11)
        assert azure.send("GET", gone.headers["Location"]).status == 200

    def test_tracked_ones_are_in_the_list_of_resources(self, azure):
        for path, body in ALL:
            azure.ok("PUT", path, body)
        listed = {each["name"]: each for each in azure.get(f"{GROUP}/resources?api-version=2024-11-01")["value"]}
        assert {"registry1", "registry1/webhook1", "registry1/eastus"} <= set(listed)
        assert "registry1/scope-map" not in listed
        assert listed["registry1/eastus"]["tags"] == {"a": "b"}

    def test_api_versions(self, azure):
        code = azure.error("GET", f"{PATH}/cacheRules?api-version=2019-05-01")[1]["code"]
        assert code == "InvalidResourceType"


class TestWebhooks:
    def test_never_tell_url_and_headers_but_when_asked_for(self, azure):
        body = changed(HOOK_BODY, customHeaders={"Authorization": "secret"}, scope="app:*", status="disabled")
        made = azure.ok("PUT", HOOK, body)
        assert made["properties"] == {
            "status": "disabled",
            "scope": "app:*",
            "actions": ["push"],
            "provisioningState": "Succeeded",
        }
        config = azure.ok("POST", f"{HOOK}/getCallbackConfig")
        assert config == {"serviceUri": "https://example.com/hook", "customHeaders": {"Authorization": "secret"}}
        assert azure.send("POST", f"{HOOK}/getCallbackConfig", as_=azure.principal(READER)).status == 403

    def test_a_patch_keeps_what_it_does_not_name(self, azure):
        azure.ok("PUT", HOOK, changed(HOOK_BODY, customHeaders={"a": "b"}))
        azure.ok("PATCH", HOOK, {"properties": {"status": "disabled"}})
        assert azure.get(HOOK)["properties"]["status"] == "disabled"
        assert azure.ok("POST", f"{HOOK}/getCallbackConfig")["customHeaders"] == {"a": "b"}
        assert azure.ok("POST", f"{HOOK}/ping")["id"]
        assert azure.ok("POST", f"{HOOK}/listEvents") == {"value": []}

    @pytest.mark.parametrize(
        "body",
        [
            changed(HOOK_BODY, serviceUri="ftp://example.com"),
            changed(HOOK_BODY, serviceUri=None),
            changed(HOOK_BODY, actions=[]),
            changed(HOOK_BODY, actions=["pull"]),
            changed(HOOK_BODY, status="on"),
            HOOK_BODY | {"location": "eastus"},
        ],
    )
    def test_mistakes(self, azure, body):
        assert azure.error("PUT", HOOK, body)[0] == 400

    def test_in_the_region_of_a_replication(self, azure):
        azure.ok("PUT", EAST, EAST_BODY)
        assert azure.ok("PUT", HOOK, HOOK_BODY | {"location": "East US"})["location"] == "eastus"

    def test_as_many_as_the_tier_has(self, azure):
        azure.registry("registry2", sku="Basic")
        path = PATH.replace("registry1", "registry2")
        for number in range(2):
            azure.ok("PUT", f"{path}/webhooks/webhook{number}", HOOK_BODY)
        assert azure.error("PUT", f"{path}/webhooks/webhook9", HOOK_BODY)[1]["code"] == "QuotaExceeded"


class TestReplications:
    def test_the_home_region_is_one(self, azure):
        azure.ok("PUT", EAST, EAST_BODY)
        assert names(azure, "replications") == ["eastus", "westus"]
        assert azure.error("DELETE", f"{PATH}/replications/westus")[0] == 400

    @pytest.mark.parametrize("location", ["westus", "eastus"])
    def test_a_region_has_one(self, azure, location):
        azure.ok("PUT", EAST, EAST_BODY)
        assert azure.error("PUT", f"{PATH}/replications/another", {"location": location})[0] == 409

    def test_zone_redundancy_stays(self, azure):
        azure.ok("PUT", EAST, EAST_BODY)
        assert azure.error("PUT", EAST, changed(EAST_BODY, zoneRedundancy="Enabled"))[0] == 400
        assert azure.error("PUT", EAST, EAST_BODY | {"location": "westus2"})[0] == 409
        azure.ok("PATCH", EAST, {"properties": {"regionEndpointEnabled": False}})
        assert azure.get(EAST)["properties"]["regionEndpointEnabled"] is False

    def test_one_that_was_deleted_is_not_made_again_for_a_while(self, azure):
        azure.ok("PUT", EAST, EAST_BODY)
        azure.ok("DELETE", EAST)
        assert azure.error("PUT", EAST, EAST_BODY)[0] == 409
        azure.advance(3601)
        azure.ok("PUT", EAST, EAST_BODY)

    def test_only_in_premium(self, azure):
        azure.registry("registry2", sku="Standard")
        path = PATH.replace("registry1", "registry2")
        assert azure.error("PUT", f"{path}/replications/eastus", EAST_BODY)[1]["code"] == "FeatureNotSupported"
        assert azure.get(f"{path}/replications")["value"] == []


class TestScopeMaps:
    def test_those_of_the_system_stay(self, azure):
        azure.ok("PUT", MAP, MAP_BODY)
        own = [each for each in azure.get(f"{PATH}/scopeMaps")["value"] if each["properties"]["type"] == "UserDefined"]
        assert [each["name"] for each in own] == ["scope-map"]
        assert own[0]["properties"]["description"] == "of the web"
        assert "_repositories_admin" in names(azure, "scopeMaps")
        for method, body in (("PUT", MAP_BODY), ("DELETE", None)):
            assert azure.error(method, f"{PATH}/scopeMaps/_repositories_pull", body)[0] == 400

    @pytest.mark.parametrize(
        "actions", [[], ["content/read"], ["repositories/a*b/content/read"], ["repositories/a/metadata/delete"]]
    )
    def test_actions(self, azure, actions):
        assert azure.error("PUT", MAP, changed(MAP_BODY, actions=actions))[0] == 400


class TestTokens:
    @pytest.fixture(autouse=True)
    def _token(self, azure):
        azure.ok("PUT", MAP, MAP_BODY)
        azure.ok("PUT", TOKEN, TOKEN_BODY)
        seed_content(azure.world, named_registry(azure.world, "registry1"), images=1, names=["app/web", "other"])

    def generate(self, azure: Azure, **body: Any) -> list[dict[str, Any]]:
        made = azure.ok("POST", f"{PATH}/generateCredentials", {"tokenId": TOKEN, **body})
        assert made["username"] == "some-token"
        return made["passwords"]

    def pulls(self, azure: Azure, password: str, repository: str = "app/web") -> int:
        """The status of a pull with a password."""
        client = RegistryClient(azure)
        form = {"grant_type": "password", "service": client.host, "username": "some-token", "password": password}
        asked = client.send("POST", "/oauth2/token", form | {"scope": f"repository:{repository}:pull,push"})
        if asked.status != 200:
            return asked.status
        return client.send("GET", f"/v2/{repository}/manifests/v1", token=asked.body["access_token"]).status

    def test_passwords_are_shown_once_and_open_what_the_scope_map_says(self, azure):
        first, second = self.generate(azure)
        assert azure.get(TOKEN)["properties"]["credentials"]["passwords"] == [
            {name: each[name] for name in ("creationTime", "name")} for each in (first, second)
        ]
        assert self.pulls(azure, first["value"]) == self.pulls(azure, second["value"]) == 200
        assert self.pulls(azure, first["value"], "other") == 401
        assert self.pulls(azure, "wrong") == 401
        azure.ok("PATCH", TOKEN, {"properties": {"status": "disabled"}})
        assert self.pulls(azure, first["value"]) == 401

    def test_a_new_one_replaces_the_old_and_may_take_a_while(self, azure):
        (old,) = self.generate(azure, name="password1")
        azure.world.settings = azure.world.settings.with_changes(token_password_seconds=60.0)
        (new,) = self.generate(azure, name="password1")
        assert (self.pulls(azure, old["value"]), self.pulls(azure, new["value"])) == (401, 401)
        azure.advance(61)
        assert self.pulls(azure, new["value"]) == 200

    def test_expire(self, azure):
        (past,) = self.generate(azure, name="password2", expiry="2020-01-01T00:00:00Z")
        assert self.pulls(azure, past["value"]) == 401
        assert past["expiry"] == "2020-01-01T00:00:00Z"

    def test_the_scope_map_is_one_of_the_registry(self, azure):
        azure.registry("registry2")
        elsewhere = TOKEN.replace("registry1", "registry2")
        assert azure.error("PUT", elsewhere, TOKEN_BODY)[0] == 400
        system = changed(TOKEN_BODY, scopeMapId=f"{PATH}/scopeMaps/_repositories_pull")
        azure.ok("PUT", TOKEN, system)
        (password, _) = self.generate(azure)
        assert self.pulls(azure, password["value"], "other") == 200

    def test_mistakes(self, azure):
        for body in ({"tokenId": MAP}, {"tokenId": TOKEN, "name": "password3"}, {}):
            assert azure.error("POST", f"{PATH}/generateCredentials", body)[0] == 400
        assert azure.error("PUT", TOKEN, changed(TOKEN_BODY, status="on"))[0] == 400


class TestArtifactCache:
    def test_a_rule_with_credentials(self, azure):
        made = azure.ok("PUT", SET, SET_BODY)
        assert made["identity"]["principalId"] in azure.world.principals
        assert azure.ok("PUT", SET, SET_BODY)["identity"] == made["identity"]
        rule = azure.ok("PUT", RULE, changed(RULE_BODY, credentialSetResourceId=SET))
        assert rule["properties"]["credentialSetResourceId"] == SET
        azure.ok("DELETE", SET)
        assert made["identity"]["principalId"] not in azure.world.principals

    @pytest.mark.parametrize(
        "body",
        [
            changed(RULE_BODY, credentialSetResourceId=f"{PATH}/credentialSets/nothing"),
            changed(RULE_BODY, sourceRepository="library/hello"),
            changed(RULE_BODY, targetRepository=None),
        ],
    )
    def test_mistakes_in_rules(self, azure, body):
        assert azure.error("PUT", RULE, body)[0] == 400

    def test_what_a_rule_says_stays(self, azure):
        azure.ok("PUT", RULE, RULE_BODY)
        assert azure.error("PUT", RULE, changed(RULE_BODY, sourceRepository="docker.io/library/hello"))[0] == 400
        assert azure.error("PUT", f"{PATH}/cacheRules/rule2", RULE_BODY)[0] == 409

    @pytest.mark.parametrize(("allowed", "status"), [(True, 201), (False, 409)])
    def test_over_a_repository_that_exists(self, azure, allowed, status):
        azure.world.settings = azure.world.settings.with_changes(cache_rule_over_repository=allowed)
        seed_content(azure.world, named_registry(azure.world, "registry1"), images=1, names=["hello"])
        assert azure.send("PUT", RULE, RULE_BODY).status == status

    @pytest.mark.parametrize(
        "body",
        [
            changed(SET_BODY, loginServer=None),
            changed(SET_BODY, authCredentials=[]),
            changed(SET_BODY, authCredentials=[CREDENTIAL | {"passwordSecretIdentifier": "https://example.com"}]),
        ],
    )
    def test_mistakes_in_credential_sets(self, azure, body):
        assert azure.error("PUT", SET, body)[0] == 400


class TestSoftDelete:
    @pytest.mark.parametrize(("path", "body"), [(EAST, EAST_BODY), (RULE, RULE_BODY)])
    def test_excludes_replications_and_cache_rules(self, azure, path, body):
        azure.ok("PUT", path, body)
        assert azure.error("PATCH", f"{PATH}{PREVIEW}", SOFT)[0] == 400
        azure.ok("DELETE", path)
        azure.ok("PATCH", f"{PATH}{PREVIEW}", SOFT)
        azure.advance(3601)
        assert azure.error("PUT", path, body)[0] == 400

    def test_excludes_retention(self, azure):
        both = {"properties": {"policies": SOFT["properties"]["policies"] | {"retentionPolicy": {"status": "enabled"}}}}
        assert azure.error("PATCH", f"{PATH}{PREVIEW}", both)[0] == 400


class TestConnections:
    def test_are_lists(self, azure):
        registry = named_registry(azure.world, "registry1")
        endpoint = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/pe1"
        connection = add_private_endpoint(azure.world, registry, endpoint)
        assert azure.get(connection)["properties"]["privateEndpoint"]["id"] == endpoint
        (shown,) = azure.get(PATH)["properties"]["privateEndpointConnections"]
        assert shown["id"] == connection
        for kind, version in (("connectedRegistries", "2025-11-01"), ("tasks", "2019-04-01")):
            one = f"{PATH}/{kind}/one"
            assert add_listed(azure.world, registry, kind, "one", {"mode": "x"}) == one
            assert [each["id"] for each in azure.get(f"{PATH}/{kind}?api-version={version}")["value"]] == [one]
            assert azure.get(f"{one}?api-version={version}")["properties"]["mode"] == "x"
            assert azure.send("PUT", f"{PATH}/{kind}/two?api-version={version}", {}).status == 404
        with pytest.raises(ValueError, match="webhooks"):
            add_listed(azure.world, registry, "webhooks", "one", {})
