"""The commands that create again, for the new registry, what can't be copied; as much of them as can be read. Pure.

In capitals is what only a person knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote
from typing import Any

from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.rules.fixes import registry_command

# How `az eventgrid` names the types of destinations.
_DESTINATIONS = frozenset(
    ["webhook", "eventhub", "storagequeue", "hybridconnection", "servicebusqueue", "servicebustopic", "azurefunction"]
)


def create_task(body: dict[str, Any], new: ArmId) -> str:
    properties = _part(body, "properties")
    return _of(new, "task create", body, _task(properties, _part(properties, "step"), _part(properties, "trigger")))


def _task(properties: dict[str, Any], step: dict[str, Any], trigger: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    yield "--context", step.get("contextPath") or "CONTEXT"
    # The steps of an encoded task have to be saved in a file.
    yield "--file", step.get("dockerFilePath") or step.get("taskFilePath") or "FILE"
    for image in step.get("imageNames") or ():
        yield "--image", image
    platform = _part(properties, "platform")
    known = [str(platform[each]) for each in ("os", "architecture", "variant") if platform.get(each)]
    yield "--platform", "/".join(known)
    yield "--agent-pool", properties.get("agentPoolName")
    yield "--timeout", properties.get("timeout")
    for timer in trigger.get("timerTriggers") or ():
        yield "--schedule", timer.get("schedule")
    if trigger.get("sourceTriggers"):
        yield "--git-access-token", "TOKEN"
    else:
        yield "--commit-trigger-enabled", "false"
    if not trigger.get("baseImageTrigger"):
        yield "--base-image-trigger-enabled", "false"


def create_agent_pool(body: dict[str, Any], new: ArmId) -> str:
    properties = _part(body, "properties")
    names = {"--tier": "tier", "--count": "count", "--os": "os", "--subnet-id": "virtualNetworkSubnetResourceId"}
    return _of(new, "agentpool create", body, ((option, properties.get(name)) for option, name in names.items()))


def create_connected_registry(body: dict[str, Any], new: ArmId) -> str:
    options = (("--mode", _part(body, "properties").get("mode")), ("--repository", "REPOSITORY"))
    return _of(new, "connected-registry create", body, options)


def create_event_subscription(body: dict[str, Any], new: ArmId) -> str:
    properties = _part(body, "properties")
    destination = _part(properties, "destination")
    told = str(destination.get("endpointType") or "").lower()
    kind = told if told in _DESTINATIONS else "TYPE"
    options = [("--endpoint-type", kind), ("--endpoint", _endpoint(kind, _part(destination, "properties")))]
    events = _part(properties, "filter").get("includedEventTypes") or ()
    included = "".join(f" {quote(str(each))}" for each in events)
    command = f"az eventgrid event-subscription create --name {quote(str(body.get('name')))} --source-resource-id"
    command += f" {quote(str(new))} {_joined(options)}"
    return command + (f" --included-event-types{included}" if included else "")


def _endpoint(kind: str, destination: dict[str, Any]) -> str:
    """As `az eventgrid` takes it. The address of a webhook can't be read."""
    resource = destination.get("resourceId")
    if not resource:
        return "ENDPOINT"
    if kind == "storagequeue":
        return f"{resource}/queueservices/default/queues/{destination.get('queueName') or 'QUEUE'}"
    return str(resource)


def create_private_endpoint(new: ArmId) -> str:
    return (
        f"az network private-endpoint create --name {new.name}-pe --connection-name {new.name} --group-id registry "
        f"--private-connection-resource-id {quote(str(new))} --resource-group GROUP --subnet SUBNET_ID"
    )


def _of(new: ArmId, verb: str, body: dict[str, Any], options: Any) -> str:
    named = [("--name", body.get("name")), *options]
    return registry_command(new, verb, _joined(named), named="--registry")


def _joined(options: Any) -> str:
    return " ".join(f"{option} {quote(str(value))}" for option, value in options if value not in (None, ""))


def _part(body: dict[str, Any], name: str) -> dict[str, Any]:
    found = body.get(name)
    return found if isinstance(found, dict) else {}
