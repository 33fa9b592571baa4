"""Diagnostic settings of resources."""

from __future__ import annotations

import pytest

from tests.harness.in_process_azure import GROUP, Azure
from tests.harness.in_process_scene import PATH

READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


@pytest.fixture
def azure() -> Azure:
    azure = Azure()
    azure.registry()
    return azure


SETTING = f"{PATH}/providers/Microsoft.Insights/diagnosticSettings/audit?api-version=2021-05-01-preview"
BODY = {"properties": {"workspaceId": f"{GROUP}/x", "logs": [{"categoryGroup": "allLogs", "enabled": True}]}}


def test_are_made_read_and_deleted(azure):
    made = azure.ok("PUT", SETTING, BODY)
    assert azure.get(SETTING) == made
    assert made["properties"]["logs"] == BODY["properties"]["logs"]
    assert azure.get(SETTING.replace("/audit", ""))["value"] == [made]
    azure.ok("DELETE", SETTING)
    assert azure.send("GET", SETTING).status == 404
    assert azure.send("DELETE", SETTING).status == 204


def test_rules(azure):
    assert azure.error("PUT", SETTING, {"properties": {}})[0] == 400
    for number in range(5):
        azure.ok("PUT", SETTING.replace("audit", f"audit{number}"), BODY)
    assert azure.error("PUT", SETTING, BODY)[0] == 409
    assert azure.send("PUT", SETTING, BODY, as_=azure.principal(READER)).status == 403
