"""Bicep says the same as the Resource Manager template: the same resources with the same bodies."""

from __future__ import annotations

from functools import cache

import pycep
import pytest

from azext_acrcmk.output.template.formats import FORMATS
from tests.unit.output.template.test_formats import GOALS, resources

# What the formats write in another way, or in another place.
APART = {"type", "apiVersion", "name", "scope", "condition", "dependsOn", "copy", "subscriptionId", "resourceGroup"}
SOME = "<expression>"


def of_template(value):
    """A value in which expressions are only that."""
    if isinstance(value, dict):
        return {of_template(name): of_template(each) for name, each in value.items()}
    if isinstance(value, list):
        return [of_template(each) for each in value]
    if isinstance(value, str) and value.startswith("["):
        return value[1:] if value.startswith("[[") else SOME
    return value


def from_template(goal):
    made = resources(FORMATS["arm"].write(GOALS[goal]()))
    named = ((each, {name: value for name, value in each.items() if name not in APART}) for each in made)
    return [(f"{each['type']}@{each['apiVersion']}", of_template(body)) for each, body in named]


@cache
def parsed(goal):
    """The files by name."""
    files = FORMATS["bicep"].write(GOALS[goal]())
    return {name: pycep.BicepParser().parse(text=text) for name, text in files.items()}


def from_bicep(goal):
    found = []
    for file in parsed(goal).values():
        for each in file["resources"].values():
            if not each["existing"]:
                config = each["config"]
                config = config["config"] if "loop_type" in config or "condition" in config else config
                body = {name: value for name, value in config.items() if name not in APART}
                found.append((f"{each['type']}@{each['api_version']}", body))
    return found


def alike(expected, found):
    """Whether a parsed value of Bicep is that of the template: an expression is whatever the parser makes of it."""
    if expected == SOME:
        return True
    if isinstance(expected, dict):
        names = {name.strip("'") if "${" not in name else SOME: each for name, each in found.items()}
        return names.keys() == expected.keys() and all(alike(each, names[name]) for name, each in expected.items())
    if isinstance(expected, list):
        return len(expected) == len(found) and all(map(alike, expected, found))
    return expected == found and type(expected) is type(found)


@pytest.mark.parametrize("goal", GOALS)
def test_the_same_bodies(goal):
    wanted, found = from_template(goal), from_bicep(goal)
    # A nested deployment is a module; the waits are resources in both.
    wanted = [(name, body) for name, body in wanted if not is_nested(name, body)]
    assert sorted(name for name, _ in wanted) == sorted(name for name, _ in found)
    for name, body in wanted:
        assert [other for kind, other in found if kind == name and alike(body, other)], (name, body, found)


def is_nested(name, body):
    return "/deployments@" in name and "expressionEvaluationOptions" in body["properties"]


@pytest.mark.parametrize("goal", GOALS)
def test_a_module_for_each_nested_deployment(goal):
    """Reached in the same resource group, with the same parameters."""
    nested = [each for each in FORMATS["arm"].write(GOALS[goal]())["resources"] if is_nested_resource(each)]
    files = parsed(goal)
    modules = files[""].get("modules", {})
    assert len(modules) == len(nested)
    assert {each["detail"]["path"] for each in modules.values()} == set(files) - {""}
    places = sorted("subscriptionId" in each for each in nested)
    assert sorted("scope" in each["config"] for each in modules.values()) == places
    parameters = sorted(sorted(each["properties"]["parameters"]) for each in nested)
    assert sorted(sorted(each["config"].get("params", {})) for each in modules.values()) == parameters


def is_nested_resource(each):
    return is_nested(f"{each['type']}@", each)


@pytest.mark.parametrize("goal", GOALS)
def test_the_same_parameters_and_outputs(goal):
    template = FORMATS["arm"].write(GOALS[goal]())
    main = parsed(goal)[""]
    assert set(main.get("parameters", {})) == set(template["parameters"])
    assert set(main["outputs"]) == set(template["outputs"])


def test_a_difference_would_be_found():
    assert alike({"a": [1, SOME]}, {"a": [1, {"operator": {}}]})
    assert not alike({"a": [1, "b"]}, {"a": [1, "c"]})
    assert not alike({"a": 1}, {"a": 1, "b": 2})
    assert not alike({"a": True}, {"a": 1})
