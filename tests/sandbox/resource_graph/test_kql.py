"""The query language: what a query gives.

The expected answers to queries that duckdb-kql takes too were compared with its own, once.
"""

from __future__ import annotations

import pytest

from tests.harness.kql_tables import column, error, rows, run


class TestTables:
    def test_without_a_table_it_is_resources(self):
        assert column("project id") == ["/s/1", "/s/2", "/s/3"]

    @pytest.mark.parametrize("name", ["resources", "Resources", "RESOURCES"])
    def test_are_named_in_any_case(self, name):
        assert len(rows(name)) == 3

    def test_that_are_empty_can_be_asked(self):
        assert rows("policyresources | project id") == []

    def test_that_do_not_exist(self):
        refused = error("foo | count")
        assert refused.details == [
            {"code": "DisallowedLogicalTableName", "message": "Table foo is invalid, unsupported or disallowed."}
        ]

    def test_on_the_right_side_are_looked_for_too(self):
        assert error("resources | join (foo) on id").code == "DisallowedLogicalTableName"


class TestWhere:
    @pytest.mark.parametrize(
        ("predicate", "names"),
        [
            ("type == 'microsoft.x/r'", "ab"),
            ("type == 'Microsoft.X/r'", ""),
            ("type =~ 'Microsoft.X/r'", "ab"),
            ("type !~ 'Microsoft.X/r'", "C"),
            ("name != 'a'", "bC"),
            ("location in ('westus', 'eastus')", "ab"),
            ("location in~ ('WESTUS')", "aC"),
            ("location !in ('westus')", "bC"),
            ("location !in~ ('westus')", "b"),
            ("name in (dynamic(['a', 'b']))", "ab"),
            ("properties.enc.on", "a"),
            ("properties.enc.on == true", "a"),
            ("properties.enc.on == 'true'", "a"),
            ("properties.enc.on == false", "b"),
            ("properties.n > 5", "b"),
            ("properties.n between (3 .. 9)", "a"),
            ("properties.enc.key =~ 'HTTPS://v1.vault.azure.net/keys/K'", "a"),
            ("tags['env'] =~ 'prod'", "a"),
            ("tags.env == 'prod'", ""),
            ("isempty(properties.enc.key)", "bC"),
            ("isnull(properties.enc)", "C"),
            ("isnotempty(tags)", "aC"),
            ("name has 'A'", "a"),
            ("id contains '/S/'", "abC"),
            ("id contains_cs '/S/'", ""),
            ("type !contains 'x/v'", "ab"),
            ("properties has 'vault'", "a"),
            ("properties has 'vaul'", ""),
            ("id startswith '/S'", "abC"),
            ("id endswith '1'", "a"),
            ("type matches regex '^microsoft[.]x/[a-r]$'", "ab"),
            ("name has_any ('a', 'c')", "aC"),
            ("not(name == 'a') and (location == 'eastus' or location == 'westus')", "b"),
            ("todatetime(properties.when) < ago(1d)", "a"),
            ("todatetime(properties.when) == datetime(2026-01-01T00:00:00Z)", "a"),
            ("properties.missing.deeper == 'x'", ""),
            ("properties.missing != 'x'", "abC"),
        ],
    )
    def test_keeps(self, predicate, names):
        assert "".join(column(f"resources | where {predicate} | project name")) == names

    def test_takes_comments_and_lines(self):
        assert column("resources // all\n| where name == 'a'\n| project id // and no more\n") == ["/s/1"]


class TestProject:
    def test_names_columns_after_their_expressions(self):
        query = (
            "project properties.enc.on, tags['a.b'], tostring(properties.enc.key), x = 1, strcat(name, '!'), ['type']"
        )
        assert run(query).table.names == (
            "properties_enc_on",
            "tags_a.b",
            "properties_enc_key",
            "x",
            "Column5",
            "type",
        )

    def test_keeps_the_types_of_json(self):
        assert column("project properties.enc.on") == [True, False, None]
        assert column("project properties.n") == [3, 10, None]

    def test_gives_a_name_once(self):
        assert run("project id, id").table.names == ("id", "id1")

    @pytest.mark.parametrize(
        ("expression", "value"),
        [
            ("tolower('ABC')", "abc"),
            ("split(id, '/')[1]", "s"),
            ("split(id, '/')[-1]", "1"),
            ("split(id, '/')[9]", None),
            ("array_length(properties.list)", 2),
            ("bag_keys(tags)", ["a.b", "env"]),
            ("iff(name == 'a', 1, 2)", 1),
            ("case(name == 'x', 'X', name == 'a', 'A', '?')", "A"),
            ("coalesce(properties.missing, 'none')", "none"),
            ("strcat(name, '-', location)", "a-westus"),
            ("substring(type, 0, 9)", "microsoft"),
            ("indexof(type, '/')", 11),
            ("replace_string(id, '/', '-')", "-s-1"),
            ("extract('s/([0-9]+)', 1, id)", "1"),
            ("tostring(parse_url(tostring(properties.enc.key)).Host)", "v1.vault.azure.net"),
            ("""parse_json('{"a": [1, 2]}').a[1]""", 2),
            ("pack('n', name)", {"n": "a"}),
            ("pack_array(1, 'x')", [1, "x"]),
            ("1 + 2 * 3 - 4 / 2", 5),
            ("7 % 4", 3),
            ("-1.5 + 1", -0.5),
            ("1 / 0", None),
            ("strlen(name)", 1),
            ("tolong('12')", 12),
            ("tolong('x')", None),
            ("tobool('true')", True),
            ("@'a\\b'", "a\\b"),
            (r"'it\'s\n'", "it's\n"),
            ("now() - 1d < now()", True),
            ("properties.condition.['odata.type']", None),
        ],
    )
    def test_computes(self, expression, value):
        assert column(f"where name == 'a' | project x = {expression}") == [value]

    def test_away_leaves_the_rest(self):
        assert run("project-away t*, properties").table.names == ("id", "name", "location")

    def test_extend_replaces_or_adds(self):
        result = run("extend name = toupper(name), n = strlen(location) | project n, name").table
        assert list(result.rows) == [(6, "A"), (6, "B"), (6, "C")]

    @pytest.mark.parametrize("name", ["missing", "ID", "Name"])
    def test_of_a_column_that_is_not_there(self, name):
        assert error(f"project {name}").message == f"Failed to resolve scalar expression named '{name}'"


class TestOrder:
    def test_is_downwards_unless_told(self):
        assert column("order by name | project name") == ["b", "a", "C"]
        assert column("sort by name asc | project name") == ["C", "a", "b"]

    def test_by_several(self):
        assert column("order by type asc, name desc | project name") == ["b", "a", "C"]

    @pytest.mark.parametrize(
        ("how", "numbers"),
        [
            ("asc", [None, 3, 10]),
            ("desc", [10, 3, None]),
            ("asc nulls last", [3, 10, None]),
            ("desc nulls first", [None, 10, 3]),
        ],
    )
    def test_puts_nulls(self, how, numbers):
        assert column(f"extend n = tolong(properties.n) | order by n {how} | project n") == numbers

    def test_top_and_limit_take_some(self):
        assert column("top 2 by name asc | project name") == ["C", "a"]
        assert len(rows("limit 2")) == len(rows("take 2")) == 2

    def test_is_known_until_it_is_lost(self):
        assert run("order by name | where name != 'a' | project id").table.ordered
        assert not run("project id").table.ordered
        assert not run("order by name | join (resourcecontainers) on location").table.ordered


class TestSummarize:
    def test_counts_groups(self):
        result = run("summarize count() by type").table
        assert result.names == ("type", "count_")
        assert list(result.rows) == [("microsoft.x/r", 2), ("microsoft.x/v", 1)]

    def test_collects(self):
        query = "summarize n = count(), make_set(name), min(properties.n), countif(name == 'a') by tolower(location)"
        assert rows(query) == [("westus", 2, ["a", "C"], 3, 1), ("eastus", 1, ["b"], 10, 0)]

    def test_of_nothing_still_counts(self):
        assert rows("where name == 'x' | summarize count()") == [(0,)]
        assert rows("where name == 'x' | summarize count() by type") == []
        assert rows("where name == 'x' | count") == [(0,)]

    def test_distinct(self):
        assert rows("distinct type") == [("microsoft.x/r",), ("microsoft.x/v",)]

    def test_by_a_property_needs_its_type(self):
        assert "Please use an explicit cast" in error("summarize count() by properties.n").message
        assert rows("summarize count() by tostring(properties.enc.on)") == [("true", 1), ("false", 1), ("", 1)]


class TestMvExpand:
    def test_gives_a_row_for_each_item_one_for_null_and_none_for_nothing(self):
        assert rows("mv-expand item = properties.list | project id, item.o") == [
            ("/s/1", "p"),
            ("/s/1", "q"),
            ("/s/3", None),
        ]

    def test_names_its_column(self):
        assert "properties_list" in run("mv-expand properties.list").table.names

    def test_replaces_a_column(self):
        assert rows("extend parts = split(id, '/') | mv-expand parts to typeof(string) | take 3 | project parts") == [
            ("",),
            ("s",),
            ("1",),
        ]

    def test_takes_128_items_unless_told(self):
        items = f"dynamic([{','.join(map(str, range(300)))}])"
        assert len(rows(f"where name == 'a' | mv-expand x = {items}")) == 128
        assert len(rows(f"where name == 'a' | mv-expand x = {items} limit 400")) == 300
        assert error("mv-expand x = properties.list limit 2001").code == "SemanticFailure"


class TestJoin:
    def test_names_columns_of_both_sides(self):
        query = "project id, location | join kind=inner (resourcecontainers | project id, location, name) on location"
        result = run(query).table
        assert result.names == ("id", "location", "id1", "location1", "name")
        assert list(result.rows) == [("/s/1", "westus", "/g/1", "westus", "group")]

    def test_innerunique_is_meant_and_takes_one_of_the_left_side(self):
        both = "extend l = tolower(location) | join {} (resourcecontainers) on $left.l == $right.location | project id"
        assert column(both.format("")) == column(both.format("kind=innerunique")) == ["/s/1"]
        assert column(both.format("kind=inner")) == ["/s/1", "/s/3"]

    def test_leftouter_keeps_what_has_no_match(self):
        query = (
            "project id, location | join kind=leftouter (resourcecontainers | project location, x = tags) on location"
        )
        assert rows(query) == [
            ("/s/1", "westus", "westus", None),
            ("/s/2", "eastus", "", None),
            ("/s/3", "WestUS", "", None),
        ]

    def test_fullouter_keeps_that_of_both_sides(self):
        right = "resourcecontainers | extend location = 'nowhere' | project location, other = id"
        found = rows(f"project id, location | join kind=fullouter ({right}) on location")
        assert len(found) == 4
        assert ("", "", "nowhere", "/g/1") in found

    @pytest.mark.parametrize(("kind", "called"), [("leftsemi", "LeftSemi"), ("leftanti", "LeftAnti")])
    def test_refuses_kinds(self, kind, called):
        refused = error(f"join kind={kind} (resourcecontainers) on location")
        assert [each["code"] for each in refused.details] == ["InvalidQuery", "UnsupportedJoinFlavor"]
        assert refused.message == f'The join kind "{called}" is not supported or not allowed.'

    def test_needs_keys_of_one_plain_type(self):
        assert "dynamic type" in error("join (resourcecontainers) on tags").message
        mixed = "join (resourcecontainers | extend n = 1) on $left.id == $right.n"
        assert "types string and long" in error(mixed).message


class TestUnion:
    def test_has_the_columns_of_all(self):
        found = run("project id | union (resourcecontainers | project id, name)").table
        assert found.names == ("id", "name")
        assert ("/s/1", "") in found.rows
        assert ("/g/1", "group") in found.rows

    def test_inner_has_those_of_each(self):
        assert run("project id | union kind=inner (resourcecontainers)").table.names == ("id",)

    def test_tells_where_rows_come_from(self):
        query = (
            "project id | union withsource=table (resourcecontainers | project id) | where id == '/g/1' | project table"
        )
        assert column(query) == ["resourcecontainers"]


class TestParse:
    def test_takes_columns_out_of_a_text(self):
        assert rows("parse id with '/s/' n:long | project n") == [(1,), (2,), (3,)]
        assert rows("parse type with * '.' kind '/' name | project kind, name") == [("x", "r"), ("x", "r"), ("x", "v")]

    def test_leaves_them_empty_where_nothing_fits(self):
        assert rows("parse id with '/g/' n:long '-' rest | project n, rest") == [(None, "")] * 3
