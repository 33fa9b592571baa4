"""Why a query can't be carried out, as entries of the `details` of the service's answer.

Recorded: ParserFailure with its place, and InvalidQuery before it. Reported by users: UnsupportedJoinFlavor,
DisallowedLogicalTableName and DisallowedMaxNumberOfRemoteTables. All other codes and texts here are assumed.
"""

from __future__ import annotations

from typing import Any

_INVALID = {
    "code": "InvalidQuery",
    "message": "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the "
    "error before retrying.",
}
# The service writes the number of a kind of token as a character. This one was recorded.
_EXPECTED = "\u01cf"


class QueryError(Exception):
    """One error of a query. `alone` is one that comes without the general InvalidQuery."""

    def __init__(self, code: str, message: str, *, alone: bool = False, **place: Any):
        super().__init__(f"{code}: {message}")
        self.code, self.message, self._alone, self._place = code, message, alone, place

    @property
    def details(self) -> list[dict[str, Any]]:
        own = {"code": self.code, "message": self.message, **self._place}
        return [own] if self._alone else [dict(_INVALID), own]


def parser_failure(line: int, column: int, token: str) -> QueryError:
    place = {"line": line, "characterPositionInLine": column, "token": token, "expectedToken": _EXPECTED}
    return QueryError("ParserFailure", "ParserFailure", **place)


def semantic_failure(message: str) -> QueryError:
    """A query that reads well and makes no sense, in the words of Kusto."""
    return QueryError("SemanticFailure", message)


def unknown_table(name: str) -> QueryError:
    message = f"Table {name} is invalid, unsupported or disallowed."
    return QueryError("DisallowedLogicalTableName", message, alone=True)
