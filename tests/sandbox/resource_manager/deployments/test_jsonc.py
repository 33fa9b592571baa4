"""JSON with comments, as the text of templates comes."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.resource_manager.deployments.language.jsonc import JsonError, loads, place_of

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES, st.sampled_from([None, 2]))
def test_json_is_read_as_json(value, indent):
    assert loads(json.dumps(value, indent=indent)) == value


@given(st.text(alphabet='{}[]":,/*\\n aé\'"-1.2eTtrufalsn$x\t', max_size=60))
def test_nothing_but_its_own_error(text):
    with suppress(JsonError):
        value = loads(text)
        assert loads(json.dumps(value)) == value


def test_what_az_sends():
    file = '{\n  // a "comment": {\n  "a": 1, /* another\n */ "b": [2, 3,],\n}'
    assert loads(f'{{"properties": {{"mode": "Incremental", template:{file}}}}}') == {
        "properties": {"mode": "Incremental", "template": {"a": 1, "b": [2, 3]}}
    }


def test_strings_keep_what_looks_like_more():
    assert loads('{"a": "// {x: 1}", "b": "two\nlines", "c": "\\u00e9\\"/*"}') == {
        "a": "// {x: 1}",
        "b": "two\nlines",
        "c": 'é"/*',
    }


def test_objects_know_their_place():
    found = loads('{\n  "a": {\n     "b": [ {} ]\n  },\n "c": {}}')
    assert [place_of(each) for each in (found, found["a"], found["a"]["b"][0], found["c"])] == [
        (1, 1),
        (2, 8),
        (3, 13),
        (5, 7),
    ]
    assert place_of({}) == (1, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Unexpected end of content"),
        ("{", "Unexpected end of content"),
        ('{"a" 1}', "parsing property name: 1. Line 1, position 6."),
        ("[1 2]", "parsing value: 2"),
        ("[,]", "parsing value: ,"),
        ("{}\n x", "Additional text encountered after finished reading JSON content. Line 2, position 2."),
        ('"no end', "Unterminated string"),
        ("/* no end", "parsing value: /"),
        ("[" * 1000, "MaxDepth"),
        ("-", "parsing value: -"),
        ("9" * 5000, "too long"),
        ("nothing", "parsing value: n"),
    ],
)
def test_what_is_refused(text, words):
    with pytest.raises(JsonError) as refused:
        loads(text)
    assert words in str(refused.value)
