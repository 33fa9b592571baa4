"""The part of the Kusto Query Language that Resource Graph takes (facts: fleet.md 1.4): parsed, checked and evaluated.

No kept library does this well enough. Tried in November 2026: duckdb-kql 1.1.2 (KQL on DuckDB) parses all of it and is
fast, but takes what the service refuses (joins such as leftanti, columns in any case) and refuses what it takes (a
query without a table, bag_keys, coalesce and mv-expand of a property), answers dynamic values as JSON text, has errors
of its own, and weighs 100 MB; streaming-kql 0.0.2 evaluates one event at a time, without tables of its own; kustology
and kusto-query-language-parser only parse, the former with .NET.
"""

from sandbox.resource_graph.kql.errors import QueryError
from sandbox.resource_graph.kql.evaluate import Result, run
from sandbox.resource_graph.kql.parser import parse
from sandbox.resource_graph.kql.table import Column, Table
from sandbox.resource_graph.kql.values import written

__all__ = ["Column", "QueryError", "Result", "Table", "parse", "run", "written"]
