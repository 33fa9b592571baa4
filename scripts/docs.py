"""Writes the generated parts of the documentation: `make docs`. With --check it only says whether they are current.

A part stands between `<!-- generated: NAME ARGUMENT -->` and `<!-- end -->`, in any Markdown file of the project. The
findings come from the catalogue of rules, the options from the CLI's registry of arguments, and the permissions of each
kind of change from `plan/permissions.py`.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from azext_acrcmk.model.api_versions import API_VERSIONS, DATA_PLANE_API_VERSION
from azext_acrcmk.plan.permissions import required_permissions
from azext_acrcmk.rules import CATALOGUE, Rule, examine
from azext_acrcmk.rules.catalogue import SEVERITIES
from azext_acrcmk.rules.fleet import FLEET_CATALOGUE, FleetRule
from tests.harness import make
from tests.harness.encrypted import changed
from tests.harness.findings import CASES
from tests.harness.kinds import KINDS, change_of

ROOT = Path(__file__).parents[1]
PART = re.compile(r"(<!-- generated: (\S+) ?([^\n]*?) -->\n).*?(<!-- end -->)", re.DOTALL)
# What the CLI adds to every command: not ours to describe.
NOT_OURS = "Global Policy"


def pages() -> list[Path]:
    """All pages of the documentation."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


def with_parts(text: str) -> str:
    """A page with its generated parts as they should be."""
    return PART.sub(lambda part: f"{part[1]}{PARTS[part[2]](*part[3].split())}\n{part[4]}", text)


def findings() -> str:
    """An index of the catalogue, the gravest first, and a section for each rule, so that each code has an anchor."""
    rules = sorted(CATALOGUE, key=lambda rule: (SEVERITIES.index(rule.severity), rule.code))
    return "\n\n".join([_index(rules), *map(_section, rules)])


def fleet_findings() -> str:
    """The same of the rules for several registries."""
    sections = (f"{_head(rule)}\n\nSeverity {rule.severity}. About the {rule.subject}." for rule in FLEET_CATALOGUE)
    return "\n\n".join([_index(FLEET_CATALOGUE), *sections])


def _index(rules: Iterable[Rule | FleetRule]) -> str:
    rows = [(f"[{rule.code}](#{rule.code.lower()})", rule.severity, rule.subject, rule.cause) for rule in rules]
    return _table(("Code", "Severity", "Subject", "Cause"), rows)


def _head(rule: Rule | FleetRule) -> str:
    return f"### {rule.code}\n\n{rule.cause}\n\n**Cure:** {rule.cure}"


def _section(rule: Rule) -> str:
    stops = ", ".join(f"`{command}`" for command in sorted(rule.stops)) or "no command"
    about = f"Severity {rule.severity}. About the {rule.subject}. Stops {stops}."
    return f"{_head(rule)}\n\n{about} Fixed by `repair`: {_repaired(rule)}."


def _repaired(rule: Rule) -> str:
    """Whether the verdicts on the states that tests have of the rule name a change that fixes it."""
    verdicts = [
        finding.change
        for code, _, changes in CASES
        for finding in examine(changed(**changes), make.NOW).findings
        if code == finding.code == rule.code
    ]
    fixed = [verdict is not None for verdict in verdicts]
    if not any(fixed):
        return "no"
    return "yes" if all(fixed) else "in some cases, then the finding says how"


def options(command: str) -> str:
    """The options of a command, in the order and the groups of its help."""
    from tests.harness.commands import COMMANDS

    arguments = [
        argument.type.settings
        for argument in COMMANDS[f"acr cmk {command}"].arguments.values()
        if argument.type.settings.get("options_list")
        and argument.type.settings.get("arg_group") != NOT_OURS
        and argument.type.settings.get("help") != argparse.SUPPRESS
    ]
    arguments.sort(key=lambda each: (_group(each), not each.get("required"), _names(each)))
    rows = [(f"`{'` `'.join(_names(each))}`", _group(each), _described(each)) for each in arguments]
    return _table(("Option", "Group", "What it does"), rows)


def _group(settings: dict) -> str:
    return settings.get("arg_group") or ""


def _names(settings: dict) -> list[str]:
    shown = (str(each) for each in settings["options_list"] if not hasattr(each, "deprecate_info"))
    return sorted(shown, key=lambda name: (not name.startswith("--"), -len(name)))


def _described(settings: dict) -> str:
    words = [" ".join((settings.get("help") or "").split())]
    if choices := settings.get("choices"):
        words.append(f"Values: {', '.join(f'`{choice}`' for choice in choices)}.")
    default = settings.get("default")
    if isinstance(default, (str, int)) and not isinstance(default, bool):
        words.append(f"Default: `{default}`.")
    if settings.get("required"):
        words.insert(0, "Required.")
    if settings.get("is_preview") or settings.get("preview_info"):
        words.insert(0, "Preview.")
    return " ".join(word for word in words if word)


def changes() -> str:
    """The kinds of change that require something of Azure Resource Manager, with what they require."""
    rows = []
    for kind in KINDS:
        change = change_of(kind)
        if required := required_permissions(change):
            named = [" or ".join(f"`{action}`" for action in (each.action, *each.either)) for each in required]
            rows.append((_words(kind.__name__), ", ".join(dict.fromkeys(named))))
    return _table(("Change", "Permission on Azure Resource Manager"), sorted(rows))


def _words(name: str) -> str:
    """AssignRole is "Assign role"."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).capitalize()


def api_versions() -> str:
    rows = [(f"`{name}`", version) for name, version in sorted(API_VERSIONS.items())]
    return _table(("Resource type", "API version"), [*rows, ("Keys, on the data plane", DATA_PLANE_API_VERSION)])


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


PARTS: dict[str, Callable[..., str]] = {
    "findings": findings,
    "fleet-findings": fleet_findings,
    "options": options,
    "changes": changes,
    "api-versions": api_versions,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a part is not current")
    check, stale = parser.parse_args().check, []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        if (current := with_parts(text)) != text:
            stale.append(page)
            if not check:
                page.write_text(current, encoding="utf-8")
    for page in stale:
        print(f"{page.relative_to(ROOT)}: {'not current; run make docs' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
