"""What can't be copied is created again by a command with all that can be read of it."""

from __future__ import annotations

import shlex

import pytest

from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId
from azext_acrcmk.plan.migrate import again
from tests.harness.content import OLD

NEW = ArmId(OLD.subscription, "rg", REGISTRY_TYPE, "newregistry")
AT = f"--registry newregistry --subscription {OLD.subscription}"
DOCKER = {
    "platform": {"os": "Linux", "architecture": "arm", "variant": "v8"},
    "agentPoolName": "builders",
    "timeout": 3600,
    "step": {
        "type": "Docker",
        "contextPath": "https://github.com/shop/web#main",
        "dockerFilePath": "Dockerfile",
        "imageNames": ["web:{{.Run.ID}}", "web:latest"],
    },
    "trigger": {
        "timerTriggers": [{"name": "nightly", "schedule": "0 0 * * *"}],
        "sourceTriggers": [{"name": "push"}],
        "baseImageTrigger": {"name": "base"},
    },
}
FILE = {"step": {"type": "FileTask", "taskFilePath": "acb.yaml", "contextPath": None}, "trigger": None}
QUEUE = {
    "destination": {"endpointType": "StorageQueue", "properties": {"resourceId": "/storage", "queueName": "pushes"}},
    "filter": {"includedEventTypes": ["Microsoft.ContainerRegistry.ImagePushed"]},
}


@pytest.mark.parametrize(
    ("create", "properties", "command"),
    [
        (
            again.create_task,
            DOCKER,
            f"az acr task create {AT} --name x --context 'https://github.com/shop/web#main' --file Dockerfile "
            "--image 'web:{{.Run.ID}}' --image web:latest --platform Linux/arm/v8 --agent-pool builders --timeout 3600 "
            "--schedule '0 0 * * *' --git-access-token TOKEN",
        ),
        (
            again.create_task,
            FILE,
            f"az acr task create {AT} --name x --context CONTEXT --file acb.yaml --commit-trigger-enabled false "
            "--base-image-trigger-enabled false",
        ),
        (
            again.create_agent_pool,
            {"tier": "S2", "count": 0, "os": "Linux", "virtualNetworkSubnetResourceId": None},
            f"az acr agentpool create {AT} --name x --tier S2 --count 0 --os Linux",
        ),
        (
            again.create_connected_registry,
            {"mode": "ReadOnly"},
            f"az acr connected-registry create {AT} --name x --mode ReadOnly --repository REPOSITORY",
        ),
        (
            again.create_event_subscription,
            QUEUE,
            f"az eventgrid event-subscription create --name x --source-resource-id {NEW} --endpoint-type storagequeue "
            "--endpoint /storage/queueservices/default/queues/pushes "
            "--included-event-types Microsoft.ContainerRegistry.ImagePushed",
        ),
        (
            again.create_event_subscription,
            {"destination": {"endpointType": "WebHook", "properties": {"endpointBaseUrl": "https://x"}}},
            f"az eventgrid event-subscription create --name x --source-resource-id {NEW} --endpoint-type webhook "
            "--endpoint ENDPOINT",
        ),
    ],
)
def test_commands(create, properties, command):
    assert create({"name": "x", "properties": properties}, NEW) == command
    assert shlex.split(create({"name": "a b", "properties": None}, NEW)).count("a b") == 1
