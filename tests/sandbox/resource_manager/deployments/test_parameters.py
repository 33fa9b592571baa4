"""Parameters, variables and what else expressions may ask for."""

import pytest

from sandbox.core.web import AzureError
from sandbox.resource_manager.deployments.context import Surroundings
from tests.harness.templates import GROUP, SURROUNDINGS, identity, read, refusal, write


def parameter(value="p", **definition):
    """What a parameter comes to that a tag shows."""
    content = write(identity(tags={"x": "[parameters('p')]"}), parameters={"p": definition})
    return read(content, **({} if value is None else {"P": value})).resources[0].sent["tags"]["x"]


def output(expression, surroundings=SURROUNDINGS, **more):
    content = write(outputs={"x": {"type": "string", "value": f"[{expression}]"}}, **more)
    plan = read(content, surroundings)
    shown, wrong = plan.evaluate_outputs(lambda *arguments: pytest.fail("nothing is read here"))
    assert not wrong
    return shown["x"]["value"]


def test_parameters():
    assert parameter(type="string") == "p"
    assert parameter(None, type="String", defaultValue="[toUpper('d')]") == "D"
    assert parameter(7, type="int", minValue=7, maxValue=7) == 7
    assert parameter("b", type="string", allowedValues=["a", "b"]) == "b"
    assert parameter(["b"], type="array", allowedValues=["a", "b"]) == ["b"]
    assert parameter(None, type="string", nullable=True) is None
    assert parameter("[not evaluated]", type="string") == "[not evaluated]"
    assert parameter(None, type="string", defaultValue="[[text]") == "[text]"


def test_defaults_use_parameters_and_time():
    content = write(
        identity("[parameters('b')]"),
        parameters={
            "b": {"type": "string", "defaultValue": "[concat(parameters('A'), utcNow('yyyy'))]"},
            "a": {"type": "string", "defaultValue": "[if(equals(length(newGuid()), 36), 'id', '')]"},
        },
    )
    assert read(content).resources[0].name == "id1970"


def test_definitions_of_types():
    content = write(
        identity(tags={"x": "[parameters('p')]"}),
        languageVersion="2.0",
        definitions={"named": {"type": "string", "minLength": 3}},
        parameters={"p": {"$ref": "#/definitions/named"}},
    ) | {"resources": {}}
    assert read(content, p="abc").parameters["p"].type == "String"
    assert "should be greater than or equal to '3'" in refusal(content, p="ab")


@pytest.mark.parametrize(
    ("value", "definition", "words"),
    [
        (
            None,
            {"type": "string"},
            "parameter 'p' at line '1' and column '1' is not provided",
        ),
        (7, {"type": "string"}, "Expected a value of type 'String, Uri', but received a value of type 'Integer'"),
        (True, {"type": "int"}, "Expected a value of type 'Integer', but received a value of type 'Boolean'"),
        ({}, {"type": "array"}, "Expected a value of type 'Array', but received a value of type 'Object'"),
        ("c", {"type": "string", "allowedValues": ["a", "b"]}, "is not part of the allowed value(s): 'a,b'.'."),
        ("c", {"type": "securestring", "allowedValues": ["a"]}, "The provided value for the template parameter 'p'"),
        ("abcd", {"type": "string", "maxLength": 3}, "Length of the value should be less than or equal to '3'"),
        (1, {"type": "int", "minValue": 2}, "The value should be greater than or equal to '2'"),
        ("a", {"type": "text"}, "The type 'text' of the parameter 'p' is not one of"),
        ("a", {"$ref": "#/definitions/no"}, "The type definition '#/definitions/no' is not found"),
        (None, {"type": "string", "defaultValue": "[parameters('p')]"}, "refers to itself"),
        (None, {"type": "string", "defaultValue": "[parameters('q')]"}, "The template parameter 'q' is not found"),
        (None, {"type": "string", "defaultValue": "[reference('x')]"}, "'reference' is not expected at this location"),
    ],
)
def test_refused_parameters(value, definition, words):
    content = write(parameters={"p": definition})
    assert words in refusal(content, **({} if value is None else {"p": value}))


def test_unknown_parameters():
    message = refusal(write(parameters={"kek_id": {"type": "string"}}), kek_id="k", key_id="k", b="x")
    assert message.startswith(
        "Deployment template validation failed: 'The template parameters 'key_id, b' in the parameters file are not "
        "valid; they are not present in the original template and can therefore not be provided at deployment time. "
        "The only supported parameters for this template are 'kek_id'."
    )


def test_variables():
    variables = {
        "a": "[variables('B')]",
        "b": {"x": ["[toLower('Y')]"], "copy": [{"name": "n", "count": 2, "input": "[copyIndex('n', 5)]"}]},
        "copy": [{"name": "c", "count": 3, "input": "[concat('c', copyIndex('c'))]"}],
    }
    assert output("string(variables('a'))", variables=variables) == '{"x":["y"],"n":[5,6]}'
    assert output("join(variables('c'), '')", variables=variables) == "c0c1c2"
    assert "refers to itself" in refusal(write(variables={"a": "[variables('b')]", "b": "[variables('a')]"}))
    assert "The template variable 'a' at line '1' and column '1' is not valid" in refusal(
        write(variables={"a": "[no()]"})
    )
    assert "'newGuid' is not expected" in refusal(write(variables={"a": "[newGuid()]"}))


def test_too_deep_is_refused():
    variables = {f"v{number}": f"[concat('a', variables('v{number + 1}'))]" for number in range(3000)} | {"v3000": "x"}
    assert "too deeply" in refusal(write(variables=variables))


def test_own_functions():
    functions = [
        {
            "namespace": "contoso",
            "members": {
                "name": {
                    "parameters": [{"name": "Prefix", "type": "string"}],
                    "output": {"type": "string", "value": "[concat(toLower(parameters('prefix')), contoso.end())]"},
                },
                "end": {"output": {"type": "string", "value": "!"}},
                "endless": {"output": {"type": "string", "value": "[contoso.endless()]"}},
            },
        }
    ]
    assert output("contoso.NAME('AB')", functions=functions) == "ab!"
    for call in ("contoso.name()", "contoso.endless()"):
        assert "can't be called like this" in refusal(write(functions=functions, variables={"v": f"[{call}]"}))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (
            "resourceId('Microsoft.KeyVault/vaults/keys', 'v', 'k')",
            f"{GROUP}/providers/Microsoft.KeyVault/vaults/v/keys/k",
        ),
        ("RESOURCEID('g2', 'A.B/c', 'n')", "/subscriptions/s1/resourceGroups/g2/providers/A.B/c/n"),
        ("resourceId('s2', 'g2', 'A.B/c', 'n')", "/subscriptions/s2/resourceGroups/g2/providers/A.B/c/n"),
        ("subscriptionResourceId('A.B/c', 'n')", "/subscriptions/s1/providers/A.B/c/n"),
        ("subscriptionResourceId('s2', 'A.B/c', 'n')", "/subscriptions/s2/providers/A.B/c/n"),
        ("tenantResourceId('A.B/c', 'n')", "/providers/A.B/c/n"),
        ("extensionResourceId(resourceGroup().id, 'A.B/c', 'n')", f"{GROUP}/providers/A.B/c/n"),
        ("resourceGroup().location", "westus"),
        ("subscription().subscriptionId", "s1"),
        ("tenant().tenantId", "t1"),
        ("deployment().name", "d1"),
        ("deployer().objectId", "o1"),
        ("environment().suffixes.keyvaultDns", ".vault.azure.net"),
    ],
)
def test_where_it_is(expression, expected):
    assert output(expression) == expected


def test_at_a_subscription():
    there = Surroundings(**{**SURROUNDINGS.__dict__, "group": None})
    assert output("resourceId('A.B/c', 'n')", there) == "/subscriptions/s1/providers/A.B/c/n"
    with pytest.raises(AzureError, match="'resourceGroup' is not expected at this location"):
        read(write(variables={"v": "[resourceGroup().id]"}), there)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("resourceId('A.B/c')", "the type 'A.B/c' requires '1' resource name argument(s)"),
        ("resourceId('A.B/c', 'n', 'm')", "the type 'A.B/c' requires '1' resource name argument(s)"),
        ("resourceId('a')", "has to be a resource type"),
        ("resourceId(7)", "all arguments have to be strings"),
        ("subscriptionResourceId('s', 'g', 'A.B/c', 'n')", "has to be a resource type"),
        ("extensionResourceId('x', 'A.B/c', 'n')", "'x' is not a resource id"),
        ("copyIndex()", "'copyIndex' is not expected at this location"),
        ("parameters(7)", "the argument is not a string"),
    ],
)
def test_wrong_ids(expression, words):
    assert words in refusal(write(variables={"v": f"[{expression}]"}))
