"""Expressions: text and tree, and what they come to."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.resource_manager.deployments.language.errors import SyntaxTemplateError, TemplateError
from sandbox.resource_manager.deployments.language.evaluate import UNKNOWN, Unknown, evaluate
from sandbox.resource_manager.deployments.language.expressions import (
    Call,
    Item,
    Literal,
    Member,
    escape,
    is_expression,
    parse,
    unescape,
    unparse,
)
from sandbox.resource_manager.deployments.language.functions import FUNCTIONS

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
CALL_NAMES = NAMES | st.builds("{}.{}".format, NAMES, NAMES)
LITERALS = st.builds(Literal, st.text(max_size=20) | st.integers(-(10**17), 10**17))
NODES = st.recursive(
    LITERALS | st.builds(Call, CALL_NAMES),
    lambda inner: (
        st.builds(Call, CALL_NAMES, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Member, inner, NAMES)
        | st.builds(Item, inner, inner)
    ),
    max_leaves=15,
)
KNOWN = {
    "null": None,
    "object": {"Name": "n", "list": [10, 20], "inner": {"x": "y"}},
    "later": UNKNOWN,
}


def lookup(name):
    return FUNCTIONS.get(name) or {
        "variables": lambda key: KNOWN.get(str(key)),
        "fail": lambda: pytest.fail("must not be evaluated"),
        "wrong": lambda: FUNCTIONS["int"]("x"),
    }.get(name)


def value(text):
    return evaluate(parse(text), lookup)


@given(NODES)
def test_text_and_tree_are_the_same(node):
    assert parse(unparse(node)) == node


@given(st.text(alphabet="ab()[],.' -19$_\t\n\"{}é", max_size=40))
def test_nothing_but_its_own_error(text):
    with suppress(SyntaxTemplateError):
        node = parse(text)
        assert parse(unparse(node)) == node


CALLS = st.builds(
    Call,
    st.sampled_from([*FUNCTIONS, "if", "and", "or", "coalesce", "variables", "nonsense"]),
    st.lists(st.deferred(lambda: ARGUMENTS), max_size=4).map(tuple),
)
ARGUMENTS = (
    st.builds(Literal, st.text(max_size=8) | st.integers(-3, 12))
    | st.sampled_from([parse(f"variables('{name}')") for name in KNOWN])
    | st.sampled_from([parse("true()"), parse("createArray(1, 'a')"), parse("variables('object').list[0]")])
    | CALLS
)


@given(CALLS)
def test_evaluation_fails_by_its_own_error_only(node):
    with suppress(TemplateError):
        result = evaluate(node, lookup)
        assert isinstance(result, str | int | list | dict | Unknown | None)


def test_hostile_text_is_text():
    hostile = (
        "__import__('os').system('true')",
        "open('/etc/passwd')",
        "().__class__",
        "variables('object').__class__",
    )
    for text in hostile:
        with pytest.raises(TemplateError):
            value(text)


@pytest.mark.parametrize("text", ["(" * 5000, "f(" * 5000, "a()" + ".b" * 5000, "a()" + "[0]" * 5000, "'" * 30_000])
def test_depth_and_length_have_an_end(text):
    with pytest.raises(SyntaxTemplateError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("concat('ai-', uniqueString('x')", "expected token 'RightParenthesis' and actual 'EndOfData'"),
        (" ", "expected token 'Identifier' and actual 'EndOfData'"),
        ("name", "expected token 'LeftParenthesis' and actual 'EndOfData'"),
        ("f(,)", "expected token 'Identifier' and actual 'Comma'"),
        ("f('a' 'b')", "and actual 'String'"),
        ("f() g()", "expected token 'EndOfData' and actual 'Identifier'"),
        ('f("x")', "the string character '\"' at position '3' is not expected"),
        ("f('x", "the string character ''' at position '3' is not expected"),
    ],
)
def test_messages_of_the_parser(text, words):
    with pytest.raises(SyntaxTemplateError) as refused:
        parse(text)
    assert words in str(refused.value)
    assert text in str(refused.value)


def test_which_values_are_expressions():
    assert [is_expression(each) for each in ("[a()]", "[]", "a", "[a", "[[a]", 7, None)] == [
        True,
        True,
        False,
        False,
        False,
        False,
        False,
    ]
    assert [unescape(each) for each in ("[[a]", "[[a", "a", "[[[a]]")] == ["[a]", "[[a", "a", "[[a]]"]


@given(st.text(alphabet="[]a'", max_size=6))
def test_what_is_escaped_stands_for_itself(text):
    assert not is_expression(escape(text))
    assert unescape(escape(text)) == text


def test_members_and_items():
    assert value("variables('object').name") == "n"
    assert value("variables('object')['LIST'][1]") == 20
    assert value("VARIABLES('object').inner['x']") == "y"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("variables('object').size", "property 'size' doesn't exist, available properties are 'Name, list, inner'"),
        ("variables('object').name.x", "property 'x' can't be evaluated"),
        ("variables('object').list[2]", "array index '2' is out of bounds"),
        ("variables('object').list[-1]", "array index '-1' is out of bounds"),
        ("variables('object')[0]", "property name must be a string"),
        ("variables('object').list['a']", "array index must be an integer"),
        ("contoso.own()", "template function 'contoso.own' is not valid"),
        ("if('x', 1, 2)", "a condition has to be a boolean"),
        ("if(true(), 1)", "requires 3 argument(s) while 2 were given"),
        ("toLower()", "it is not a function of 0 argument(s)"),
    ],
)
def test_messages_of_evaluation(text, words):
    with pytest.raises(TemplateError) as refused:
        value(text)
    assert words in str(refused.value)


def test_only_the_branch_that_is_taken():
    assert value("if(equals(1, 1), 'yes', fail())") == "yes"
    assert value("if(false(), fail(), 'no')") == "no"
    assert value("and(false(), fail())") is False
    assert value("or(true(), fail())") is True
    assert value("coalesce(null(), 'a', fail())") == "a"


def test_what_is_not_known_yet():
    for text in (
        "variables('later')",
        "variables('later').a.b[0]",
        "concat('a', variables('later').x)",
        "createArray(variables('later'))",
        "variables('object').list[variables('later')]",
        "if(variables('later'), 1, 2)",
        "if(variables('later'), wrong(), 2)",
        "and(true(), variables('later'))",
        "not(variables('later'))",
    ):
        assert value(text) == UNKNOWN, text
    assert value("and(variables('later'), false())") is False
    assert value("if(true(), 1, variables('later'))") == 1


def test_a_value_without_end():
    grown = [1]
    for _ in range(40):
        grown = [grown, grown]
    with pytest.raises(TemplateError, match="too large"):
        evaluate(parse("length(grown())"), {**FUNCTIONS, "grown": lambda: grown}.get)
