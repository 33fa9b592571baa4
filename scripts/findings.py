"""Writes the table of findings in README.md from the catalogue of checks: `make readme`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
BEGIN, END = "<!-- findings: made by `make readme` -->", "<!-- end of findings -->"

sys.path.insert(0, str(ROOT))

from azext_acrcmk.rules import CATALOGUE, SEVERITIES  # noqa: E402


def table() -> str:
    """The catalogue as a Markdown table, the gravest findings first."""
    checks = sorted(CATALOGUE, key=lambda check: (SEVERITIES.index(check.severity), check.code))
    lines = ["| Code | Severity | Cause | Cure |", "|---|---|---|---|"]
    lines += [f"| `{check.code}` | {check.severity} | {_cell(check.cause)} | {_cell(check.cure)} |" for check in checks]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def with_table(text: str) -> str:
    """README's text with the table as it should be between its markers."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> None:
    README.write_text(with_table(README.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
