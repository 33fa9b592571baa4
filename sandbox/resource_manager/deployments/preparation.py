"""From the body of a request to the plan of a deployment: its template, and the scope where that is deployed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.core.web import AzureError, Caller
from sandbox.resource_manager.access import require
from sandbox.resource_manager.deployments import errors, template
from sandbox.resource_manager.deployments.context import Surroundings
from sandbox.resource_manager.deployments.language import hashes
from sandbox.resource_manager.deployments.language.evaluate import UNKNOWN, find_key
from sandbox.resource_manager.deployments.records import Deployment, Target, resource_info, shown_parameters
from sandbox.resource_manager.deployments.template import Plan
from sandbox.world import TENANT, World

_NAME = re.compile(r"[-\w._()]{1,64}", re.ASCII)
_LONGEST = 4 * 1024 * 1024
Groups = Mapping[str, dict[str, Any]]  # by ID in lowercase: what is sent for them besides the properties
ENVIRONMENT = {
    "name": "AzureCloud",
    "portal": "https://portal.azure.com",
    "resourceManager": "https://management.azure.com/",
    "graph": "https://graph.windows.net/",
    "authentication": {
        "loginEndpoint": "https://login.microsoftonline.com/",
        "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
        "tenant": "common",
        "identityProvider": "AAD",
    },
    "suffixes": {
        "acrLoginServer": ".azurecr.io",
        "keyvaultDns": ".vault.azure.net",
        "storage": "core.windows.net",
    },
}


@dataclass
class Prepared:
    """A deployment that can start."""

    target: Target
    mode: str
    location: str | None
    template: dict[str, Any]
    template_link: dict[str, Any] | None
    plan: Plan
    tags: dict[str, str] | None = None

    def record(self, started: float, caller: Caller) -> Deployment:
        return Deployment(
            target=self.target,
            mode=self.mode,
            template=self.template,
            template_hash=template_hash(self.template),
            parameters=shown_parameters(self.plan.parameters),
            started=started,
            caller_id=caller.object_id,
            providers=_providers(self.plan),
            dependencies=_dependencies(self.plan),
            location=self.location,
            tags=self.tags,
            template_link=self.template_link,
        )


def prepare(world: World, caller: Caller, target: Target, body: Any, upcoming: Groups | None = None) -> Prepared:
    """Parse the body of a deployment: {"location"?, "tags"?, "properties": {...}}. Raises AzureError.

    `upcoming` are groups that don't exist yet but will when the deployment starts.
    """
    _check_name(target.name)
    if not isinstance(body, dict) or not isinstance(body.get("properties"), dict):
        raise AzureError(
            400, "InvalidRequestContent", "The request content was invalid and could not be deserialized: 'null'."
        )
    properties = body["properties"]
    location = body.get("location")
    _check_location(target, location)
    mode = _mode(_get(properties, "mode"))
    if _get(properties, "onErrorDeployment"):
        raise errors.invalid_deployment("The sandbox does not roll back failed deployments ('onErrorDeployment').")
    link = _get(properties, "templateLink")
    found = _linked(world, caller, link) if link else _get(properties, "template")
    if not isinstance(found, dict):
        raise errors.invalid_deployment("The deployment has neither a 'template' nor a 'templateLink'.")
    if len(json.dumps(found, default=str)) > _LONGEST:
        raise AzureError(413, "RequestEntityTooLarge", f"The template is larger than the limit of {_LONGEST} bytes.")
    given = _get(properties, "parameters") or {}
    if not isinstance(given, dict):
        raise errors.invalid_deployment("The 'parameters' of a deployment have to be an object.")
    details = {"template": found, "templateHash": template_hash(found), "parameters": given, "mode": mode}
    deployment = {"name": target.name, "properties": details | {"provisioningState": "Accepted"}}
    deployment |= {"location": location} if location else {}
    group = _group(world, target, upcoming or {})
    surroundings = _surroundings(world, caller, target, deployment, group)
    return Prepared(target, mode, location, found, link, template.read(found, given, surroundings), body.get("tags"))


def template_hash(content: dict[str, Any]) -> str:
    """A number that depends on the content of a template; Azure's algorithm is not published."""
    return str(hashes.hash64(json.dumps(content, sort_keys=True, default=str).encode()))


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):  # message from memory
        raise AzureError(
            400,
            "InvalidDeploymentName",
            f"The provided deployment name '{name}' is not valid: 1 to 64 letters, digits, '-', '_', '.', '(' or ')'.",
        )


def _check_location(target: Target, location: Any) -> None:
    about = "Please see https://aka.ms/arm-deployment-subscription for usage details."
    if target.group is None and not location:
        raise errors.invalid_deployment(f"The 'location' property must be specified for '{target.name}'. {about}")
    if target.group is not None and location:
        raise errors.invalid_deployment(
            f"The 'location' property is not allowed for '{target.name}' at resource group scope. {about}"
        )


def _mode(given: Any) -> str:
    mode = next((name for name in ("Incremental", "Complete") if name.lower() == str(given).lower()), None)
    if mode is None:
        raise errors.invalid_deployment(f"The deployment mode '{given}' is not valid: 'Incremental' or 'Complete'.")
    return mode


def _get(properties: dict[str, Any], name: str) -> Any:
    key = find_key(properties, name)
    return properties[key] if key else None


def _linked(world: World, caller: Caller, link: Any) -> dict[str, Any]:
    """The template of a template spec version. Requires permission to read it."""
    version_id = _get(link, "id") if isinstance(link, dict) else None
    if not isinstance(version_id, str):
        uri = _get(link, "uri") if isinstance(link, dict) else link
        raise AzureError(
            400, "InvalidContentLink", f"Unable to download deployment content from '{uri}': it is not on loopback."
        )
    require(world, caller, "Microsoft.Resources/templateSpecs/versions/read", version_id)
    spec_id, _, version = version_id.rpartition("/versions/")
    spec = world.template_specs.get(spec_id.lower())
    if spec is None or version.lower() not in spec.versions:
        raise AzureError(404, "TemplateSpecVersionNotFound", f"The template spec '{version_id}' could not be found.")
    return spec.versions[version.lower()].template


def _surroundings(
    world: World,
    caller: Caller,
    target: Target,
    deployment: dict[str, Any],
    group: dict[str, Any] | None,
) -> Surroundings:
    subscription = target.subscription
    return Surroundings(
        subscription={
            "id": f"/subscriptions/{subscription}",
            "subscriptionId": subscription,
            "tenantId": TENANT,
            "displayName": world.subscriptions.get(subscription.lower(), ""),
        },
        tenant={"tenantId": TENANT, "displayName": "Sandbox", "countryCode": "US", "defaultDomain": "sandbox.example"},
        environment=ENVIRONMENT,
        deployment=deployment,
        deployer={"objectId": caller.object_id, "tenantId": TENANT, "userPrincipalName": caller.name},
        group=group,
        now=world.now(),
    )


def _group(world: World, target: Target, upcoming: Groups) -> dict[str, Any] | None:
    """The group as `resourceGroup` returns it, with its name as it was created."""
    if target.group is None:
        return None
    group = world.groups.get(target.scope.lower())
    sent = upcoming.get(target.scope.lower(), {})
    return {
        "id": group.id if group else target.scope,
        "name": group.name if group else target.group,
        "type": "Microsoft.Resources/resourceGroups",
        "location": group.location if group else sent.get("location", UNKNOWN),
        "tags": group.tags if group else sent.get("tags", {}),
        "properties": {"provisioningState": "Succeeded"},
    }


def _providers(plan: Plan) -> list[dict[str, Any]]:
    found: dict[str, dict[str, set[str | None]]] = {}
    for resource in plan.resources:
        namespace, _, kind = resource.type.partition("/")
        location = resource.sent.get("location")
        locations = found.setdefault(namespace, {}).setdefault(kind, set())
        locations.add(location if isinstance(location, str) else None)
    return [
        {
            "namespace": namespace,
            "resourceTypes": [
                {"resourceType": kind, "locations": sorted(locations - {None}) or [None]}
                for kind, locations in kinds.items()
            ],
        }
        for namespace, kinds in found.items()
    ]


def _dependencies(plan: Plan) -> list[dict[str, Any]]:
    infos = [resource_info(each.id, each.type, each.name) for each in plan.resources]
    return [
        {"dependsOn": [infos[number] for number in sorted(needs)], **infos[at]}
        for at, needs in enumerate(plan.needs)
        if needs
    ]
