"""The portal's form: what is chosen and what is named, permissions up front, and that it fits the template."""

from __future__ import annotations

import json
import re

import pytest

from azext_acrcmk.model.ids import IDENTITY_TYPE, VAULT_TYPE
from azext_acrcmk.output.template.formats import FORMATS
from tests.unit.output.template.test_formats import GOALS

PATH = re.compile(r"steps\('basics'\)\.(\w+)")


def form(goal):
    return FORMATS["form"].write(GOALS[goal]())["view"]


def elements(goal):
    (step,) = form(goal)["properties"]["steps"]
    return {each["name"]: each for each in step["elements"]}


def kinds(goal):
    return {name: each["type"].rpartition(".")[2] for name, each in elements(goal).items()}


@pytest.mark.parametrize("goal", GOALS)
def test_it_gives_what_the_template_takes(goal):
    """Every parameter that has no choice of its own in the form has a default."""
    template = FORMATS["arm"].write(GOALS[goal]())
    given = set(form(goal)["outputs"]["parameters"])
    assert given <= template["parameters"].keys()
    assert template["parameters"].keys() - given <= {"grantWaits", "tags"}


@pytest.mark.parametrize("goal", GOALS)
def test_it_refers_only_to_elements_that_are_there_before(goal):
    seen = set()
    for name, each in elements(goal).items():
        assert set(PATH.findall(json.dumps(each))) <= seen | {name}
        seen.add(name)
    assert set(PATH.findall(json.dumps(form(goal)["outputs"]))) <= seen


def test_what_is_new_is_named():
    assert kinds("new") == {
        "scope": "ResourceScope",
        "registryName": "TextBox",
        "identityName": "TextBox",
        "vaultName": "TextBox",
        "keyName": "TextBox",
        "rotation": "OptionsGroup",
        "keyVersion": "TextBox",
    }


def test_what_exists_is_picked():
    """Subscription, group and location; identity; vault, then a key of it by a request to Azure; rotation."""
    assert kinds("existing, granted on the key") == {
        "scope": "ResourceScope",
        "registryName": "TextBox",
        "identity": "ResourceSelector",
        "vault": "ResourceSelector",
        "keys": "ArmApiControl",
        "key": "DropDown",
        "chosenKey": "ArmApiControl",
        "rotation": "OptionsGroup",
    }
    found = elements("existing")
    assert found["identity"]["resourceType"] == IDENTITY_TYPE
    assert found["vault"]["resourceType"] == VAULT_TYPE
    path = found["keys"]["request"]["path"]
    assert path == "[concat(steps('basics').vault.id, '/keys?api-version=2026-02-01')]"
    assert "steps('basics').keys.value" in found["key"]["constraints"]["allowedValues"]


def test_the_parameters_are_ids_and_the_uri_of_the_key():
    given = form("existing elsewhere")["outputs"]["parameters"]
    assert given["identityId"] == "[steps('basics').identity.id]"
    assert given["vaultId"] == "[steps('basics').vault.id]"
    assert given["keyIdentifier"] == (
        "[if(equals(steps('basics').rotation, 'manual'), steps('basics').chosenKey.properties.keyUriWithVersion, "
        "steps('basics').chosenKey.properties.keyUri)]"
    )


def test_what_is_in_another_subscription_is_looked_for_there():
    found = elements("existing elsewhere")
    for name in ("identity", "vault"):
        assert found[f"{name}Subscription"]["type"] == "Microsoft.Common.SubscriptionSelector"
        assert found[name]["scope"]["subscriptionId"] == f"[steps('basics').{name}Subscription.subscriptionId]"
    own = elements("existing")["vault"]["scope"]["subscriptionId"]
    assert own == "[steps('basics').scope.subscription.subscriptionId]"


def test_a_key_in_a_managed_hsm_is_given_by_its_uri():
    found = elements("managed HSM")
    assert found["keyIdentifier"]["type"] == "Microsoft.Common.TextBox"
    assert re.fullmatch(found["keyIdentifier"]["constraints"]["regex"], found["keyIdentifier"]["defaultValue"])


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        ("existing elsewhere", "must use Azure RBAC"),
        ("existing policies", "must use access policies"),
        ("existing", "must have access to the key already"),
    ],
)
def test_what_the_template_requires_of_the_vault_is_told(goal, words):
    assert words in elements(goal)["vault"]["toolTip"]


@pytest.mark.parametrize("goal", ["new", "pinned", "existing", "existing, pinned"])
def test_rotation_is_as_asked_for(goal):
    rotation = elements(goal)["rotation"]
    chosen = next(e for e in rotation["constraints"]["allowedValues"] if e["label"] == rotation["defaultValue"])
    assert chosen["value"] == ("manual" if "pinned" in goal else "auto")


def test_a_version_is_asked_for_where_the_registry_is_pinned_to_it():
    assert elements("new")["keyVersion"]["visible"] == "[equals(steps('basics').rotation, 'manual')]"
    given = form("new")["outputs"]["parameters"]["keyVersion"]
    assert given == "[if(equals(steps('basics').rotation, 'manual'), steps('basics').keyVersion, '')]"


ALWAYS = {
    "Microsoft.ContainerRegistry/registries/write",
    "Microsoft.Resources/deployments/write",
    "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
}
NEW_KEY = {"Microsoft.KeyVault/vaults/keys/write"}
NEW = NEW_KEY | {"Microsoft.ManagedIdentity/userAssignedIdentities/write", "Microsoft.KeyVault/vaults/write"}
ROLE, POLICY = "Microsoft.Authorization/roleAssignments/write", "Microsoft.KeyVault/vaults/accessPolicies/write"


@pytest.mark.parametrize(
    ("goal", "more"),
    [
        ("new", NEW | {ROLE}),
        ("policies", NEW),
        ("existing", set()),
        ("existing elsewhere", {ROLE}),
        ("existing policies", {POLICY}),
        ("existing vault", NEW_KEY | {ROLE}),
    ],
)
def test_permissions_are_demanded_before_anything_is_filled_in(goal, more):
    scope = elements(goal)["scope"]
    demanded = scope["subscription"]["constraints"]["validations"]
    assert {each["permission"] for each in demanded} == ALWAYS | more
    assert all(each["permission"] in each["message"] for each in demanded)
    assert next(iter(elements(goal))) == "scope"
