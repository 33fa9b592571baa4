"""The text of a query as tokens with their places."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.resource_graph.kql.errors import parser_failure

END = "<EOF>"
_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*)
  | (?P<string>[hH]?@"(?:[^"]|"")*" | [hH]?@'(?:[^']|'')*' | "(?:[^"\\\n]|\\.)*" | '(?:[^'\\\n]|\\.)*')
  | (?P<datetime>datetime\(\s*(?:null|\d[^()'"\n]*)\))
  | (?P<timespan>\d+(?:\.\d+)?(?:ms|d|h|m|s)\b)
  | (?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?\b)
  | (?P<name>(?:mv-expand|mv-apply|project-away|project-keep|project-rename|project-reorder)\b | \$?[A-Za-z_]\w*)
  | (?P<symbol>!in~|!in\b|in~|![a-z_]+\b|=~|!~|!=|==|<=|>=|\.\.|[<>=+\-*/%.,;:()\[\]{}|])
    """,
    re.VERBOSE | re.ASCII,
)
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "a": "\a", "v": "\v", "0": "\0"}


@dataclass(frozen=True)
class Token:
    """`kind` is name, string, number, datetime, timespan, symbol or end. `text` is as it was written, `value` what a
    string says."""

    kind: str
    text: str
    line: int
    column: int
    value: str = ""


def tokens(query: str) -> list[Token]:
    """All tokens of a query, closed by one that stands for its end."""
    found: list[Token] = []
    at, line, start = 0, 1, 0
    while at < len(query):
        match = _TOKEN.match(query, at)
        if match is None:
            raise parser_failure(line, at - start, query[at])
        text, kind = match[0], match.lastgroup or ""
        if kind != "space":
            value = _string(text) if kind == "string" else ""
            # `in~` begins like a name.
            symbol = kind == "name" and text == "in" and query[match.end() : match.end() + 1] == "~"
            if symbol:
                text, kind = "in~", "symbol"
            found.append(Token(kind, text, line, at - start, value))
        at += len(text)
        if newlines := text.count("\n"):
            line, start = line + newlines, at - (len(text) - text.rindex("\n") - 1)
    return [*found, Token("end", END, line, at - start)]


def _string(text: str) -> str:
    text = text.lstrip("hH")
    if text.startswith("@"):
        quote = text[1]
        return text[2:-1].replace(quote * 2, quote)
    return _ESCAPE.sub(_unescape, text[1:-1])


def _unescape(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else _ESCAPED.get(match[3], match[3])
