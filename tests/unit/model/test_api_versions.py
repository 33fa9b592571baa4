"""What is asked without the CLI's SDK is asked in the version that the CLI's SDK asks for."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.cli.core.profiles import ResourceType
from azure.cli.core.profiles._shared import AZURE_API_PROFILES, get_client_class
from azure.core.pipeline.policies import SansIOHTTPPolicy

from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import GROUP_TYPE, ROLE_ASSIGNMENT_TYPE


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
        (API_VERSIONS[ROLE_ASSIGNMENT_TYPE], lambda sdk: list(sdk.role_assignments.list_for_scope("/s"))),
        (API_VERSIONS[ROLE_ASSIGNMENT_TYPE], lambda sdk: sdk.role_assignments.create("/s", "name", {})),
        (API_VERSIONS[ROLE_ASSIGNMENT_TYPE], lambda sdk: sdk.role_assignments.delete_by_id("/s")),
        (API_VERSIONS["Microsoft.Authorization/roleDefinitions"], lambda sdk: sdk.role_definitions.get("/s", "guid")),
    ],
)
def test_roles(pinned, ask):
    assert pinned == asked_by_sdk(ResourceType.MGMT_AUTHORIZATION, ask)


@pytest.mark.parametrize(
    ("type_", "ask"),
    [
        ("Microsoft.Resources/resources", lambda sdk: list(sdk.resources.list())),
        (GROUP_TYPE, lambda sdk: sdk.resource_groups.get("rg")),
        (GROUP_TYPE, lambda sdk: sdk.resource_groups.create_or_update("rg", {})),
        ("Microsoft.Resources/providers", lambda sdk: sdk.providers.get("Microsoft.KeyVault")),
        ("Microsoft.Resources/providers", lambda sdk: sdk.providers.register("Microsoft.KeyVault")),
    ],
)
def test_resources(type_, ask):
    assert API_VERSIONS[type_] == asked_by_sdk(ResourceType.MGMT_RESOURCE_RESOURCES, ask)


@pytest.mark.parametrize("type_", ["denyAssignments", "permissions"])
def test_of_what_the_sdk_asks_for_by_a_preview_the_stable_version_is_asked(type_):
    assert API_VERSIONS[f"Microsoft.Authorization/{type_}"] == "2022-04-01"


def test_every_version_is_a_date_and_only_what_has_no_stable_one_is_a_preview():
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\d(-preview)?", version) for version in API_VERSIONS.values())
    previews = {type_ for type_, version in API_VERSIONS.items() if version.endswith("-preview")}
    assert previews == {
        "Microsoft.Authorization/roleDefinitions",
        "Microsoft.Authorization/roleAssignmentsUsageMetrics",
        "Microsoft.Insights/diagnosticSettings",
        "Microsoft.ContainerRegistry/registries/agentPools",
    }
