"""Terraform by azapi: its bodies are those that the provider knows, since it checks them when it plans."""

from __future__ import annotations

import hcl2
import jsonschema
import pytest

from azext_acrcmk.output.template.first import problems_of
from azext_acrcmk.output.template.formats import FORMATS
from tests.harness import recordings
from tests.unit.output.template.test_formats import EXPRESSION, GOALS, with_expressions

WRITTEN = {goal: make() for goal, make in GOALS.items() if not problems_of(make(), "azapi")}


def plain(value):
    """A value as azapi gets it; what is known only then is an expression of templates."""
    if isinstance(value, dict):
        return {name.strip('"'): plain(each) for name, each in value.items() if name != "__is_block__"}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, str):
        return "[x]" if "${" in value else value.removeprefix('"').removesuffix('"')
    return value


def resources(goal):
    text = FORMATS["azapi"].write(WRITTEN[goal])
    for entry in hcl2.loads(text).get("resource", []):
        for kind, named in entry.items():
            for name, body in named.items():
                yield kind.strip('"'), name.strip('"'), plain(body)


@pytest.mark.parametrize("goal", WRITTEN)
def test_bodies_are_those_that_the_provider_knows(goal):
    schemas = recordings.facts("resource-body-schemas.json")["schemas"]
    checked = 0
    for kind, _, given in resources(goal):
        if not kind.startswith("azapi_") or given["type"].startswith("Microsoft.Resources/"):
            continue
        schema = dict(schemas[given["type"]])
        # These are arguments of their own, or what is given is not all of it.
        apart = {"name", "location", "identity", "tags"} if kind == "azapi_resource" else set(schema["properties"])
        schema["required"] = [each for each in schema.get("required", []) if each not in apart]
        jsonschema.Draft202012Validator(with_expressions(schema)).validate(given.get("body", {}))
        checked += 1
    assert checked


@pytest.mark.parametrize("goal", WRITTEN)
def test_a_registry_that_can_not_use_its_key_yet_is_tried_again(goal):
    """By the published message: the only cure of the race that a format has by itself."""
    (registry,) = [given for _, name, given in resources(goal) if name == "registry"]
    assert registry["retry"]["error_message_regex"] == ["Failed to access KeyId"]
    assert registry["timeouts"][0]["create"].endswith("m")


def test_an_expression_is_one_of_templates():
    jsonschema.Draft202012Validator(EXPRESSION).validate(plain("${a.b}"))
