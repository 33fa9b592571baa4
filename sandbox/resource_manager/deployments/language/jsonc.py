"""JSON as Resource Manager accepts it: with comments, unquoted keys, multiline strings, trailing commas.

`az deployment` sends the text of a template as it is in its file, under an unquoted key (facts templates.md
2.4). Objects have a position, because messages about templates include line and column.
"""

from __future__ import annotations

import re
from json.decoder import JSONDecodeError, scanstring
from typing import Any

_BLANK = re.compile(r"(?:\s|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_NUMBER = re.compile(r"-?\d+(?P<fraction>\.\d+)?(?P<exponent>[eE][+-]?\d+)?")
_WORDS = {"true": True, "false": False, "null": None}
_DEPTH = 128


class JsonError(ValueError):
    """Text that is not JSON, even with these extensions."""


class JsonObject(dict):
    """An object parsed from text, with line and column of its opening brace, starting at 1."""

    line = column = 1


def loads(text: str) -> Any:
    """The value of a text. Raises JsonError."""
    return _Reader(text).document()


def place_of(value: Any) -> tuple[int, int]:
    """Line and column of an object. Objects that were not parsed here are on line 1."""
    return (value.line, value.column) if isinstance(value, JsonObject) else (1, 1)


class _Reader:
    def __init__(self, text: str):
        self._text = text
        self._at = 0
        self._line, self._line_start, self._counted = 1, 0, 0

    def document(self) -> Any:
        value = self._value(0)
        if self._skip() != len(self._text):
            raise self._wrong("Additional text encountered after finished reading JSON content")
        return value

    def _value(self, depth: int) -> Any:
        if depth > _DEPTH:
            raise self._wrong(f"The reader's MaxDepth of {_DEPTH} has been exceeded")
        self._skip()
        first = self._text[self._at : self._at + 1]
        if first == "{":
            return self._object(depth)
        if first == "[":
            return self._array(depth)
        if first == '"':
            return self._string()
        if first == "-" or first.isdigit():
            return self._number()
        word = _NAME.match(self._text, self._at)
        if word and word[0] in _WORDS:
            self._at = word.end()
            return _WORDS[word[0]]
        raise self._unexpected("value")

    def _object(self, depth: int) -> JsonObject:
        found = JsonObject()
        found.line, found.column = self._place()
        self._at += 1
        while not self._ends("}"):
            name = self._key()
            if not self._take(":"):
                raise self._unexpected("property name")
            found[name] = self._value(depth + 1)
            self._separate("}")
        return found

    def _array(self, depth: int) -> list[Any]:
        found = []
        self._at += 1
        while not self._ends("]"):
            found.append(self._value(depth + 1))
            self._separate("]")
        return found

    def _key(self) -> str:
        if self._text[self._at : self._at + 1] == '"':
            return self._string()
        name = _NAME.match(self._text, self._at)
        if not name:
            raise self._unexpected("property name")
        self._at = name.end()
        return name[0]

    def _string(self) -> str:
        try:
            value, self._at = scanstring(self._text, self._at + 1, False)
        except JSONDecodeError:
            raise self._wrong("Unterminated string") from None
        return value

    def _number(self) -> int | float:
        number = _NUMBER.match(self._text, self._at)
        if not number:
            raise self._unexpected("value")
        self._at = number.end()
        if number["fraction"] or number["exponent"]:
            return float(number[0])
        if len(number[0]) > 400:  # up to Python's own limit of digits
            raise self._wrong("The number is too long")
        return int(number[0])

    def _ends(self, closing: str) -> bool:
        """Whether the object or array ends here. If so, skips its end."""
        self._skip()
        return self._take(closing)

    def _separate(self, closing: str) -> None:
        """Skip the comma after a member, which is optional before the end."""
        self._skip()
        if not self._take(",") and self._text[self._at : self._at + 1] != closing:
            raise self._unexpected("value")

    def _take(self, character: str) -> bool:
        self._skip()
        if self._text[self._at : self._at + 1] != character:
            return False
        self._at += 1
        return True

    def _skip(self) -> int:
        self._at = _BLANK.match(self._text, self._at).end()
        return self._at

    def _place(self) -> tuple[int, int]:
        # Counted from the last position, so that parsing takes linear time.
        self._line += self._text.count("\n", self._counted, self._at)
        newline = self._text.rfind("\n", self._counted, self._at)
        self._line_start = newline + 1 if newline >= 0 else self._line_start
        self._counted = self._at
        return self._line, self._at - self._line_start + 1

    def _unexpected(self, what: str) -> JsonError:
        character = self._text[self._at : self._at + 1]
        if not character:
            return self._wrong("Unexpected end of content")
        return self._wrong(f"Unexpected character encountered while parsing {what}: {character}")

    def _wrong(self, text: str) -> JsonError:
        line, column = self._place()
        return JsonError(f"{text}. Line {line}, position {column}.")
