"""Reports of a fleet: the document of `list` in other forms, each by the ending of its file. Pure."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

from azext_acrcmk.output.report.csv_rows import csv_of_findings, csv_of_registries
from azext_acrcmk.output.report.html import html
from azext_acrcmk.output.report.junit import junit
from azext_acrcmk.output.report.sarif import sarif
from azext_acrcmk.rules.catalogue import ERROR

Document = dict[str, Any]


def as_json(document: Document) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def ending_of(path: str) -> str:
    """Of a file's name, which says what it is to be."""
    return os.path.splitext(path)[1].lower()


def render(ending: str, document: Document, rows: str, fail_on: str = ERROR) -> str:
    """`rows` are what the rows of a CSV file are: registries or findings. With `fail_on` warning, these fail in JUnit,
    too."""
    if ending == ".csv" and rows == "findings":
        return csv_of_findings(document)
    if ending == ".xml":
        return junit(document, fail_on)
    return _FORMS[ending](document)


_FORMS: dict[str, Callable[[Document], str]] = {
    ".json": as_json,
    ".csv": csv_of_registries,
    ".sarif": sarif,
    ".xml": junit,
    ".html": html,
}
ENDINGS = tuple(_FORMS)
