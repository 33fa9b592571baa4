"""What belongs to the old registry beside its images: copied in order, or named with the command to do it."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from sandbox.world import OWNER_OBJECT_ID, SUBSCRIPTION
from tests.harness.migrate import MIGRATE, NEW, OLD, old_registry
from tests.harness.seed import LOCATION

HERE = f"--subscription {SUBSCRIPTION}"
COMMAND = shlex.split(MIGRATE)
VERSION = "2025-04-01"
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"
CONDITION = "((!(ActionMatches{'x'})))"
SECRET = "https://myvault.vault.azure.net/secrets/user"


def put(azure, path: object, version: str = VERSION, **body: Any) -> Any:
    made = azure.unseen("PUT", str(path), body, version)
    azure.clear_log()
    return made


def get(azure, path: str, version: str = VERSION) -> Any:
    return azure.unseen("GET", f"{NEW}/{path}", None, version)


@pytest.fixture
def old(azure, seed) -> None:
    """An old registry with one of everything."""
    old_registry(
        seed,
        publicNetworkAccess="Enabled",
        networkRuleSet={"defaultAction": "Deny", "ipRules": [{"action": "Allow", "value": "0.0.0.0/0"}]},
        adminUserEnabled=True,
        policies={"retentionPolicy": {"status": "enabled", "days": 30}},
    )
    azure.seed_content("oldregistry", images=1)
    put(
        azure, f"{OLD}/scopeMaps/pullers", properties={"description": "d", "actions": ["repositories/app/content/read"]}
    )
    put(
        azure,
        f"{OLD}/tokens/robot",
        properties={"scopeMapId": f"{OLD}/scopeMaps/pullers", "status": "enabled"},
    )
    put(
        azure,
        f"{OLD}/credentialSets/dockerhub",
        identity={"type": "SystemAssigned"},
        properties={
            "loginServer": "docker.io",
            "authCredentials": [
                {"name": "Credential1", "usernameSecretIdentifier": SECRET, "passwordSecretIdentifier": SECRET}
            ],
        },
    )
    put(
        azure,
        f"{OLD}/cacheRules/nginx",
        properties={
            "sourceRepository": "docker.io/library/nginx",
            "targetRepository": "cached/nginx",
            "credentialSetResourceId": f"{OLD}/credentialSets/dockerhub",
        },
    )
    put(
        azure,
        f"{OLD}/webhooks/myhook",
        location=LOCATION,
        properties={
            "serviceUri": "https://example.com/hook",
            "customHeaders": {"Authorization": "secret"},
            "actions": ["push"],
            "status": "enabled",
            "scope": "app:*",
        },
    )
    put(azure, f"{OLD}/replications/northeurope", location="northeurope", properties={"zoneRedundancy": "Disabled"})
    diagnostics = {"workspaceId": f"{OLD.group_id}/providers/Microsoft.OperationalInsights/workspaces/w", "logs": []}
    put(
        azure,
        f"{OLD}/providers/Microsoft.Insights/diagnosticSettings/all",
        "2021-05-01-preview",
        properties=diagnostics,
    )
    seed.lock(OLD, "CanNotDelete", "keep")
    put(
        azure,
        f"{OLD}/providers/Microsoft.Authorization/roleAssignments/{'1' * 8}-1111-4111-8111-{'1' * 12}",
        "2022-04-01",
        properties={
            "roleDefinitionId": f"/providers/Microsoft.Authorization/roleDefinitions/{READER}",
            "principalId": OWNER_OBJECT_ID,
            "principalType": "ServicePrincipal",
            "condition": CONDITION,
            "conditionVersion": "2.0",
        },
    )


ALL = [
    "registry network rules",
    "scopeMaps pullers",
    "tokens robot",
    "credentialSets dockerhub",
    "cacheRules nginx",
    "webhooks myhook",
    "diagnosticSettings all",
    f"roleAssignments {READER} to {OWNER_OBJECT_ID}",
    "replications northeurope",
    "registry policies",
    "locks keep",
]


def test_settings_are_copied_in_their_order_and_once(azure, many_az, old):
    result = many_az(COMMAND).json()
    assert result["settings"]["failed"] == []
    assert [f"{each['kind']} {each['name']}" for each in result["settings"]["set"]] == ALL

    rules = azure.unseen("GET", str(NEW), None, VERSION)["properties"]
    assert rules["networkRuleSet"]["defaultAction"] == "Deny"
    assert [each["value"] for each in rules["networkRuleSet"]["ipRules"]] == ["0.0.0.0/0"]
    assert rules["policies"]["retentionPolicy"]["days"] == 30
    assert rules["adminUserEnabled"] is True
    assert get(azure, "scopeMaps/pullers")["properties"]["actions"] == ["repositories/app/content/read"]
    assert get(azure, "tokens/robot")["properties"]["scopeMapId"].lower() == f"{NEW}/scopeMaps/pullers".lower()
    rule = get(azure, "cacheRules/nginx")["properties"]
    assert rule["credentialSetResourceId"].lower() == f"{NEW}/credentialSets/dockerhub".lower()
    assert get(azure, "webhooks/myhook")["properties"]["status"] == "disabled"
    hook = azure.unseen("POST", f"{NEW}/webhooks/myhook/getCallbackConfig", None, VERSION)
    assert (hook["serviceUri"], hook["customHeaders"]) == ("https://example.com/hook", {"Authorization": "secret"})
    assert get(azure, "replications/northeurope")["location"] == "northeurope"
    assigned = get(azure, "providers/Microsoft.Authorization/roleAssignments", "2022-04-01")["value"]
    assert [each["properties"]["condition"] for each in assigned if each["properties"].get("condition")] == [CONDITION]
    azure.clear_log()
    assert many_az(COMMAND).json()["settings"] == {"set": [], "failed": []}
    assert not [each for each in azure.log() if each["method"] in ("PUT", "PATCH")]


def test_what_is_left_is_named_with_the_command(azure, many_az, old):
    azure.add_private_endpoint("oldregistry", f"{OLD.group_id}/providers/Microsoft.Network/privateEndpoints/pe")
    azure.add_listed("oldregistry", "connectedRegistries", "onsite")
    azure.add_listed("oldregistry", "tasks", "nightly", step={"type": "FileTask", "taskFilePath": "acb.yaml"})
    azure.add_listed("oldregistry", "agentPools", "builders", tier="S2", count=2, os="Linux")
    queue = {"endpointType": "StorageQueue", "properties": {"resourceId": f"{OLD.group_id}/x", "queueName": "q"}}
    put(
        azure,
        f"{OLD}/providers/Microsoft.EventGrid/eventSubscriptions/audit",
        "2022-06-15",
        properties={"destination": queue},
    )
    told = {row["what"]: row["command"] for row in many_az([*COMMAND, "--what-if"]).json()["byHand"]}
    assert (
        f"event-subscription create --name audit --source-resource-id {NEW} " in told["Event Grid subscription 'audit'"]
    )
    assert told["password of token 'robot'"] == (
        f"az acr token credential generate --registry newregistry {HERE} --name robot --password1"
    )
    assert told["webhook 'myhook' is disabled"] == (
        f"az acr webhook update --registry newregistry {HERE} --name myhook --status enabled"
    )
    assert "private endpoint 'pe'" in told
    assert "connected registry 'onsite'" in told
    assert told["task 'nightly'"].startswith(
        f"az acr task create --registry newregistry {HERE} --name nightly --context"
    )
    assert told["agent pool 'builders'"].endswith("--name builders --tier S2 --count 2 --os Linux")
    assert "access of credential set 'dockerhub'" in told
    assert "passwords of the admin user" in told


def test_what_soft_delete_keeps_is_counted(azure, many_az, seed):
    kept = {"softDeletePolicy": {"status": "enabled", "retentionDays": 7}}
    old_registry(seed, api_version="2026-03-01-preview", policies=kept)
    azure.seed_content("oldregistry", images=2)
    (name,) = azure.content("oldregistry")
    gone = next(iter(azure.content("oldregistry")[name]["manifests"]))
    many_az(["acr", "repository", "delete", "--name", "oldregistry", "--image", f"{name}@{gone}", "--yes"]).ok()
    (told,) = (row for row in many_az([*COMMAND, "--what-if"]).json()["byHand"] if "soft" in row["what"])
    assert told["what"] == "soft-deleted manifests: 1 (repositories: 1)"
    assert told["command"] == f"az acr repository list-deleted --name oldregistry {HERE}"
    azure.fault("status", path="/_deleted/_catalog", status=403, body={"errors": [{"code": "DENIED"}]}, times=9)
    (told,) = (row for row in many_az([*COMMAND, "--what-if"]).json()["byHand"] if "soft" in row["what"])
    assert "can't be read" in told["why"]


def test_without_settings_none_is_made(azure, many_az, old):
    result = many_az([*COMMAND, "--no-settings", "--default-action", "Allow"]).json()
    assert "settings" not in result
    assert get(azure, "tokens")["value"] == []
    assert result["cutOver"]["steps"]


def test_one_that_fails_does_not_keep_the_others_from_being_made(azure, many_az, old):
    azure.settings(cache_rule_over_repository=False)
    azure.fault(
        "status", method="PUT", path="/tokens/robot", status=403, body={"error": {"code": "Forbidden"}}, times=9
    )
    result = many_az(COMMAND)
    assert result.code == 1
    report = json.loads(result.out)
    assert [each["name"] for each in report["settings"]["failed"]] == ["robot"]
    assert len(report["settings"]["set"]) == len(ALL) - 1
    azure.clear_faults()
    assert [each["name"] for each in many_az(COMMAND).json()["settings"]["set"]] == ["robot"]


ACR_PULL = "7f951dda-4ed3-4680-a7ca-43fe172d538d"
ANYWHERE = f"{OLD.group_id}/providers"
APP, SITE = f"{ANYWHERE}/Microsoft.App/containerApps/shop", f"{ANYWHERE}/Microsoft.Web/sites/web"
CLUSTER = f"{ANYWHERE}/Microsoft.ContainerService/managedClusters/nodes"


def test_it_ends_with_who_pulls_and_what_to_do(azure, many_az, seed, tmp_path):
    old_registry(seed)
    azure.seed_content("oldregistry", images=1)
    kubelet = azure.principal().object_id
    seed.grant(kubelet, OLD, ACR_PULL)
    named = {"configuration": {"registries": [{"server": "oldregistry.azurecr.io"}]}}
    azure.add_resource(APP, named)
    azure.add_resource(SITE, {"siteConfig": {"linuxFxVersion": "DOCKER|oldregistry.azurecr.io/app:v1"}})
    azure.add_resource(f"{APP}2", {"configuration": {"registries": [{"server": "myoldregistry.azurecr.io"}]}})
    azure.add_resource(CLUSTER, {"identityProfile": {"kubeletidentity": {"objectId": kubelet}}})
    page, text = tmp_path / "cut-over.html", tmp_path / "cut-over.md"
    result = many_az([*COMMAND, "--report", str(page), "--report", str(text)]).json()
    found = result["cutOver"]
    assert (found["oldLoginServer"], found["newLoginServer"]) == ("oldregistry.azurecr.io", "newregistry.azurecr.io")
    assert {each["name"] for each in found["naming"]} == {"shop", "web"}
    (puller,) = found["mayPull"]
    assert (puller["principalId"], puller["role"], puller["resource"]) == (kubelet, "AcrPull", CLUSTER)
    commands = [each["command"] for each in found["steps"] if each["command"]]
    assert f"az aks update --name nodes --resource-group rg --attach-acr {NEW}" in commands
    assert any("az containerapp update --name shop" in each for each in commands)
    assert any("az webapp config container set --name web" in each for each in commands)
    assert f"az acr cmk migrate --name oldregistry {HERE} --to newregistry --freeze" in commands
    assert found["goBack"]
    for file in (page, text):
        written = file.read_text()
        assert "newregistry.azurecr.io" in written
        assert "az aks update --name nodes" in written
        assert "How to roll back" in written


def test_without_resource_graph_it_says_what_was_not_looked_for(azure, many_az, seed):
    old_registry(seed)
    azure.fault(
        "status",
        path="Microsoft.ResourceGraph",
        status=403,
        body={"error": {"code": "Forbidden", "message": "No."}},
        times=9,
    )
    assert many_az(COMMAND).json()["cutOver"]["notSeen"] == "No."


def test_a_report_of_another_form_is_refused_before_anything_is_read(azure, many_az, seed):
    result = many_az([*COMMAND, "--report", "x.pdf"])
    assert result.code == 1
    assert ".html, .md" in result.err
    assert azure.log() == []
