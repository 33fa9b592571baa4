"""Management locks: what they forbid, and where."""

from __future__ import annotations

import pytest

from tests.harness.in_process_azure import ENCRYPTION_USER, GROUP, Azure, registry_path, vault_path
from tests.harness.in_process_scene import Scene

LOCKS = "/providers/Microsoft.Authorization/locks"
VERSION = "api-version=2016-09-01"


def lock(azure: Azure, scope: str, level: str, name: str = "ours") -> str:
    path = f"{scope}{LOCKS}/{name}?{VERSION}"
    azure.ok("PUT", path, {"properties": {"level": level}})
    return path


@pytest.fixture
def scene() -> Scene:
    return Scene()


def locked(azure, method, path, body=None) -> bool:
    reply = azure.send(method, path, body)
    return reply.status == 409 and reply.body["error"]["code"] == "ScopeLocked"


def test_are_made_listed_and_removed(scene):
    azure = scene.azure
    path = lock(azure, GROUP, "CanNotDelete")
    assert azure.get(path)["properties"] == {"level": "CanNotDelete"}
    lock(azure, scene.vault, "ReadOnly", "other")
    assert len(azure.get(f"{GROUP}{LOCKS}?{VERSION}")["value"]) == 2
    assert len(azure.get(f"{GROUP}{LOCKS}?{VERSION}&$filter=atScope()")["value"]) == 1
    assert len(azure.get(f"{scene.vault}{LOCKS}?{VERSION}")["value"]) == 2
    assert azure.send("DELETE", path).status == 200
    assert azure.send("DELETE", path).status == 204
    assert azure.error("GET", path)[0] == 404


def test_cannotdelete_forbids_deletion_there_below_and_of_what_holds_it(scene):
    azure = scene.azure
    lock(azure, scene.vault, "CanNotDelete")
    assert locked(azure, "DELETE", scene.vault)
    assert locked(azure, "DELETE", scene.grant.id)  # a role assignment inherits it
    assert locked(azure, "DELETE", f"{GROUP}?api-version=2024-11-01")
    assert not locked(azure, "DELETE", registry_path())
    scene.change_vault(enablePurgeProtection=True)


def test_readonly_forbids_all_that_writes_but_no_reads_and_nothing_on_the_data_plane(scene):
    azure = scene.azure
    lock(azure, GROUP, "ReadOnly")
    assert locked(azure, "PUT", vault_path("other"), {})
    assert locked(azure, "PATCH", registry_path(), {})
    assert locked(azure, "DELETE", scene.grant.id)
    assert locked(azure, "PUT", f"{scene.vault}/keys/other", {"properties": {}})
    path = f"{scene.vault}/providers/Microsoft.Authorization/roleAssignments/{azure.world.new_guid()}"
    assert locked(azure, "PUT", path, {"properties": {"roleDefinitionId": ENCRYPTION_USER, "principalId": "x"}})
    assert azure.get(registry_path())
    scene.new_version()


def test_one_without_permission_is_told_that(scene):
    lock(scene.azure, GROUP, "ReadOnly")
    status, error = scene.azure.error("DELETE", scene.vault, as_=scene.azure.principal())
    assert (status, error["code"]) == (403, "AuthorizationFailed")
