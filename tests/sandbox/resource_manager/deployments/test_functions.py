"""The functions of templates. Figures are Microsoft's own examples, or follow from documentation."""

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.resource_manager.deployments.language.errors import TemplateError
from sandbox.resource_manager.deployments.language.evaluate import evaluate
from sandbox.resource_manager.deployments.language.expressions import parse
from sandbox.resource_manager.deployments.language.functions import FUNCTIONS
from sandbox.resource_manager.deployments.language.hashes import guid, unique_string
from tests.harness import recordings


def value(text):
    return evaluate(parse(text), FUNCTIONS.get)


def test_unique_string():
    group = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/myRg"
    assert unique_string(group) == "js26ofeqkqeve"  # Microsoft's own, in the tests of Bicep
    assert unique_string("test") == "rbgf3xv4ufgzg"
    assert unique_string("hello", "world") == "a7wkljktk6wne"
    assert unique_string("l79lf7qcefb0a") == "wzizvqertovqa"  # whose last five bytes some others get wrong


def test_unique_string_by_the_vectors():
    vectors = recordings.facts("arm-function-vectors.json")["uniqueString"]
    for kind in ("published", "computed", "tail_5_to_7_bytes"):
        for vector in vectors[kind]:
            assert unique_string(*vector["args"]) == vector["result"]


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_unique_string_is_13_letters(parts):
    assert len(unique_string(*parts)) == 13
    assert set(unique_string(*parts)) <= set("abcdefghijklmnopqrstuvwxyz234567")


def test_guid():
    assert guid("a", "b") == str(uuid.uuid5(uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830"), "a-b"))
    assert guid("a") == "3703365d-5a9f-59b4-bca7-b9681389e4c1"
    assert value("guid('a', 'b')") == "2d796349-8c7e-55ec-9624-54ece82ed031"


def test_guid_by_the_vectors():
    for vector in recordings.facts("arm-function-vectors.json")["guid"]["computed"]:
        assert guid(*vector["args"]) == vector["result"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("concat('a', 1, true())", "a1True"),
        ("concat(createArray(1), createArray('b'))", [1, "b"]),
        ("format('{0}-{1}{{{0}}}', 'a', 7)", "a-7{a}"),
        ("toLower('ABC')", "abc"),
        ("toUpper('abc')", "ABC"),
        ("trim('  a ')", "a"),
        ("split('a/b/c', '/')", ["a", "b", "c"]),
        ("split('a;b,c', createArray(';', ','))", ["a", "b", "c"]),
        ("last(split('a/b/c', '/'))", "c"),
        ("first('abc')", "a"),
        ("last('')", ""),
        ("first(createArray())", None),
        ("replace('123-123', '-', '')", "123123"),
        ("substring('one two', 4, 3)", "two"),
        ("substring('one two', 4)", "two"),
        ("startsWith('abc', 'AB')", True),
        ("endsWith('abc', 'C')", True),
        ("indexOf('abcB', 'B')", 1),
        ("indexOf(createArray('a', 'b'), 'b')", 1),
        ("padLeft('7', 3, '0')", "007"),
        ("join(createArray('a', 1), '-')", "a-1"),
        ("base64('one, two')", "b25lLCB0d28="),
        ("base64ToString('b25lLCB0d28=')", "one, two"),
        ("string(json('{\"a\": [1, null]}'))", '{"a":[1,null]}'),
        ("int('42')", 42),
        ("bool('True')", True),
        ("bool(0)", False),
        ("json('{// c\n a: 1}').a", 1),
        ("length('abc')", 3),
        ("length(createObject('a', 1))", 1),
        ("empty('')", True),
        ("empty(null())", True),
        ("empty(createArray(1))", False),
        ("contains('abc', 'b')", True),
        ("contains(createArray(1, 2), 2)", True),
        ("contains(createArray(1), true())", False),
        ("contains(createObject('Name', 1), 'name')", True),
        ("take('abc', 2)", "ab"),
        ("take(createArray(1, 2), 9)", [1, 2]),
        ("take('abc', -1)", ""),
        ("skip('abc', 1)", "bc"),
        ("array('a')", ["a"]),
        ("createObject('a', createObject('b', 1)).a.b", 1),
        ("items(createObject('b', 1, 'a', 2))", [{"key": "a", "value": 2}, {"key": "b", "value": 1}]),
        ("union(createArray(1, 2), createArray(2, 3))", [1, 2, 3]),
        (
            "union(createObject('a', createObject('x', 1)), createObject('A', createObject('y', 2), 'b', 3))",
            {"a": {"x": 1, "y": 2}, "b": 3},
        ),
        ("intersection(createArray(1, 2), createArray(2, 3))", [2]),
        ("intersection(createObject('a', 1, 'b', 2), createObject('a', 1, 'b', 3))", {"a": 1}),
        ("tryGet(createObject('a', createArray(1)), 'a', 0)", 1),
        ("tryGet(createObject('a', 1), 'b', 'c')", None),
        ("range(5, 3)", [5, 6, 7]),
        ("equals('a', 'A')", False),
        ("equals(createObject('a', createArray(1)), createObject('a', createArray(1)))", True),
        ("equals(createArray(1), createArray(true()))", False),
        ("not(false())", True),
        ("less(1, 2)", True),
        ("greaterOrEquals('b', 'a')", True),
        ("add(1, 2)", 3),
        ("sub(1, 2)", -1),
        ("mul(3, 4)", 12),
        ("div(-8, 3)", -2),
        ("mod(-8, 3)", -2),
        ("min(3, 1, 2)", 1),
        ("max(createArray(3, 1))", 3),
    ],
)
def test_functions(text, expected):
    found = value(text)
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    "text",
    [
        "format('{1}', 'a')",
        "format('{0', 'a')",
        "format('{0:D3}', 7)",
        "concat('a', createArray('b'))",
        "toLower(7)",
        "replace('a', '', 'b')",
        "substring('abc', 2, 5)",
        "base64ToString('%%')",
        "int('1.5')",
        "int('\u0661')",
        "bool('yes')",
        "json('{')",
        "length(7)",
        "createObject('a')",
        "createObject(1, 2)",
        "union(createArray(), createObject())",
        "range(0, 1000000000)",
        "padLeft('a', 1000000000)",
        "take('abc', true())",
        "less(1, 'a')",
        "div(1, 0)",
        "mul(9000000000000000000, 9)",
        "min(createArray())",
        "not('true')",
        "true(1)",
    ],
)
def test_what_functions_refuse(text):
    with pytest.raises(TemplateError, match="Unable to evaluate template language function"):
        value(text)


def test_results_have_a_largest_size():
    text = "'" + "a" * 20_000 + "'"
    long = value(f"replace({text}, 'a', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa')")
    with pytest.raises(TemplateError, match="limit"):
        FUNCTIONS["concat"](*[long] * 5)
    with pytest.raises(TemplateError, match="limit"):
        FUNCTIONS["replace"](long, "a", "aaaaaa")
    with pytest.raises(TemplateError, match="limit"):
        FUNCTIONS["join"]([long] * 5, "")
