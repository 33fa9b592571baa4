"""The Resource Manager template: by its published schema, and what a redeployment does to a version."""

from __future__ import annotations

import jsonschema
import pytest
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4

from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import REGISTRY_TYPE, VAULT_TYPE
from azext_acrcmk.output.template.formats import FORMATS
from tests.harness import recordings
from tests.unit.output.template.test_formats import GOALS, resources, with_expressions

COMMON = "https://schema.management.azure.com/schemas/common/definitions.json"


@pytest.fixture(scope="module")
def schema():
    """That of templates. The bodies of resources are apart, in schemas that name their types."""
    outer = recordings.facts("schemas/2019-04-01_deploymentTemplate.json")
    outer["definitions"]["resource"] = {"$ref": "#/definitions/resourceBase"}
    # Documentation and Bicep write it in lower case.
    outer["definitions"]["resourceCopy"]["properties"]["mode"]["enum"] += ["serial", "parallel"]
    common = Resource.from_contents(recordings.facts("schemas/common_definitions.json"), DRAFT4)
    return jsonschema.Draft4Validator(with_expressions(outer), registry=Registry().with_resource(COMMON, common))


@pytest.mark.parametrize("goal", GOALS)
def test_it_fits_the_published_schema(schema, goal):
    template = FORMATS["arm"].write(GOALS[goal]())
    schema.validate(template)
    for each in template["resources"]:
        if inner := each.get("properties", {}).get("template"):
            schema.validate(inner)


def test_the_schema_would_find_an_error(schema):
    template = FORMATS["arm"].write(GOALS["new"]())
    template["parameters"]["registryName"]["type"] = "text"
    assert list(schema.iter_errors(template))
    template = FORMATS["arm"].write(GOALS["new"]())
    del template["resources"][0]["name"]
    assert list(schema.iter_errors(template))


@pytest.mark.parametrize("goal", GOALS)
def test_every_parameter_has_a_description_and_a_default(goal):
    for parameter in FORMATS["arm"].write(GOALS[goal]())["parameters"].values():
        assert parameter["metadata"]["description"].endswith(".")
        assert "defaultValue" in parameter


@pytest.mark.parametrize("goal", GOALS)
def test_the_order_is_identity_vault_key_grant_wait_registry(goal):
    """Each depends on those before it, as far as they are made; a rerun is safe, and the metadata say so."""
    template = FORMATS["arm"].write(GOALS[goal]())
    *others, registry = template["resources"]
    assert registry["type"].endswith("/registries")
    assert "Deploying it again is safe" in template["metadata"]["description"]
    waits = [number for number, each in enumerate(others) if each.get("copy")]
    # What is waited for by the wait, the registry need not name.
    named = [each for each in others if not (waits and "cmk-grant" in each["name"])]
    assert len(registry.get("dependsOn", [])) == len(named)
    if waits:
        assert waits == [len(others) - 1]
        assert others[-1]["copy"]["mode"] == "serial"
        assert "grantWait" in registry["dependsOn"]


@pytest.mark.parametrize("goal", GOALS)
def test_outputs_and_versions(goal):
    template = FORMATS["arm"].write(GOALS[goal]())
    assert set(template["outputs"]) == {"registryId", "loginServer", "keyIdentifier", "encryption"}
    versions = {
        "Microsoft.Resources/deployments": "2025-04-01",
        f"{VAULT_TYPE}/accessPolicies": API_VERSIONS[VAULT_TYPE],
    }
    for each in resources(template):
        if each["type"] == REGISTRY_TYPE:
            # As the command, which takes a newer one for options that require it.
            assert each["apiVersion"] >= API_VERSIONS[REGISTRY_TYPE]
        else:
            assert each["apiVersion"] == (API_VERSIONS | versions)[each["type"]]


def test_roles_are_waited_for_and_access_policies_are_not():
    def waits(goal):
        return [each for each in FORMATS["arm"].write(GOALS[goal]())["resources"] if each.get("copy")]

    assert waits("new")
    assert waits("existing elsewhere")
    assert waits("deleted")
    assert not waits("policies")
    assert not waits("existing policies")
    assert not waits("existing")


def test_an_existing_key_that_is_pinned_keeps_its_version():
    """Printed literally: no redeployment rotates it."""
    template = FORMATS["arm"].write(GOALS["existing, pinned"]())
    literal = template["parameters"]["keyIdentifier"]["defaultValue"]
    assert literal.startswith("https://")
    assert len(literal.rpartition("/")[2]) == 32
    registry = template["resources"][-1]["properties"]["encryption"]["keyVaultProperties"]
    assert registry["keyIdentifier"] == "[parameters('keyIdentifier')]"


def test_a_new_key_that_is_pinned_says_what_a_redeployment_would_do():
    template = FORMATS["arm"].write(GOALS["pinned"]())
    assert template["parameters"]["rotation"]["defaultValue"] == "manual"
    assert "rotated to a newer one" in template["parameters"]["keyVersion"]["metadata"]["description"]
    assert "without a rotation, specify the version in use as keyVersion" in template["metadata"]["description"]
