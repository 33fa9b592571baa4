"""Whatever is asked, the query language answers or refuses; it never breaks."""

from __future__ import annotations

import json

from hypothesis import example, given
from hypothesis import strategies as st

from sandbox.resource_graph import kql
from sandbox.resource_graph.kql.cursor import OPERATORS
from sandbox.resource_graph.kql.functions import FUNCTIONS
from sandbox.resource_graph.kql.texts import TEXT_OPERATORS
from tests.harness.kql_tables import NOW, TABLES, run

_MORE_WORDS = (
    "resources resourcecontainers id name tags properties n by asc desc nulls first on kind inner with to typeof | , . "
    "( ) [ ] { } = == != < <= + - * / % and or in in~ !in has_any between .. $left $right ; : let 'a' 'x.y' 1 0 2.5 1d "
    "5ms true false dynamic datetime(2026-01-01) @'\\' long string"
)
_WORDS = [*sorted(OPERATORS), *sorted(FUNCTIONS), *_MORE_WORDS.split()]

ANYTHING = st.sampled_from(
    ["properties", "properties.n", "properties.list", "tags['env']", "tags", "dynamic([1, null])"]
)


def _written(*templates: str, **parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """One of the templates, filled in."""
    filled = st.fixed_dictionaries(parts)
    return st.tuples(st.sampled_from(templates), filled).map(lambda drawn: drawn[0].format(**drawn[1]))


_QUOTED = st.text("abAB'\\\n é", max_size=5).map(lambda text: json.dumps(text, ensure_ascii=False))
texts = st.sampled_from(["id", "name", "type", "''", "tostring(tags)"]) | _QUOTED
numbers = st.integers(-(2**40), 2**62).map(lambda number: f"({number})") | st.sampled_from(
    ["2.5", "1e300", "todouble(properties.n)", "array_length(properties.list)"]
)
truths = st.sampled_from(["true", "tobool(properties.enc.on)", "isnull(tags)"])
for _ in range(3):  # as deep as expressions go
    texts, numbers, truths = (
        texts
        | _written("tolower({t})", "strcat({t}, {u})", "substring({t}, {n})", t=texts, u=texts, n=numbers)
        | _written("iff({b}, {t}, {u})", "case({b}, {t}, name)", "coalesce({t}, {u})", b=truths, t=texts, u=texts),
        numbers
        | _written("({n} {o} {m})", n=numbers, m=numbers, o=st.sampled_from("+-*/%"))
        | _written("-{n}", "tolong({n})", "strlen({t})", n=numbers, t=texts),
        truths
        | _written("({b} and {c})", "({b} or {c})", "not({b})", b=truths, c=truths)
        | _written("({n} < {m})", "({n} == {m})", "{n} between ({m} .. {n})", n=numbers, m=numbers)
        | _written("({t} == {u})", "{t} in ({u}, {t})", "{t} !in~ ({u})", "{t} has_all ({u})", t=texts, u=texts)
        | _written("({t} {o} {u})", t=texts, u=texts, o=st.sampled_from(sorted(TEXT_OPERATORS))),
    )
OPERATIONS = _written(
    "where {b}",
    "extend x = {v}",
    "project id, type, {v}",
    "order by {t}, {n} asc",
    "mv-expand x = {a} limit 3",
    "summarize count(), make_set({v}), max({n}), countif({b}) by type, {t}",
    "distinct {t}",
    "parse id with '/' {w} '/' rest",
    "project-away n*",
    "count",
    "take 2",
    "join kind=leftouter (resourcecontainers) on id",
    "union (resourcecontainers | project id)",
    v=texts | numbers | truths | ANYTHING,
    a=ANYTHING,
    b=truths,
    t=texts,
    n=numbers,
    w=st.sampled_from(["*", "part", "id", "n:long"]),
)


def attempt(query: str) -> kql.Result | None:
    """The answer to a query, or None where it was refused. An answer can be written as JSON."""
    try:
        result = kql.run(kql.parse(query), TABLES, NOW)
    except kql.QueryError:
        return None
    width = len(result.table.columns)
    assert all(len(row) == width for row in result.table.rows)
    json.dumps([[kql.written(value) for value in row] for row in result.table.rows], allow_nan=False)
    return result


@given(st.text(max_size=60))
@example("resources | where name == '\\u12'")
@example("\x00")
def test_any_text_is_answered_or_refused(query):
    attempt(query)


@given(st.lists(st.sampled_from(_WORDS), max_size=14).map(" ".join))
def test_any_words_are_answered_or_refused(query):
    attempt(query)
    attempt(f"resources | {query}")


@given(st.lists(OPERATIONS, min_size=1, max_size=3).map(" | ".join))
def test_any_operations_are_answered_or_refused(query):
    attempt(f"resources | {query}")


@given(truths)
def test_each_row_passes_a_test_or_its_contrary(test):
    kept = run(f"resources | where ({test}) == true")
    rest = run(f"resources | where not(coalesce(({test}) == true, false))")
    assert len(kept.table.rows) + len(rest.table.rows) == 3


@given(texts, numbers)
def test_an_order_loses_nothing(text, number):
    ordered = run(f"resources | order by {text} asc, {number} | project id")
    assert sorted(row[0] for row in ordered.table.rows) == ["/s/1", "/s/2", "/s/3"]
