"""HCL, the language of Terraform: values and blocks as text."""

from __future__ import annotations

import re
from typing import Any

from azext_acrcmk.model.value import Value, immutable

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


@immutable
class Raw(Value):
    """An expression, as it is written."""

    text: str


@immutable
class Block(Value):
    """`items` are arguments, name and value, and blocks. One with the value None is left out. `comment` is above it."""

    kind: str
    labels: tuple[str, ...] = ()
    items: tuple[Any, ...] = ()
    comment: str = ""


def block(kind: str, *items: Any, labels: tuple[str, ...] = (), comment: str = "") -> Block:
    return Block(kind, labels, items, comment)


def resource(type_: str, name: str, *items: Any, comment: str = "") -> Block:
    return Block("resource", (type_, name), items, comment)


def data(type_: str, name: str, *items: Any) -> Block:
    return Block("data", (type_, name), items)


def document(description: str, blocks: list[Block]) -> str:
    head = "".join(f"# {line}\n" for line in description.split("\n"))
    return head + "\n" + "\n".join(_block(each, "") for each in blocks)


def string(text: str) -> str:
    """A string in which nothing is interpolated."""
    escaped = "".join(_ESCAPES.get(each, each) for each in text)
    escaped = "".join(f"\\u{ord(each):04x}" if ord(each) < 32 or ord(each) == 127 else each for each in escaped)
    return '"' + escaped.replace("${", "$${").replace("%{", "%%{") + '"'


def _block(made: Block, indent: str) -> str:
    labels = "".join(f" {string(each)}" for each in made.labels)
    comment = "".join(f"{indent}# {line}\n" for line in made.comment.split("\n") if made.comment)
    return f"{comment}{indent}{made.kind}{labels} {{\n{_items(made.items, indent + '  ')}{indent}}}\n"


def _items(items: tuple[Any, ...], indent: str) -> str:
    """Arguments that follow one another have their equals signs in a column, as `terraform fmt` has them."""
    given = [each for each in items if each is not None and (isinstance(each, Block) or each[1] is not None)]
    text, run = "", []
    for each in given:
        if isinstance(each, Block):
            text += _arguments(run, indent) + ("\n" if text or run else "") + _block(each, indent)
            run = []
        else:
            if not run and text:
                text += "\n"
            run.append(each)
    return text + _arguments(run, indent)


def _arguments(pairs: list[tuple[str, Any]], indent: str) -> str:
    lines = [(name, value(given, indent)) for name, given in pairs]
    text, start = "", 0
    for end in range(1, len(lines) + 1):
        # A value of more than one line ends the column.
        if end == len(lines) or "\n" in lines[end - 1][1] or "\n" in lines[end][1]:
            width = max(len(name) for name, _ in lines[start:end])
            text += "".join(f"{indent}{name.ljust(width)} = {each}\n" for name, each in lines[start:end])
            start = end
    return text


def value(given: Any, indent: str = "") -> str:
    if isinstance(given, Raw):
        return given.text
    if given is None or isinstance(given, bool):
        return {True: "true", False: "false", None: "null"}[given]
    if isinstance(given, (int, float)):
        return str(given)
    if isinstance(given, dict):
        if not given:
            return "{}"
        deeper = indent + "  "
        pairs = [(name if _NAME.fullmatch(name) else string(name), each) for name, each in given.items()]
        return f"{{\n{_arguments(pairs, deeper)}{indent}}}"
    if isinstance(given, (list, tuple)):
        if any(isinstance(each, (dict, list)) for each in given):
            deeper = indent + "  "
            return "[\n" + "".join(f"{deeper}{value(each, deeper)},\n" for each in given) + f"{indent}]"
        return "[" + ", ".join(value(each, indent) for each in given) + "]"
    return string(given)
