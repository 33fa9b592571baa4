"""The report of a migration for people: Markdown, or one HTML file that asks nobody for anything. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import Any

from azext_acrcmk.output.report.page import STYLE

# How many differences, failures and the like a report names of each.
MOST = 1000
_Block = tuple[str, Any]


def migration_markdown(document: dict[str, Any]) -> str:
    """Markdown."""
    return "\n".join(_markdown(kind, value) for kind, value in _blocks(document)) + "\n"


def migration_html(document: dict[str, Any]) -> str:
    """HTML; texts of Azure are only text."""
    body = "\n".join(_html(kind, value) for kind, value in _blocks(document))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Migration of a container registry</title>
<style>{STYLE}</style>
</head>
<body>
{body}
</body>
</html>
"""


def _blocks(document: dict[str, Any]) -> Iterator[_Block]:
    source, target, inventory = document["source"], document["target"], document["inventory"]
    yield "title", f"Migration of {source['name']} to {target['name']}"
    compared = " of what was selected" if document["selected"] else ""
    verified = f"yes: digests, tags and sizes{compared} are the same" if document["verified"] else "NO: see below"
    yield (
        "table",
        (
            ("", "Old registry", "New registry"),
            [
                ("Login server", source["loginServer"], target["loginServer"]),
                ("ID", source["id"], target["id"]),
                ("SKU", source["sku"], target["sku"]),
            ],
        ),
    )
    facts = [
        ("Repositories", inventory["repositories"]),
        ("Manifests", inventory["manifests"]),
        ("Tags", inventory["tags"]),
        ("Attached to images", inventory["referrers"]),
        ("Imported in this run", document["imported"]),
        ("Already there", document["alreadyThere"]),
        ("Verified", verified),
    ]
    yield "table", (("What", "How many"), facts)
    yield from _section(
        "Failed", ("Repository", "What", "Error"), document["failures"], ("repository", "what", "error")
    )
    yield from _section(
        "Different",
        ("Kind", "Repository", "What", "Old", "New"),
        document["differences"],
        ("kind", "repository", "what", "source", "target"),
    )
    yield from _section(
        "Tags moved",
        ("Repository", "Tag", "From", "To"),
        document["tagsMoved"],
        ("repository", "tag", "from", "to"),
    )
    yield from _section(
        "Conflicts",
        ("Repository", "Tag", "Old", "New"),
        document["conflicts"],
        ("repository", "tag", "source", "target"),
    )
    yield from _section("Not copied", ("What", "Why", "Command"), document["notCopied"], ("what", "why", "command"))
    settings = document.get("settings") or {}
    yield from _section("Settings copied", ("Kind", "Name"), settings.get("set") or [], ("kind", "name"))
    yield from _section(
        "Settings not copied", ("Kind", "Name", "Why"), settings.get("failed") or [], ("kind", "name", "why")
    )
    yield from _cut_over(document.get("cutOver"))


def _cut_over(found: dict[str, Any] | None) -> Iterator[_Block]:
    if not found:
        return
    columns = ("principalId", "principalType", "role", "scope", "resource")
    yield from _section(
        "Who can pull from the old registry by a role",
        ("Principal", "Type", "Role", "Scope", "Resource"),
        found["mayPull"],
        columns,
    )
    yield from _section(
        "Resources that reference the old registry", ("Name", "Type", "ID"), found["naming"], ("name", "type", "id")
    )
    if found["notSeen"]:
        yield "text", f"Resources that reference the old registry could not be listed: {found['notSeen']}"
    yield "heading", "Next steps, in order"
    yield "steps", found["steps"]
    yield "heading", "How to roll back"
    yield "steps", found["goBack"]


def _section(
    title: str, heads: tuple[str, ...], rows: list[dict[str, Any]], names: tuple[str, ...]
) -> Iterator[_Block]:
    if not rows:
        return
    yield "heading", title
    yield "table", (heads, [tuple(row[name] for name in names) for row in rows[:MOST]])
    if len(rows) > MOST:
        yield "text", f"And {len(rows) - MOST} more: --output json"


def _markdown(kind: str, value: Any) -> str:
    if kind == "title":
        return f"# {_inline(value)}\n"
    if kind == "heading":
        return f"## {_inline(value)}\n"
    if kind == "text":
        return f"{_inline(value)}\n"
    if kind == "steps":
        return "\n".join(_markdown_step(number, step) for number, step in enumerate(value, 1)) + "\n"
    heads, rows = value
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines) + "\n"


def _markdown_step(number: int, step: dict[str, Any]) -> str:
    command = f"\n\n   ```sh\n   {step['command']}\n   ```\n" if step["command"] else ""
    return f"{number}. {_inline(step['what'])}{command}"


def _inline(text: Any) -> str:
    """Text in which nothing is markup of Markdown or HTML."""
    escaped = str(text).replace("\\", "\\\\")
    for mark in "*_`[]<>":
        escaped = escaped.replace(mark, f"\\{mark}")
    return escaped


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return text if text == "---" else _inline(text).replace("|", "\\|")


def _html(kind: str, value: Any) -> str:
    if kind == "title":
        return f"<h1>{escape(value)}</h1>"
    if kind == "heading":
        return f"<h2>{escape(value)}</h2>"
    if kind == "text":
        return f"<p>{escape(value)}</p>"
    if kind == "steps":
        items = (
            f"<li>{escape(step['what'])}"
            + (f"<pre>{escape(step['command'])}</pre>" if step["command"] else "")
            + "</li>"
            for step in value
        )
        return f"<ol>{''.join(items)}</ol>"
    heads, rows = value
    head = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, rows))}</tbody></table>"


def _row(cells: Iterable[Any]) -> str:
    return "<tr>" + "".join(f"<td>{escape('' if each is None else str(each))}</td>" for each in cells) + "</tr>"
