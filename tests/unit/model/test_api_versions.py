"""What is asked without the CLI's SDK is asked in the version that the CLI's SDK asks for."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from azure.cli.core.profiles import ResourceType
from azure.cli.core.profiles._shared import AZURE_API_PROFILES, get_client_class
from azure.core.pipeline.policies import SansIOHTTPPolicy

from azext_acrcmk.cloud import clients


class _Asked(Exception):
    pass


class _NotSent:
    """A transport that tells the API version of what it is to send."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def send(self, request, **_):
        raise _Asked(*parse_qs(urlsplit(request.url).query)["api-version"])


def asked_by_sdk(resource_type, ask) -> str:
    """The API version that the CLI's client sends."""
    version = AZURE_API_PROFILES["latest"][resource_type]
    given = {"transport": _NotSent(), "authentication_policy": SansIOHTTPPolicy()}
    given |= {"api_version": version} if version else {}
    client = get_client_class(resource_type)("no credential", "sub", base_url="https://nowhere.example", **given)
    with pytest.raises(_Asked) as asked:
        ask(client)
    return str(asked.value)


@pytest.mark.parametrize(
    ("pinned", "ask"),
    [
        (clients.ROLE_ASSIGNMENTS_API_VERSION, lambda sdk: list(sdk.role_assignments.list_for_scope("/s"))),
        (clients.ROLE_ASSIGNMENTS_API_VERSION, lambda sdk: sdk.role_assignments.create("/s", "name", {})),
        (clients.ROLE_ASSIGNMENTS_API_VERSION, lambda sdk: sdk.role_assignments.delete_by_id("/s")),
        (clients.ROLE_DEFINITIONS_API_VERSION, lambda sdk: sdk.role_definitions.get("/s", "guid")),
        (clients.PERMISSIONS_API_VERSION, lambda sdk: list(sdk.permissions.list_for_resource_group("rg"))),
        (clients.DENY_ASSIGNMENTS_API_VERSION, lambda sdk: list(sdk.deny_assignments.list_for_scope("/s"))),
    ],
)
def test_roles(pinned, ask):
    assert pinned == asked_by_sdk(ResourceType.MGMT_AUTHORIZATION, ask)


@pytest.mark.parametrize(
    "ask",
    [
        lambda sdk: list(sdk.resources.list()),
        lambda sdk: sdk.resource_groups.get("rg"),
        lambda sdk: sdk.resource_groups.create_or_update("rg", {}),
        lambda sdk: sdk.providers.get("Microsoft.KeyVault"),
        lambda sdk: sdk.providers.register("Microsoft.KeyVault"),
    ],
)
def test_resources(ask):
    assert asked_by_sdk(ResourceType.MGMT_RESOURCE_RESOURCES, ask) == clients.RESOURCES_API_VERSION
