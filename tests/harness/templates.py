"""Small templates: to be read without deploying them, and to be deployed into a world."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.core.web import AzureError
from sandbox.resource_manager.deployments import template
from sandbox.resource_manager.deployments.context import Surroundings
from sandbox.resource_manager.deployments.template import Plan
from sandbox.world import Principal
from tests.harness.in_process_azure import GROUP as GROUP_ID
from tests.harness.in_process_azure import Azure

GROUP = "/subscriptions/s1/resourceGroups/Rg"
SURROUNDINGS = Surroundings(
    subscription={"id": "/subscriptions/s1", "subscriptionId": "s1", "tenantId": "t1", "displayName": "S"},
    tenant={"tenantId": "t1"},
    environment={"suffixes": {"keyvaultDns": ".vault.azure.net"}},
    deployment={"name": "d1"},
    deployer={"objectId": "o1"},
    group={"id": GROUP, "name": "Rg", "location": "westus"},
)
IDENTITIES = "Microsoft.ManagedIdentity/userAssignedIdentities"
SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"


def identity(name: str = "id1", **more: Any) -> dict[str, Any]:
    return {"type": IDENTITIES, "apiVersion": "2024-11-30", "name": name, "location": "westus", **more}


def write(*resources: Any, **more: Any) -> dict[str, Any]:
    return {"$schema": SCHEMA, "contentVersion": "1.0.0.0", "resources": list(resources), **more}


def symbolic(**resources: Any) -> dict[str, Any]:
    return write(languageVersion="2.0") | {"resources": resources}


def read(content: dict[str, Any], surroundings: Surroundings = SURROUNDINGS, **values: Any) -> Plan:
    """The plan of a template, with values of its parameters."""
    return template.read(content, {name: {"value": value} for name, value in values.items()}, surroundings)


def refusal(content: dict[str, Any], **values: Any) -> str:
    """The message with which a template is refused."""
    with pytest.raises(AzureError) as refused:
        read(content, **values)
    assert (refused.value.status, refused.value.code) == (400, "InvalidTemplate")
    assert refused.value.reply().body["error"]["additionalInfo"][0]["type"] == "TemplateViolation"
    return refused.value.message


class Deployer:
    """Deploys templates into a world, as `az deployment` asks for it."""

    def __init__(self, azure: Azure, scope: str = GROUP_ID):
        self.azure, self.scope = azure, scope

    def path(self, name: str, action: str = "") -> str:
        return f"{self.scope}/providers/Microsoft.Resources/deployments/{name}{action}?api-version=2025-04-01"

    def body(self, content: Any, mode: str = "Incremental", **values: Any) -> dict[str, Any]:
        given = {name: {"value": value} for name, value in values.items()}
        return {"properties": {"mode": mode, "template": content, "parameters": given}}

    def deploy(self, content: Any, name: str = "d1", **values: Any) -> dict[str, Any]:
        """Begin a deployment that has to succeed, and that takes no time. Returns its properties."""
        found = self.start(content, name, **values)
        assert found["provisioningState"] == "Succeeded", found
        return found

    def start(self, content: Any, name: str = "d1", **values: Any) -> dict[str, Any]:
        """Begin a deployment. Returns its properties as they are then."""
        self.azure.ok("PUT", self.path(name), self.body(content, **values))
        return self.show(name)

    def show(self, name: str = "d1") -> dict[str, Any]:
        return self.azure.ok("GET", self.path(name))["properties"]

    def failure(self, content: Any, name: str = "d1", **values: Any) -> dict[str, Any]:
        """The error of a deployment that begins and fails."""
        found = self.start(content, name, **values)
        assert found["provisioningState"] == "Failed", found
        return found["error"]

    def refusal(self, content: Any, name: str = "d1", as_: Principal | None = None, **values: Any) -> dict[str, Any]:
        """The error of a deployment that does not begin: neither validate nor PUT let it."""
        body = self.body(content, **values)
        status, error = self.azure.error("PUT", self.path(name), body, as_=as_)
        assert self.azure.error("POST", self.path(name, "/validate"), body, as_=as_) == (status, error)
        return error

    def validate(self, content: Any, name: str = "d1", **values: Any) -> dict[str, Any]:
        return self.azure.ok("POST", self.path(name, "/validate"), self.body(content, **values))["properties"]

    def what_if(self, content: Any, name: str = "d1", **values: Any) -> dict[str, Any]:
        reply = self.azure.send("POST", self.path(name, "/whatIf"), self.body(content, **values))
        assert reply.status == 202, reply
        return self.azure.ok("GET", reply.headers["Location"])

    def operations(self, name: str = "d1") -> list[tuple[str, str, str]]:
        """What was done, to what, and how it ended."""
        answer = self.azure.ok("GET", f"{self.scope}/deployments/{name}/operations?api-version=2025-04-01")
        found = [entry["properties"] for entry in answer["value"]]
        return [
            (each["provisioningOperation"], each.get("targetResource", {}).get("resourceName", ""), each["statusCode"])
            for each in found
        ]


def nested(name: str, content: Any, inner: bool = True, **more: Any) -> dict[str, Any]:
    """A nested deployment. `parameters` go to its properties, all else to the resource."""
    properties: dict[str, Any] = {"mode": "Incremental", "template": content}
    if inner:
        properties["expressionEvaluationOptions"] = {"scope": "inner"}
    if "parameters" in more:
        properties["parameters"] = {key: {"value": value} for key, value in more.pop("parameters").items()}
    kind = {"type": "Microsoft.Resources/deployments", "apiVersion": "2025-04-01", "name": name}
    return kind | {"properties": properties} | more
