"""From a template and its parameters to the resources in their order. Nothing is made here."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.core.web import AzureError
from sandbox.resource_manager.deployments import template
from sandbox.resource_manager.deployments.language import jsonc
from sandbox.resource_manager.deployments.language.evaluate import Unknown
from tests.harness.templates import GROUP, IDENTITIES, identity, nested, read, refusal, symbolic, write


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({}, "Deployment template parse failed: 'Required property '$schema' not found in JSON."),
        (write(resourcez=[]), "Could not find member 'resourcez' on object of type 'Template'"),
        (write(parameters=[]), "The property 'parameters' of a template has to be an object"),
        (write(languageVersion="3.0"), "The language version '3.0' is not supported"),
        (write(languageVersion="2.0"), "have to be an object with languageVersion '2.0'"),
        (write("text"), "it is not an object"),
        (write({"type": IDENTITIES, "name": "x"}), "Required property 'apiVersion' not found in JSON"),
        (write(identity(propertis={})), "Could not find member 'propertis' on object of type 'TemplateResource'"),
        (
            write(identity("a/b")),
            f"resource 'a/b' for type '{IDENTITIES}' at line '1' and column '1' has incorrect ",
        ),
        (write(identity("[reference('x').n]")), "'reference' is not expected at this location"),
        (
            write(identity("[f(]")),
            "expression evaluation failed: 'Unable to parse language expression",
        ),
        (write(identity(condition="yes")), "The condition 'yes' of a resource has to be a boolean"),
        (write(identity(resourceGroup="other")), "are for resources of type 'Microsoft.Resources/deployments'"),
        (write(identity(scope="/")), "no tenant to deploy to"),
        (write(identity(copy={"name": "c", "count": 801})), "has a count '801'"),
        (write(identity(copy={"count": 1})), "has to have a name"),
        (write(identity(copy={"name": "c", "count": 1, "mode": "serial", "batchSize": 0})), "The batch size '0'"),
        (
            write(identity(), identity()),
            f"'{IDENTITIES}/id1' at line '1' and column '1' is defined multiple times",
        ),
        (write(identity(dependsOn=["no"])), "'The resource 'no' is not defined in the template."),
        (write(identity(dependsOn=[f"{GROUP}/providers/A.B/c/n"])), "'The resource 'A.B/c/n' is not defined"),
        (write(identity(dependsOn="id1")), "'dependsOn' of a resource has to be an array of strings"),
        (write(identity(properties={"x": "[reference('no').y]"})), "The resource 'no' is not defined in the template"),
        (
            write(identity(properties={"x": "[reference('/a/b').y]"})),
            "The resource '/a/b' is not defined",
        ),
        (
            write(identity(dependsOn=["id1"])),
            f"Circular dependency detected on resource: '{GROUP}/",
        ),
        (write(identity(**{"@options": {"retryOn": []}})), "does not know what the option 'retryOn' does"),
        (write(outputs={"o": {"type": "int", "value": "x"}}), "The template output 'o' at line"),
        (write(outputs={"o": {"type": "string"}}), "It has neither a value nor a copy definition"),
        (write(functions=[{}]), "The functions of a template need"),
    ],
)
def test_refused_templates(content, words):
    assert words in refusal(content)


def test_messages_name_the_place():
    text = json.dumps(write(identity("[no()]")), indent=2)
    message = refusal(jsonc.loads(text))
    line = text[: text.index('"type"')].count("\n")
    assert f"The template resource '[no()]' at line '{line}' and column '5' is not valid" in message


def test_resources():
    (found,) = read(write(identity(tags={"[variables('t')]": "[[x]"}), variables={"t": "T"})).resources
    assert found.id == f"{GROUP}/providers/{IDENTITIES}/id1"
    assert found.body(None) == {"location": "westus", "tags": {"T": "[x]"}}


def test_children_and_scopes():
    vault = {"type": "Microsoft.KeyVault/vaults", "apiVersion": "2026-02-01", "name": "v"}
    key = {"type": "keys", "apiVersion": "2026-02-01", "name": "k"}
    role = {"type": "Microsoft.Authorization/roleAssignments", "apiVersion": "2022-04-01", "name": "r"}
    content = write(
        vault | {"resources": [key]},
        role | {"scope": "Microsoft.KeyVault/vaults/v"},
        role | {"scope": "[resourceId('s2', 'g2', 'A.B/c', 'n')]", "name": "q"},
    )
    assert [each.id for each in read(content).resources] == [
        f"{GROUP}/providers/Microsoft.KeyVault/vaults/v",
        f"{GROUP}/providers/Microsoft.KeyVault/vaults/v/keys/k",
        f"{GROUP}/providers/Microsoft.KeyVault/vaults/v/providers/Microsoft.Authorization/roleAssignments/r",
        "/subscriptions/s2/resourceGroups/g2/providers/A.B/c/n/providers/Microsoft.Authorization/roleAssignments/q",
    ]


def test_nested_deployments_say_where_they_are():
    nested = {"type": "Microsoft.Resources/deployments", "apiVersion": "2025-04-01", "properties": {}}
    content = write(
        nested | {"name": "a"},
        nested | {"name": "b", "resourceGroup": "g2"},
        nested | {"name": "c", "subscriptionId": "s2", "resourceGroup": "g2"},
        nested | {"name": "d", "subscriptionId": "s2"},
        nested | {"name": "e", "subscriptionId": "s2", "location": "westus"},
    )
    below = "providers/Microsoft.Resources/deployments"
    assert [each.id for each in read(content).resources] == [
        f"{GROUP}/{below}/a",
        f"/subscriptions/s1/resourceGroups/g2/{below}/b",
        f"/subscriptions/s2/resourceGroups/g2/{below}/c",
        f"/subscriptions/s2/resourceGroups/Rg/{below}/d",
        f"/subscriptions/s2/{below}/e",
    ]


def test_loops():
    content = write(
        identity(
            "[concat('id', copyIndex(1))]",
            copy={"name": "many", "count": "[parameters('n')]", "mode": "serial", "batchSize": 2},
            tags={"i": "[string(copyIndex('MANY'))]"},
        ),
        identity("after", dependsOn=["many"]),
        parameters={"n": {"type": "int"}},
    )
    plan = read(content, n=5)
    assert [each.name for each in plan.resources] == ["id1", "id2", "id3", "id4", "id5", "after"]
    assert [each.sent["tags"]["i"] for each in plan.resources[:5]] == ["0", "1", "2", "3", "4"]
    assert plan.needs == [set(), set(), {0, 1}, {0, 1}, {2, 3}, {0, 1, 2, 3, 4}]
    assert "'The resource 'many' is not defined" in refusal(content, n=0)


def test_loops_of_properties():
    properties = {"copy": [{"name": "list", "count": 2, "input": {"n": "[copyIndex('list')]"}}], "other": 1}
    assert read(write(identity(properties=properties))).resources[0].probed == {
        "list": [{"n": 0}, {"n": 1}],
        "other": 1,
    }


def test_who_waits_for_whom():
    by_name = {"x": "[reference('id1').clientId]"}
    by_id = {"x": "[reference(resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'id1'), '2024-11-30').y]"}
    content = write(
        identity("id1"),
        identity("id2", properties=by_name),
        identity("id3", properties=by_id),
        identity("id4", dependsOn=[f"[resourceId('{IDENTITIES}', 'id1')]", f"{IDENTITIES}/ID2", "id3"]),
        identity("id5", condition=False),
        identity("id6", dependsOn=["id5"], properties={"x": "[if(true(), 1, reference('id1').y)]"}),
    )
    # An id makes no dependency; what is not made is not waited for.
    assert read(content).needs == [set(), {0}, set(), {0, 1, 2}, set(), set()]


def test_what_is_not_known_stays_an_expression():
    text = "[concat('a', reference('id1').clientId)]"
    content = write(identity("id1"), identity("id2", properties={"x": text, "y": [text, 1]}))
    assert read(content).resources[1].probed == {"x": Unknown(text), "y": [Unknown(text), 1]}


def test_circles():
    second = identity("b", properties={"x": "[reference('c').y]"})
    content = write(identity("a", dependsOn=["b"]), second, identity("c", dependsOn=["a"]))
    assert "Circular dependency detected on resource" in refusal(content)


def test_symbolic_names():
    content = symbolic(
        first=identity("id1"),
        many=identity("[concat('m', copyIndex())]", copy={"name": "many", "count": 2}),
        there={**identity("id9"), "existing": True, "resourceGroup": "g9", "subscriptionId": "s9"},
        last=identity(
            "id2",
            dependsOn=["[format('many[{0}]', 1)]", "there"],
            properties={"x": "[reference('first').y]", "z": "[reference('there').y]"},
        ),
    )
    plan = read(content)
    assert plan.needs == [set(), set(), set(), set(), {0, 2}]
    assert plan.resources[3].id == f"/subscriptions/s9/resourceGroups/g9/providers/{IDENTITIES}/id9"
    assert not plan.resources[3].made
    content["resources"]["last"]["dependsOn"] = ["id1"]  # a name is no symbol
    assert "'The resource 'id1' is not defined in the template" in refusal(content)


def test_inner_and_outer():
    inside = write(identity("[parameters('n')]"), parameters={"n": {"type": "string", "defaultValue": "x"}})
    nested = {
        "type": "Microsoft.Resources/deployments",
        "apiVersion": "2025-04-01",
        "name": "nested",
        "properties": {"mode": "Incremental", "template": inside, "parameters": {"n": {"value": "[parameters('n')]"}}},
    }
    inner = json.loads(json.dumps(nested))
    inner["properties"]["ExpressionEvaluationOptions"] = {"Scope": "Inner"}
    definition = {"parameters": {"n": {"type": "string", "defaultValue": "[[outer]"}}}
    (resource,) = read(write(inner, **definition)).resources
    assert resource.probed["template"] == inside
    assert resource.probed["parameters"] == {"n": {"value": "[outer]"}}
    (resource,) = read(write(nested, **definition)).resources
    # What the outer template's value is must not be evaluated once more.
    assert resource.probed["template"]["resources"][0]["name"] == "[[outer]"


def test_limits():
    many = {f"p{number}": {"type": "string", "defaultValue": ""} for number in range(257)}
    assert "parameters limit exceeded. Limit: '256' and actual: '257'" in refusal(write(parameters=many))
    loops = [identity(f"[concat('{name}', copyIndex())]", copy={"name": name, "count": 500}) for name in "ab"]
    assert "resources limit exceeded. Limit: '800'" in refusal(write(*loops))


def test_outputs():
    content = write(
        outputs={
            "text": {"type": "String", "value": "[concat('a', 'b')]"},
            "secret": {"type": "secureString", "value": "s"},
            "list": {"type": "array", "copy": {"count": 2, "input": "[copyIndex()]"}},
            "not": {"type": "int", "value": 1, "condition": "[false()]"},
        }
    )
    shown, wrong = read(content).evaluate_outputs(None)
    assert shown == {
        "text": {"type": "String", "value": "ab"},
        "secret": {"type": "SecureString"},
        "list": {"type": "Array", "value": [0, 1]},
    }
    assert not wrong


TEXTS = [
    "[parameters('p')]",
    "[variables('v')]",
    "[copyIndex()]",
    "[reference('id1').x]",
    "[f(",
    "[x]",
    "a",
    "A.B/c",
    "",
]
MEMBERS = [
    *(
        "type",
        "name",
        "apiVersion",
        "copy",
        "count",
        "input",
        "mode",
        "batchSize",
        "condition",
        "dependsOn",
        "resources",
    ),
    *("properties", "value", "defaultValue", "allowedValues", "minLength", "scope", "output", "namespace", "members"),
    *("$ref", "template", "existing", "location", "tags", "resourceGroup", "subscriptionId", "@options", "nullable"),
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 900) | st.sampled_from(TEXTS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=5),
    max_leaves=12,
)
CHANGES = st.dictionaries(st.sampled_from(MEMBERS), VALUES, max_size=3)
RESOURCES = CHANGES.map(lambda changes: {**identity(), **changes})
NESTED = CHANGES.map(lambda changes: {**nested("n", write()), **changes})
DEFINITIONS = st.dictionaries(
    st.sampled_from("pvox"), CHANGES.map(lambda changes: {"type": "string", "value": "x", **changes}) | VALUES
)
SECTIONS = {
    "resources": VALUES | st.lists(RESOURCES | NESTED, max_size=3) | st.dictionaries(st.sampled_from("ab"), RESOURCES),
    "parameters": VALUES | DEFINITIONS,
    "variables": VALUES | st.dictionaries(st.sampled_from(["v", "w", "copy"]), VALUES),
    "outputs": VALUES | DEFINITIONS,
    "functions": VALUES | st.lists(VALUES, max_size=2),
    "definitions": VALUES | DEFINITIONS,
    "languageVersion": VALUES | st.sampled_from(["1.0", "2.0"]),
}


@given(st.fixed_dictionaries({}, optional=SECTIONS), st.dictionaries(st.sampled_from("px"), VALUES))
def test_whatever_is_no_template_is_refused(members, given_values):
    try:
        plan = read(write() | members, **given_values)
    except AzureError as refused:
        plan = refused
    assert isinstance(plan, template.Plan) or plan.code == "InvalidTemplate"
