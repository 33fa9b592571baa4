"""Signing in with a name and a password, or with neither."""

from __future__ import annotations

import base64

import pytest

from sandbox.core.web import Reply
from sandbox.entra import tokens
from sandbox.registry.record import named_registry
from sandbox.registry.seeding import seed_content
from tests.harness.in_process_azure import Azure
from tests.harness.in_process_scene import PATH
from tests.harness.registry_client import RegistryClient

SCOPE = "repository:app/web:pull,push"


@pytest.fixture
def azure() -> Azure:
    azure = Azure()
    azure.registry()
    seed_content(azure.world, named_registry(azure.world, "registry1"), images=1, names=["app/web"])
    return azure


def ask(azure: Azure, name: str = "", password: str = "") -> Reply:
    """What a Docker client asks for."""
    client = RegistryClient(azure)
    header = f"Basic {base64.b64encode(f'{name}:{password}'.encode()).decode()}"
    return client.send(
        "GET", f"/oauth2/token?service={client.host}&scope={SCOPE}", headers={"authorization": header} if name else {}
    )


def granted(reply: Reply) -> list[str]:
    assert reply.status == 200, reply
    return tokens.claims(reply.body["access_token"])["access"][0]["actions"]


def test_the_admin_user(azure):
    assert azure.error("POST", f"{PATH}/listCredentials")[0] == 400
    azure.ok("PATCH", PATH, {"properties": {"adminUserEnabled": True}})
    credentials = azure.ok("POST", f"{PATH}/listCredentials")
    assert credentials["username"] == "registry1"
    one, two = [each["value"] for each in credentials["passwords"]]
    assert one != two
    assert granted(ask(azure, "registry1", two)) == ["pull", "push"]
    assert ask(azure, "registry1", "wrong").status == 401
    azure.ok("PATCH", PATH, {"properties": {"adminUserEnabled": False}})
    assert ask(azure, "registry1", one).status == 401


def test_a_refresh_token_as_the_password(azure):
    nobody = "00000000-0000-0000-0000-000000000000"
    refresh = RegistryClient(azure).exchange().body["refresh_token"]
    assert granted(ask(azure, nobody, refresh)) == ["pull", "push"]
    assert ask(azure, nobody, "wrong").status == 401


def test_everybody_may_pull_where_that_is_enabled(azure):
    assert ask(azure).status == 401
    azure.ok("PATCH", PATH, {"properties": {"anonymousPullEnabled": True}})
    reply = ask(azure)
    assert granted(reply) == ["pull"]
    client = RegistryClient(azure)
    assert client.send("GET", "/v2/app/web/manifests/v1", token=reply.body["access_token"]).status == 200


def test_a_token_that_is_good_is_told_so(azure):
    client = RegistryClient(azure)
    assert client.send("GET", "/v2/", token=client.token(SCOPE)).status == 200


def test_a_header_that_is_none(azure):
    client = RegistryClient(azure)
    path = f"/oauth2/token?service={client.host}&scope={SCOPE}"
    assert client.send("GET", path, headers={"authorization": "Basic ?"}).status == 401
