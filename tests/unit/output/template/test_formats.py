"""Every format of every goal: read by the parsers that there are, and by the schemas where they are."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import hcl2
import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from azext_acrcmk.model.access import HSM_NEEDED_ACTIONS
from azext_acrcmk.model.defaults import FORMATS as NAMES
from azext_acrcmk.model.defaults import JSON_FORMATS
from azext_acrcmk.model.ids import HSM_TYPE, IDENTITY_TYPE, VAULT_TYPE, ArmId, Scope
from azext_acrcmk.model.registry_options import RegistryOptions
from azext_acrcmk.model.state import ACCESS_POLICY, DeletedKey, DeletedVault
from azext_acrcmk.output.template import hcl
from azext_acrcmk.output.template.arm import quoted
from azext_acrcmk.output.template.bicep import string as bicep_string
from azext_acrcmk.output.template.first import problems_of
from azext_acrcmk.output.template.formats import FORMATS
from azext_acrcmk.output.template.parts import NotInTemplates, Parts, exported_parts, parts_of, place
from azext_acrcmk.plan.change import Change, UnknownChange
from azext_acrcmk.plan.enable import plan_enable
from tests.harness import make, recordings

OTHER = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/elsewhere/providers"
VAULT_ELSEWHERE, IDENTITY_ELSEWHERE = f"{OTHER}/{VAULT_TYPE}/othervault", f"{OTHER}/{IDENTITY_TYPE}/otherid"


def planned(state=make.nothing, /, **options) -> Parts:
    goal = make.goal(**options)
    plan = plan_enable(goal, state(goal), make.NOW)
    assert not plan.problems, plan.problems
    return parts_of(plan)


def existing(goal):
    return replace(make.reached(goal), registry=make.nothing(goal).registry)


def elsewhere(goal):
    groups = dict(make.nothing(goal).groups)
    group = make.group()
    there = f"{OTHER.removesuffix('/providers')}"
    return replace(make.nothing(goal), groups=(*groups.items(), (there.lower(), replace(group, id=there))))


def existing_elsewhere(goal):
    """Identity, vault and key in the other subscription, without a grant."""
    groups = elsewhere(goal).groups
    return replace(existing(goal), groups=groups, roles=(), vault=replace(existing(goal).vault, policies=()))


HSM_KEY = "https://myhsm.managedhsm.azure.net/keys/k"


def managed_hsm(goal):
    """A key in a managed HSM to which the identity has access already."""
    found = existing(goal)
    hsm = replace(found.vault, id=ArmId(make.SUBSCRIPTION, "images", HSM_TYPE, "myhsm"), kind="managedHSM")
    role = replace(found.roles[0], scope=Scope("/keys/k"), data_actions=tuple(HSM_NEEDED_ACTIONS.values()))
    return replace(found, vault=hsm, roles=(role,))


def deleted(goal):
    return replace(make.nothing(goal), vault=DeletedVault(goal.vault, "westeurope", True))


GOALS = {
    "new": planned,
    "new group": lambda: planned(lambda goal: make.nothing(goal, with_group=False), tags={"a": "b"}),
    "policies": lambda: planned(permission_model=ACCESS_POLICY, rotation="manual"),
    "pinned": lambda: planned(rotation="manual", key_lifetime="P2Y", rotation_period="P90D"),
    "on the key": lambda: planned(grant_scope="key", restrict_vault_network=True, asked_key_type="RSA-HSM"),
    "options": lambda: planned(
        options=RegistryOptions.of(public_network_enabled=False, zone_redundancy="Enabled", allow_exports=False)
    ),
    "existing": lambda: planned(existing),
    "existing, pinned": lambda: planned(existing, rotation="manual"),
    "existing, granted on the key": lambda: planned(existing_elsewhere, grant_scope="key"),
    "existing policies": lambda: planned(existing_elsewhere, permission_model=ACCESS_POLICY),
    "existing elsewhere": lambda: planned(existing_elsewhere, key_vault=VAULT_ELSEWHERE, identity=IDENTITY_ELSEWHERE),
    "existing vault": lambda: planned(lambda goal: replace(existing_elsewhere(goal), key=make.nothing(goal).key)),
    "managed HSM": lambda: planned(managed_hsm, key_encryption_key=HSM_KEY),
    "vault elsewhere": lambda: planned(elsewhere, key_vault=VAULT_ELSEWHERE, grant_scope="key"),
    "policies elsewhere": lambda: planned(elsewhere, key_vault=VAULT_ELSEWHERE, permission_model=ACCESS_POLICY),
    "identity elsewhere": lambda: planned(elsewhere, identity=IDENTITY_ELSEWHERE),
    "deleted": lambda: planned(deleted),
    "reached": lambda: planned(make.reached),
    "export": lambda: exported_parts(make.reached(make.goal())),
}


@pytest.fixture(params=GOALS)
def parts(request):
    return GOALS[request.param]()


def written(name, parts):
    """The texts of a format; none where it says why it can't."""
    if problems_of(parts, name):
        return {}
    made = FORMATS[name].write(parts)
    if FORMATS[name].is_json:
        return {"": json.dumps(made)}
    return made if isinstance(made, dict) else {"": made}


def test_the_formats_are_those_of_the_option():
    assert tuple(FORMATS) == tuple(NAMES)
    assert {name for name, form in FORMATS.items() if form.is_json} == set(JSON_FORMATS)


def test_only_terraform_can_not_recover_a_vault(parts):
    refused = {name for name in FORMATS if problems_of(parts, name)}
    assert refused == ({"azurerm", "azapi"} if parts is not None and parts.vault_id and deleted_vault(parts) else set())


def deleted_vault(parts):
    return type(parts.vault).__name__ == "RecoverVault"


@pytest.mark.parametrize("name", ["azapi", "azurerm"])
def test_terraform_is_parsed(parts, name):
    for text in written(name, parts).values():
        assert hcl2.loads(text)["terraform"], text


def test_the_script_passes_shellcheck(parts):
    shellcheck = shutil.which("shellcheck", path=Path(sys.executable).parent)
    script = written("sh", parts)[""]
    done = subprocess.run([shellcheck, "-s", "sh", "-"], input=script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_kind_that_is_not_known_is_no_template():
    with pytest.raises(UnknownChange):
        place(object.__new__(Change), Parts())
    assert issubclass(NotInTemplates, ValueError)


# What only a command can do


def test_a_soft_deleted_key_is_recovered_by_the_script_alone():
    found = planned(lambda goal: replace(existing(goal), key=DeletedKey(goal.key_name)))
    for name in FORMATS:
        problems = problems_of(found, name)
        assert (name == "sh") is not bool(problems)
        assert all("az keyvault key recover" in " ".join(each.advice) for each in problems)
    assert "az keyvault key recover" in written("sh", found)[""]


# Schemas of others


def test_the_form_fits_its_schema(parts):
    schema = recordings.facts("schemas/2021-09-09_uiFormDefinition.schema.json")
    jsonschema.Draft7Validator(schema).validate(FORMATS["form"].write(parts))


def test_bodies_fit_the_published_types(parts):
    schemas = recordings.facts("resource-body-schemas.json")["schemas"]
    for resource in resources(FORMATS["arm"].write(parts)):
        name = f"{resource['type']}@{resource['apiVersion']}"
        if not resource["type"].startswith("Microsoft.Resources/"):
            body = {
                key: each
                for key, each in resource.items()
                if key not in ("type", "apiVersion", "dependsOn", "scope", "condition")
            }
            body["name"] = body["name"] if body["name"].startswith("[") else body["name"].rpartition("/")[2]
            jsonschema.Draft202012Validator(with_expressions(schemas[name])).validate(body)


def resources(template):
    for each in template["resources"]:
        yield each
        yield from resources(each["properties"].get("template", {"resources": []})) if "properties" in each else ()


def with_expressions(schema):
    """A schema in which every value may be an expression instead."""
    if not isinstance(schema, dict):
        return schema
    changed = dict(schema)
    for name in ("properties", "patternProperties", "$defs", "definitions"):
        if name in schema:
            changed[name] = {key: with_expressions(each) for key, each in schema[name].items()}
    for name in ("items", "additionalProperties"):
        if name in schema:
            changed[name] = with_expressions(schema[name])
    for name in ("anyOf", "oneOf", "allOf"):
        if name in schema:
            changed[name] = [with_expressions(each) for each in schema[name]]
    return {"anyOf": [EXPRESSION, changed]}


EXPRESSION = {"type": "string", "pattern": r"^\[(?!\[).*\]$"}


def test_arguments_of_azurerm_are_there(parts):
    known = recordings.facts("azurerm-4.73.0-arguments.json")
    for text in written("azurerm", parts).values():
        for kind in ("resource", "data"):
            for entry in hcl2.loads(text).get(kind, []):
                for quoted_type, named in entry.items():
                    type_ = quoted_type.strip('"')
                    if type_.startswith("time_"):
                        continue
                    arguments = known[f"data.{type_}" if kind == "data" else type_]
                    for body in named.values():
                        check(body, arguments)


META = {
    "depends_on",
    "lifecycle",
    "provider",
    "__is_block__",
    "__comments__",
    "__inline_comments__",
    "__start_line__",
    "__end_line__",
}


def check(body, arguments):
    given = {name.strip('"'): value for name, value in body.items()}
    assert given.keys() - META <= arguments.keys(), given
    assert {name for name, each in arguments.items() if not each.get("optional")} <= given.keys(), given
    for name, value in given.items():
        if name not in META and "block" in arguments[name]:
            for each in value if isinstance(value, list) else [value]:
                check(each, arguments[name]["block"])


# Hostile texts


TEXTS = st.text(max_size=30) | st.sampled_from(["${x}", "%{if}", "'", '"', "\\", "[x]", "$${x}", "\n", "$(id)", "`id`"])


@given(TEXTS)
def test_no_text_breaks_out_of_a_string_of_terraform(text):
    literal = hcl.string(text)
    assert literal.count('"') - literal.count('\\"') >= 2 or "\\" in literal
    assert "${" not in literal.replace("$${", "")
    assert "%{" not in literal.replace("%%{", "")
    # JSON's escapes are HCL's, but for templates.
    assert json.loads(literal) == text.replace("${", "$${").replace("%{", "%%{")


@given(TEXTS)
def test_no_text_breaks_out_of_a_string_of_bicep(text):
    literal = bicep_string(text)
    inner = literal[1:-1]
    assert (literal[0], literal[-1]) == ("'", "'")
    index = 0
    while index < len(inner):
        assert inner[index] not in "'\n\r", literal
        assert inner[index : index + 2] != "${", literal
        index += 2 if inner[index] == "\\" else 1
    assert index == len(inner)


@given(TEXTS)
def test_no_text_breaks_out_of_a_string_of_an_expression(text):
    assert quoted(text)[1:-1].replace("''", "").count("'") == 0
