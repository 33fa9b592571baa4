"""The query language: which queries are refused, and in which words."""

from __future__ import annotations

import pytest

from tests.harness.kql_tables import error, run


class TestLimits:
    """Facts: fleet.md 1.4."""

    JOIN = "| join kind=inner ({}) on id "

    def test_three_joins(self):
        assert run("resources " + self.JOIN.format("resourcecontainers") * 3)
        assert error("resources " + self.JOIN.format("resourcecontainers") * 4).code == "DisallowedNumberOfOperators"

    def test_one_of_them_with_another_table(self):
        assert run("authorizationresources " + self.JOIN.format("resources"))
        refused = error(
            "authorizationresources " + self.JOIN.format("resources") + self.JOIN.format("resourcecontainers")
        )
        assert refused.code == "DisallowedNumberOfOperators"

    def test_another_table_only_once(self):
        refused = error("resources " + self.JOIN.format("authorizationresources") * 2)
        assert refused.code == "DisallowedMaxNumberOfRemoteTables"

    def test_also_inside_each_other(self):
        inner = "resourcecontainers " + self.JOIN.format("resources") * 3
        assert error("resources " + self.JOIN.format(inner)).code == "DisallowedNumberOfOperators"

    def test_three_mv_expands(self):
        assert run("resources " + "| mv-expand properties.list " * 3)
        assert error("resources " + "| mv-expand properties.list " * 4).code == "DisallowedNumberOfOperators"

    def test_three_legs_of_unions_between_two_tables(self):
        assert run("resources | union resourcecontainers, resources, resources")
        assert (
            error("resources | union resources, resources, resources, resources").code == "DisallowedNumberOfOperators"
        )
        assert error("resources | union authorizationresources").code == "DisallowedUnion"
        assert run("authorizationresources | union authorizationresources")


class TestRefusals:
    def test_names_the_place_of_a_failure(self):
        assert error("where where").details[1] == {
            "code": "ParserFailure",
            "message": "ParserFailure",
            "line": 1,
            "characterPositionInLine": 11,
            "token": "<EOF>",
            "expectedToken": "\u01cf",
        }
        place = error("resources\n| where name = 'a'").details[1]
        assert (place["line"], place["characterPositionInLine"], place["token"]) == (2, 13, "=")

    @pytest.mark.parametrize(
        "query",
        [
            "resources | where",
            "resources | where name == ",
            "resources | where (name == 'a'",
            "resources | project",
            "resources where name == 'a'",
            "resources | nothing",
            "resources | take x",
            "resources | order name",
            "resources | join resourcecontainers",
            "resources | join kind=left (resourcecontainers) on id",
            "resources | where name == 'a",
            "resources | extend x = #",
            "resources | summarize",
            "resources | mv-expand",
            "resources | parse id with",
            "resources | take 1 | | take 1",
            "resources | where n == 99999999999999999999",
            "resources | where t == datetime(2026-13-01)",
            "",
        ],
    )
    def test_of_what_does_not_parse(self, query):
        assert error(query).code == "ParserFailure"

    @pytest.mark.parametrize(
        "query", ["let x = 1; resources", "resources | mv-apply x = tags on (take 1)", "search 'a'"]
    )
    def test_of_operators_that_kusto_has_and_the_service_not(self, query):
        assert error(query).code == "UnsupportedOperator"

    @pytest.mark.parametrize(
        "query",
        [
            "where nosuch(name)",
            "where tolower() == 'a'",
            "where iff(true, 1) == 1",
            "where name",
            "where name > 'a'",
            "where name == 1",
            "where tags == properties",
            "where strlen(name) contains 'a'",
            "project name.x",
            "project name + 1",
            "project -name",
            "project ago(1)",
            "project case(true, 1)",
            "order by properties.n",
            "summarize tolower(name)",
            "summarize sum(name)",
            "summarize count(name)",
            "distinct properties",
            "mv-expand name",
            "parse tolong(1) with 'a'",
            "parse kind=regex id with '('",
            "project n = 1 | union (resourcecontainers | project n = 'x')",
        ],
    )
    def test_of_what_makes_no_sense(self, query):
        assert error(f"resources | {query}").code == "SemanticFailure"

    def test_of_what_is_nested_too_deeply(self):
        assert error(f"project x = {'(' * 5_000}1").code in ("SemanticFailure", "ParserFailure")
        assert error(f"project x = {'1+' * 5_000}1").code == "SemanticFailure"
