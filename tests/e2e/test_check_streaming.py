"""Artifact streaming, which `check` looks for in the registry itself: what it sees, what not, and whom it asks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.scene import OTHER_REGISTRY, Scene
from tests.e2e.seed import LOCATION, REGISTRY

CHECK = "acr cmk check -n myregistry -g rg"
HOST = "myregistry.azurecr.io"
TAKES = f"It takes the permission 'Microsoft.ContainerRegistry/registries/pull/read' on {REGISTRY}, or with ABAC "


@pytest.fixture
def scene(azure, seed) -> Scene:
    """An encrypted registry with repositories, one of which has artifact streaming on."""
    scene = Scene(azure, seed).encrypt()
    azure.add_repositories("myregistry", "app/web", "base")
    azure.add_repositories("myregistry", "stream", streaming=True)
    return scene


def found(result) -> dict[str, Any]:
    assert result.code in (0, 1), str(result)
    return next(row for row in json.loads(result.out) if row["code"] == "ArtifactStreaming")


def asked(azure, host: str = ".azurecr.io") -> list[str]:
    """The paths that were asked for at login servers."""
    return [entry["path"] for entry in azure.log() if entry["host"].endswith(host)]


def signed_in_to_registries(azure) -> bool:
    bodies = [entry["body"] for entry in azure.log() if entry["path"].endswith("/oauth2/v2.0/token")]
    return any("containerregistry" in body["scope"] for body in bodies)


def test_off_everywhere(az, azure, scene):
    az("acr artifact-streaming update -n myregistry --repository stream --enable-streaming false").ok()
    azure.clear_log()
    row = found(az(CHECK))
    assert (row["status"], row["message"]) == ("passed", "Artifact streaming is on in no repository; looked at: 3.")
    tokens = ["/oauth2/exchange", *["/oauth2/token"] * 4]
    streaming = [f"/acr/v1/{name}/_streaming" for name in ("app/web", "base", "stream")]
    assert sorted(asked(azure)) == sorted([*tokens, "/acr/v1/_catalog", *streaming])


def test_more_repositories_than_are_looked_at(az, azure, scene):
    azure.add_repositories("myregistry", *(f"many/{number:03}" for number in range(300)))
    row = found(az(CHECK))
    assert row["status"] == "unknown"
    assert "looked at: 200. Only the first 200 repositories are looked at" in row["message"]
    assert len([path for path in asked(azure) if path.endswith("/_streaming")]) == 200
    assert asked(azure).count("/acr/v1/_catalog") == 2


def test_a_repository_that_fails_is_named_and_the_others_are_judged(az, azure, scene):
    azure.fault("status", path=f"{HOST}/acr/v1/app/web/_streaming", status=429, times=9)
    row = found(az(CHECK))
    assert row["status"] == "failed"
    assert "is on in stream; " in row["message"]
    said = "It can't be seen in app/web: Operation returned an invalid status 'Too Many Requests'."
    assert f"{said} {TAKES}" in row["message"]


def test_a_repository_that_is_gone_by_now_is_off(az, azure, scene):
    azure.fault("status", path=f"{HOST}/acr/v1/stream/_streaming", status=404, times=9)
    assert found(az(CHECK))["status"] == "passed"


def test_without_the_right(az_as, scene):
    row = found(az_as(scene.reader_without("Microsoft.ContainerRegistry/registries/pull/read"))(CHECK))
    assert (row["status"], row["fix"]) == ("unknown", None)
    assert "can't be seen: authentication required, visit https://aka.ms/acr/authorization for more" in row["message"]
    assert TAKES in row["message"]


def test_behind_the_registrys_firewall(az, scene):
    scene.seed.patch(REGISTRY, {"properties": {"publicNetworkAccess": "Disabled"}})
    result = az(f"{CHECK} --fail-on warning")
    row = found(result)
    assert (row["status"], result.code) == ("unknown", 0)
    assert "client with IP '127.0.0.1' is not allowed access. Refer https://aka.ms/acr/firewall" in row["message"]
    assert TAKES in row["message"]


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "reset-before", "path": HOST},
        {"action": "status", "path": HOST, "status": 200, "body": "<html>Sign in to the network</html>"},
        {"action": "status", "path": HOST, "status": 200, "body": {}},
        {"action": "status", "path": "/acr/v1/_catalog", "status": 503},
        {"action": "status", "path": "/_streaming", "status": 200, "body": []},
        {"action": "status", "path": "/v2.0/token", "nth": 2, "status": 400, "body": {"error": "invalid_resource"}},
        {"action": "reset-before", "path": "/v2.0/token", "nth": 2},
    ],
    ids=[
        "no-path",
        "page-of-a-network",
        "no-token",
        "catalog",
        "streaming",
        "sign-in-refused",
        "sign-in-without-a-path",
    ],
)
def test_whatever_goes_wrong_there_leaves_the_rest_of_the_check_alone(az, azure, scene, fault):
    azure.fault(**{"times": 9, **fault})
    result = az(CHECK)
    assert (result.code, result.err) == (0, "")
    row = found(result)
    assert row["status"] == "unknown"
    assert row["message"].endswith("'Container Registry Repository Reader'.")
    assert [each["code"] for each in json.loads(result.out) if each["status"] == "unknown"] == ["ArtifactStreaming"]


def test_of_a_registry_whose_key_does_not_work(az, scene):
    scene.ungrant()
    result = az(CHECK)
    assert scene.pull() == 403
    assert (result.code, found(result)["status"]) == (1, "unknown")


class TestTokens:
    def test_go_to_the_login_server_that_the_registry_names(self, az, azure, scene):
        """Registries with a domain name label have a hash in it."""
        azure.change_registry("myregistry", login_server="myregistry-a1b2c3.azurecr.io")
        assert found(az(CHECK))["status"] == "failed"
        assert asked(azure, HOST) == []
        assert asked(azure, "myregistry-a1b2c3.azurecr.io")

    def test_go_to_no_host_outside_the_cloud(self, az, azure, scene):
        # The sandbox would answer for this host. The last two end as they should, and yet lead there.
        stolen = "stolen.vault.azure.net"
        for server in (stolen, f"{stolen}/x.azurecr.io", f"{stolen}#.azurecr.io"):
            azure.change_registry("myregistry", login_server=server)
            row = found(az(CHECK))
            assert row["status"] == "unknown"
            assert f"'{server}' is not a host of the cloud AzureCloud." in row["message"]
        assert not asked(azure, stolen)
        assert not signed_in_to_registries(azure)

    @pytest.mark.parametrize("path", ["/oauth2/exchange", "/oauth2/token", "/acr/v1/_catalog"])
    def test_follow_to_no_other_host(self, az, azure, scene, path):
        place = {"Location": f"https://stolen.vault.azure.net{path}"}
        azure.fault("status", path=f"{HOST}{path}", status=307, headers=place, times=9)
        assert found(az(CHECK))["status"] == "unknown"
        assert asked(azure)
        assert not asked(azure, "stolen.vault.azure.net")

    def test_are_in_no_log(self, az, scene):
        result = az(f"{CHECK} --debug")
        assert found(result)["status"] == "failed"
        assert "_streaming" in result.err
        assert "eyJ" not in result.err

    def test_are_asked_for_only_by_check_and_only_where_there_is_a_key(self, az, azure, scene):
        scene.seed.put(OTHER_REGISTRY, {"location": LOCATION, "sku": {"name": "Premium"}})
        az("acr cmk show -n myregistry -g rg").ok()
        assert "NotEncrypted" in az("acr cmk check -n otherregistry -g rg").out
        assert not asked(azure)
        assert not signed_in_to_registries(azure)


def test_the_cli_finds_what_the_sandbox_serves(az, azure, scene):
    """Its own commands, as it ships them: what is known of the data plane is known from them."""
    names = [f"many/{number:03}" for number in range(130)]
    azure.add_repositories("myregistry", *names)
    assert az("acr repository list -n myregistry").json() == ["app/web", "base", *names, "stream"]
    assert az("acr artifact-streaming show -n myregistry --repository stream").json()["convertPushedImages"] is True
    turned = az("acr artifact-streaming update -n myregistry --repository stream --enable-streaming false").json()
    assert (turned["convertPushedImages"], turned["status"]) == (False, "Succeeded")
    assert az("acr artifact-streaming show -n myregistry --repository stream").json() == {"convertPushedImages": False}
