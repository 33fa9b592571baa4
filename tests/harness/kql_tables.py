"""A few small tables, and queries on them without a service around."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from sandbox.resource_graph import kql

NOW = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)
COLUMNS = {
    "id": "string",
    "name": "string",
    "type": "string",
    "location": "string",
    "tags": "dynamic",
    "properties": "dynamic",
}
ROWS = [
    {
        "id": "/s/1",
        "name": "a",
        "type": "microsoft.x/r",
        "location": "westus",
        "tags": {"a.b": "1", "env": "Prod"},
        "properties": {
            "enc": {"key": "https://v1.vault.azure.net/keys/k", "on": True},
            "n": 3,
            "list": [{"o": "p"}, {"o": "q"}],
            "when": "2026-01-01T00:00:00Z",
        },
    },
    {
        "id": "/s/2",
        "name": "b",
        "type": "microsoft.x/r",
        "location": "eastus",
        "tags": None,
        "properties": {"enc": {"on": False}, "n": 10, "list": []},
    },
    {
        "id": "/s/3",
        "name": "C",
        "type": "microsoft.x/v",
        "location": "WestUS",
        "tags": {},
        "properties": {"n": None},
    },
]
OTHERS = [
    {"id": "/g/1", "name": "group", "type": "microsoft.x/g", "location": "westus", "tags": None, "properties": {}}
]


def table(rows: list[dict[str, Any]]) -> kql.Table:
    columns = tuple(kql.Column(name, kind) for name, kind in COLUMNS.items())
    return kql.Table(columns, [tuple(row[name] for name in COLUMNS) for row in rows])


TABLES = {
    "resources": lambda: table(ROWS),
    "resourcecontainers": lambda: table(OTHERS),
    "authorizationresources": lambda: table(OTHERS),
    "policyresources": lambda: table([]),
}


def run(query: str) -> kql.Result:
    return kql.run(kql.parse(query), TABLES, NOW)


def rows(query: str) -> list[tuple]:
    return list(run(query).table.rows)


def column(query: str) -> list[Any]:
    return [row[0] for row in rows(query)]


def error(query: str) -> kql.QueryError:
    with pytest.raises(kql.QueryError) as caught:
        run(query)
    return caught.value
