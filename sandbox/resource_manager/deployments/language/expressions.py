"""Template expressions as text and as a tree. Nothing is evaluated here (see evaluate.py).

    [format('{0}-{1}', take(parameters('name'), 10), variables('ends')[0].text)]

A value is an expression if it starts with "[" and ends with "]". "[[" at the start is an escaped "[".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sandbox.resource_manager.deployments.language.errors import SyntaxTemplateError

_TOKEN = re.compile(
    r"\s*(?:(?P<String>'(?:[^']|'')*')|(?P<Integer>-?\d+)|(?P<Identifier>[A-Za-z_$][\w$]*)|(?P<Sign>[()\[\],.]))"
)
_SIGNS = {
    "(": "LeftParenthesis",
    ")": "RightParenthesis",
    "[": "LeftSquareBracket",
    "]": "RightSquareBracket",
    ",": "Comma",
    ".": "Dot",
}
_END = "EndOfData"
_LENGTH = 24_576  # the documented limit of an expression
_DEPTH = 100


@dataclass(frozen=True)
class Literal:
    """A string or an integer."""

    value: str | int


@dataclass(frozen=True)
class Call:
    """A function; a user-defined function has a namespace: `contoso.name`."""

    name: str
    arguments: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Member:
    """`of.name`"""

    of: Node
    name: str


@dataclass(frozen=True)
class Item:
    """`of[index]`"""

    of: Node
    index: Node


Node = Literal | Call | Member | Item


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str


def is_expression(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("[") and value.endswith("]") and not value.startswith("[[")


def unescape(text: str) -> str:
    """The string that a value represents if it is no expression."""
    return text[1:] if text.startswith("[[") and text.endswith("]") else text


def escape(text: str) -> str:
    """The value that represents this string."""
    return f"[{text}" if text.startswith("[") and text.endswith("]") else text


@lru_cache(4096)
def parse(text: str) -> Node:
    """The tree of an expression without its brackets. Raises SyntaxTemplateError."""
    if len(text) > _LENGTH:
        raise SyntaxTemplateError(f"The language expression length limit exceeded. Limit: '{_LENGTH}'")
    return _Parser(text).expression()


def unparse(node: Node) -> str:
    """The text of a tree."""
    if isinstance(node, Call):
        return f"{node.name}({', '.join(unparse(argument) for argument in node.arguments)})"
    if isinstance(node, Member):
        return f"{unparse(node.of)}.{node.name}"
    if isinstance(node, Item):
        return f"{unparse(node.of)}[{unparse(node.index)}]"
    if isinstance(node.value, str):
        return "'" + node.value.replace("'", "''") + "'"
    return str(node.value)


class _Parser:
    def __init__(self, text: str):
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0

    def expression(self) -> Node:
        node = self._node(0)
        if self._kind != _END:
            raise self._unexpected(_END)
        return node

    @property
    def _kind(self) -> str:
        return self._tokens[self._at].kind

    def _node(self, depth: int) -> Node:
        self._check(depth)
        node = self._atom(depth)
        while self._kind in ("Dot", "LeftSquareBracket"):
            depth += 1  # a chain is as deep as it is long when the tree is traversed
            self._check(depth)
            if self._next().kind == "Dot":
                node = Member(node, self._expect("Identifier"))
            else:
                node = Item(node, self._node(depth + 1))
                self._expect("RightSquareBracket")
        return node

    def _atom(self, depth: int) -> Node:
        token = self._next()
        if token.kind == "String":
            return Literal(token.text[1:-1].replace("''", "'"))
        if token.kind == "Integer":
            return Literal(int(token.text))
        if token.kind != "Identifier":
            self._at -= 1
            raise self._unexpected("Identifier")
        name = token.text
        if self._kind == "Dot":
            self._next()
            name += f".{self._expect('Identifier')}"
        self._expect("LeftParenthesis")
        return Call(name, self._arguments(depth))

    def _arguments(self, depth: int) -> tuple[Node, ...]:
        found: list[Node] = []
        if self._kind != "RightParenthesis":
            found.append(self._node(depth + 1))
            while self._kind == "Comma":
                self._next()
                found.append(self._node(depth + 1))
        self._expect("RightParenthesis")
        return tuple(found)

    def _next(self) -> _Token:
        token = self._tokens[self._at]
        self._at += token.kind != _END
        return token

    def _expect(self, kind: str) -> str:
        if self._kind != kind:
            raise self._unexpected(kind)
        return self._next().text

    def _check(self, depth: int) -> None:
        if depth > _DEPTH:
            raise SyntaxTemplateError(f"The language expression is nested deeper than '{_DEPTH}'")  # from memory

    def _unexpected(self, expected: str) -> SyntaxTemplateError:
        return SyntaxTemplateError(
            f"Unable to parse language expression '{self._text}': expected token '{expected}' and actual "
            f"'{self._kind}'."
        )


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    end = len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if not match:
            at += len(text[at:]) - len(text[at:].lstrip())
            raise SyntaxTemplateError(
                f"The language expression '{text}' is not valid: the string character '{text[at]}' at position "
                f"'{at + 1}' is not expected."
            )
        at = match.end()
        kind, shown = match.lastgroup, match[match.lastgroup]
        if kind == "Integer" and len(shown) > 19:
            raise SyntaxTemplateError(f"The language expression '{text}' is not valid: '{shown}' is no integer.")
        found.append(_Token(_SIGNS[shown] if kind == "Sign" else kind, shown))
    return [*found, _Token(_END, "")]
