"""The data plane of a registry: tokens, rights, the firewall, and the catalogue."""

from __future__ import annotations

import time
from typing import Any

import pytest

from sandbox.core.web import Reply
from sandbox.entra import tokens
from sandbox.server.tampering import add_repositories, change_registry
from tests.harness.in_process_azure import ARM, VAULT_AUDIENCE, Azure
from tests.harness.in_process_scene import PATH, Scene
from tests.harness.registry_client import CATALOG, RegistryClient

HOST = "registry1.azurecr.io"
PULL, PUSH = "repository:app/web:pull", "repository:app/web:pull,push"
ABAC = {"roleAssignmentMode": "AbacRepositoryPermissions"}
ADDRESS = "198.51.100.7"


class Client(RegistryClient):
    def may(self) -> str:
        """What tokens are good for: "c" is the catalogue, "l" pulling ("load"), "w" pushing; "-" is no token at all."""
        if self.exchange().status == 401:
            return "-"
        catalog = self.catalog().status
        assert catalog in (200, 401)
        granted = tokens.claims(self.token(PUSH))["access"][0]["actions"]
        allowed = {"c": catalog == 200, "l": "pull" in granted, "w": "push" in granted}
        return "".join(letter for letter, may in allowed.items() if may)


@pytest.fixture
def azure() -> Azure:
    azure = Azure()
    azure.registry()
    add_repositories(azure.world, "registry1", ["app/web"])
    return azure


def role(azure: Azure, name: str) -> str:
    return next(guid for guid, role in azure.world.role_definitions.items() if role["roleName"] == name)


def error(reply: Reply) -> tuple[int, dict[str, Any]]:
    return reply.status, reply.body["errors"][0]


def test_the_challenge_is_as_recorded(azure):
    reply = Client(azure).send("GET", "/v2/")
    message = "authentication required, visit https://aka.ms/acr/authorization for more information."
    assert error(reply) == (401, {"code": "UNAUTHORIZED", "message": message, "detail": None})
    assert reply.headers["Www-Authenticate"] == f'Bearer realm="https://{HOST}/oauth2/token",service="{HOST}"'
    assert reply.headers["docker-distribution-api-version"] == "registry/2.0"


def test_claims_of_tokens_are_those_recorded(azure):
    refresh = tokens.claims(Client(azure).exchange().body["refresh_token"])
    access = tokens.claims(Client(azure).token(PUSH))
    assert (refresh["grant_type"], refresh["exp"] - refresh["iat"]) == ("refresh_token", 11_700)
    assert (access["grant_type"], access["exp"] - access["iat"]) == ("access_token", 4_500)
    assert (access["aud"], access["iss"]) == (HOST, "Azure Container Registry")
    assert access["access"] == [{"type": "repository", "name": "app/web", "actions": ["pull", "push"]}]


def test_a_token_for_several_repositories(azure):
    client = Client(azure)
    token = client.token("repository:app/web:metadata_read repository:other:pull,metadata_read")
    assert [entry["name"] for entry in tokens.claims(token)["access"]] == ["app/web", "other"]
    assert client.send("GET", "/acr/v1/app/web/_tags", token=token).status == 200
    assert client.send("GET", "/v2/app/web/manifests/v1", token=token).status == 401


def test_several_scopes_may_be_refused_or_cut(azure):
    client, both = Client(azure), f"{PULL} repository:other:pull"
    azure.world.settings = azure.world.settings.with_changes(registry_scopes="refused")
    assert (client.access(both).status, client.access(PULL).status) == (400, 200)
    azure.world.settings = azure.world.settings.with_changes(registry_scopes="first")
    assert [entry["name"] for entry in tokens.claims(client.token(both))["access"]] == ["app/web"]


def test_a_challenge_names_what_is_missing(azure):
    client, path = Client(azure), "/v2/app/web/manifests/v1"
    missing = ',scope="repository:app/web:pull"'
    assert client.send("GET", path).headers["Www-Authenticate"].endswith(missing)
    other = client.send("GET", path, token=client.token(CATALOG))
    assert other.headers["Www-Authenticate"].endswith(f'{missing},error="insufficient_scope"')


def test_all_actions_of_a_repository(azure):
    granted = tokens.claims(Client(azure).token("repository:app/web:*"))["access"][0]["actions"]
    assert {"pull", "push", "delete", "metadata_read", "metadata_write"} <= set(granted)


def test_access_tokens_expire(azure, monkeypatch):
    azure.world.settings = azure.world.settings.with_changes(registry_token_seconds=60)
    client = Client(azure)
    token = client.token(PULL)
    assert client.send("GET", "/v2/app/web/manifests/v1", token=token).status == 200
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    assert client.send("GET", "/v2/app/web/manifests/v1", token=token).status == 401


class TestRights:
    @pytest.mark.parametrize(
        ("name", "may"),
        [
            ("Owner", "clw"),
            ("Contributor", "clw"),
            ("Reader", "cl"),
            ("AcrPull", "cl"),
            ("AcrPush", "clw"),
            ("Container Registry Repository Reader", "-"),
            ("Container Registry Repository Catalog Lister", "-"),
            ("Key Vault Administrator", "-"),
        ],
    )
    def test_by_roles_of_the_registry(self, azure, name, may):
        assert Client(azure, azure.principal(role(azure, name), PATH)).may() == may

    @pytest.mark.parametrize(
        ("name", "may"),
        [
            ("Owner", "-"),
            ("AcrPull", "-"),
            ("Container Registry Repository Catalog Lister", "c"),
            ("Container Registry Repository Reader", "l"),
            ("Container Registry Repository Writer", "lw"),
        ],
    )
    def test_by_repository_permissions(self, azure, name, may):
        azure.ok("PATCH", PATH, {"properties": ABAC})
        assert Client(azure, azure.principal(role(azure, name), PATH)).may() == may

    def test_a_token_has_only_the_actions_that_are_granted(self, azure):
        puller = Client(azure, azure.principal(role(azure, "AcrPull"), PATH))
        assert tokens.claims(puller.token(PUSH))["access"][0]["actions"] == ["pull"]


class TestTokens:
    def test_of_the_vaults_audience_is_refused(self, azure):
        assert Client(azure, audience=VAULT_AUDIENCE).exchange().status == 401

    def test_of_resource_manager_is_taken_unless_shut_out(self, azure):
        client = Client(azure, audience="https://management.core.windows.net/")
        assert client.exchange().status == 200
        policy = {"policies": {"azureADAuthenticationAsArmPolicy": {"status": "disabled"}}}
        azure.ok("PATCH", PATH, {"properties": policy})
        assert client.exchange().status == 401
        assert Client(azure).exchange().status == 200

    @pytest.mark.parametrize(
        "form", [{"service": "other.azurecr.io"}, {"grant_type": "password"}, {"access_token": ""}]
    )
    def test_the_form_must_be_for_this_registry(self, azure, form):
        assert Client(azure).exchange(**form).status == 401

    def test_those_of_another_registry_are_refused(self, azure):
        azure.registry("registry2")
        other = Client(azure, host="registry2.azurecr.io")
        foreign = other.exchange().body["refresh_token"]
        assert Client(azure).access(PULL, foreign).status == 401
        assert Client(azure).send("GET", "/acr/v1/_catalog", token=other.token(CATALOG)).status == 401

    def test_each_is_for_its_purpose(self, azure):
        client = Client(azure)
        refresh, pull = client.exchange().body["refresh_token"], client.token(PULL)
        for token in ("", refresh, pull):
            assert client.send("GET", "/acr/v1/_catalog", token=token).status == 401
        assert client.access(PULL, pull).status == 401
        assert client.access("nonsense").status == 400

    def test_they_open_nothing_else(self, azure):
        headers = {"authorization": f"Bearer {Client(azure).token(CATALOG)}"}
        assert azure.send("GET", f"{ARM}{PATH}", token=False, headers=headers).status == 401


class TestCatalog:
    def test_in_pages(self, azure):
        add_repositories(azure.world, "registry1", ["b", "a", "c"])
        first = Client(azure).catalog("?n=3")
        assert first.body == {"repositories": ["a", "app/web", "b"]}
        assert first.headers["Link"] == '</acr/v1/_catalog?last=b&n=3&orderby=>; rel="next"'
        second = Client(azure).catalog("?n=3&last=b")
        assert (second.body, "Link" in second.headers) == ({"repositories": ["c"]}, False)

    def test_by_its_older_path(self, azure):
        client = Client(azure)
        assert client.send("GET", "/v2/_catalog", token=client.token(CATALOG)).body == {"repositories": ["app/web"]}

    def test_of_an_empty_registry(self, azure):
        azure.registry("registry2")
        assert Client(azure, host="registry2.azurecr.io").catalog().body == {"repositories": None}

    def test_a_registry_that_is_not_there(self, azure):
        assert Client(azure, host="nowhere.azurecr.io").send("GET", "/v2/").status == 404


class TestFirewall:
    @pytest.mark.parametrize(
        ("closed", "status"),
        [
            ({"publicNetworkAccess": "Disabled"}, 403),
            ({"networkRuleSet": {"defaultAction": "Deny"}}, 403),
            ({"networkRuleSet": {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.0/24"}]}}, 403),
            ({"networkRuleSet": {"defaultAction": "Deny", "ipRules": [{"value": f"{ADDRESS}/32"}]}}, 200),
        ],
    )
    def test_holds_for_everything(self, azure, closed, status):
        client = Client(azure)
        token = client.token(CATALOG)
        azure.ok("PATCH", PATH, {"properties": closed})
        assert client.send("GET", "/v2/").status == (401 if status == 200 else 403)
        assert client.exchange().status == status
        reply = client.send("GET", "/acr/v1/_catalog", token=token)
        assert reply.status == status
        if status == 403:
            message = (
                f"client with IP '{ADDRESS}' is not allowed access. Refer https://aka.ms/acr/firewall to grant access."
            )
            assert error(reply)[1] == {"code": "DENIED", "message": message, "detail": None}


def test_a_registry_that_cannot_open_its_data_shows_none():
    scene = Scene()
    add_repositories(scene.world, "registry1", ["app/web"])
    client = Client(scene.azure)
    assert client.catalog().status == 200
    scene.world.role_assignments.pop(scene.grant.id.lower())
    assert client.catalog().status == 403


def test_a_login_server_of_another_name(azure):
    change_registry(azure.world, "registry1", login_server="registry1-a1b2c3.azurecr.io")
    assert azure.get(PATH)["properties"]["loginServer"] == "registry1-a1b2c3.azurecr.io"
    assert Client(azure, host="registry1-a1b2c3.azurecr.io").catalog().status == 200
    assert Client(azure).send("GET", "/v2/").status == 404


def test_mistakes_in_tests(azure):
    with pytest.raises(ValueError, match="nowhere"):
        add_repositories(azure.world, "nowhere", ["a"])
