"""The template against the race of a new role assignment, in a sandbox where it takes effect late."""

from __future__ import annotations

from dataclasses import replace

import pytest

from azext_acrcmk.model.goal import enable_goal
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId
from azext_acrcmk.output.template.formats import FORMATS
from azext_acrcmk.output.template.parts import parts_of
from azext_acrcmk.plan.enable import plan_enable
from sandbox.registry.encryption import pull
from sandbox.world import SUBSCRIPTION, TENANT
from tests.harness import make
from tests.harness.in_process_azure import Azure
from tests.harness.templates import Deployer

# Each empty deployment takes as long here, and a role assignment takes effect after so many seconds.
STEP, LAG = 5, 60


def template(**options):
    goal = enable_goal(ArmId(SUBSCRIPTION, "rg", REGISTRY_TYPE, "registry1"), TENANT, ".vault.azure.net", **options)
    state = make.nothing(goal)
    group = make.group()
    state = replace(state, groups=((goal.registry.group_id.lower(), group),))
    return FORMATS["arm"].write(parts_of(plan_enable(goal, state)))


@pytest.fixture
def azure():
    return Azure(role_seconds=LAG, deployment_seconds=STEP)


def deployed(azure, content, name="d1", **values):
    """The state and the details of the error of a deployment that has ended."""
    deployer = Deployer(azure)
    deployer.start(content, name, **values)
    azure.advance(3600)
    found = deployer.show(name)
    return found["provisioningState"], [each["message"] for each in found.get("error", {}).get("details", [])]


@pytest.mark.parametrize("scope", ["vault", "key"])
def test_the_usual_number_of_waits_is_enough(azure, scope):
    state, details = deployed(azure, template(grant_scope=scope))
    assert (state, details) == ("Succeeded", [])
    assert pull(azure.world, "registry1")["status"] == 200


def test_too_few_fail_and_deploying_again_succeeds(azure):
    content = template()
    state, (message,) = deployed(azure, content, grantWaits=2)
    assert state == "Failed"
    assert message.startswith("Failed to access KeyId")
    assert deployed(azure, content, "d2", grantWaits=2) == ("Succeeded", [])
    assert pull(azure.world, "registry1")["status"] == 200


def test_an_access_policy_is_not_waited_for(azure):
    """It takes effect at once."""
    content = template(permission_model="access-policy")
    assert "grantWaits" not in content["parameters"]
    assert deployed(azure, content) == ("Succeeded", [])


def test_without_waits_it_would_fail(azure):
    """The sandbox is as strict as Azure here."""
    content = template()
    content["resources"] = [each for each in content["resources"] if not each.get("copy")]
    registry = content["resources"][-1]
    registry["dependsOn"] = [each for each in registry["dependsOn"] if each != "grantWait"]
    grant = next(each["name"] for each in content["resources"] if each["type"].endswith("/deployments"))
    registry["dependsOn"].append(grant)
    state, (message,) = deployed(azure, content)
    assert state == "Failed"
    assert message.startswith("Failed to access KeyId")
