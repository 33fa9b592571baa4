"""Event Grid subscriptions of resources."""

from __future__ import annotations

import pytest

from tests.harness.in_process_azure import Azure
from tests.harness.in_process_scene import PATH

ALL = f"{PATH}/providers/Microsoft.EventGrid/eventSubscriptions?api-version=2022-06-15"
ONE = ALL.replace("?", "/audit?")
HOOK = {"endpointType": "WebHook", "properties": {"endpointUrl": "https://example.com/events?code=secret"}}


@pytest.fixture
def azure() -> Azure:
    azure = Azure()
    azure.registry()
    return azure


def test_are_made_and_listed_without_the_secret_of_the_address(azure):
    assert azure.get(ALL) == {"value": []}
    made = azure.ok("PUT", ONE, {"properties": {"destination": HOOK}})
    assert azure.get(ALL) == {"value": [made]}
    assert made["properties"]["destination"]["properties"] == {"endpointBaseUrl": "https://example.com/events"}


def test_rules(azure):
    assert azure.error("PUT", ONE, {"properties": {}})[0] == 400
    nobody = azure.principal("7f951dda-4ed3-4680-a7ca-43fe172d538d")
    assert azure.send("GET", ALL, as_=nobody).status == 403
