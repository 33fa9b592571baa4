"""The report: each command and question with what came of it, and nothing that says whose Azure it was."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from live.azure import Exchange
from live.redaction import REMOVED, Redactor
from live.removal import Left
from live.steps import Command, Result

FORMAT = 1
# So many characters of an answer say enough.
LONGEST = 4_000


class NotRedacted(Exception):
    """A report that would tell what it must not."""


def make_report(
    results: Iterable[Result], left: Iterable[Left], about: dict[str, Any], redactor: Redactor
) -> dict[str, Any]:
    """The report as a document. Raises NotRedacted where something in it can't be made fit to be sent."""
    report = {
        "format": FORMAT,
        "made": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        **redactor.json(about),
        "steps": [_safe(_step(result), redactor) for result in results],
        "left": [redactor.text(each.told()) for each in left],
    }
    found = redactor.leaks(json.dumps(report))
    if found:
        raise NotRedacted(f"The report would tell: {', '.join(found)}.")
    return report


def _safe(step: dict[str, Any], redactor: Redactor) -> dict[str, Any]:
    """A step without all that must not be told. Where the second look still finds some, less is told of it."""
    step = redactor.json(step)
    for part in ("exchanges", "said", "facts", "answer"):
        if redactor.leaks(json.dumps(step)):
            step[part] = REMOVED
    if isinstance(step["exchanges"], list):
        step["exchanges"] = [_shortened(each) for each in step["exchanges"]]
    return step


def _shortened(exchange: dict[str, Any]) -> dict[str, Any]:
    """Only now: half an id would not be known as one."""
    for name in ("request", "answer"):
        text = json.dumps(exchange.get(name))
        if len(text) > LONGEST:
            exchange[name] = f"{text[:LONGEST]} ..."
    return exchange


def _step(result: Result) -> dict[str, Any]:
    step = result.step
    told: dict[str, Any] = {"id": step.id, "outcome": result.outcome}
    if isinstance(step, Command):
        told |= {"command": f"az acr cmk {step.words}", "exitCode": result.code, "expectedExitCode": step.code}
    else:
        told |= {"question": step.question, "believed": step.believed}
    if result.answer:
        told |= {"answer": result.answer.text, "facts": result.answer.facts}
    if result.said:
        told["said"] = result.said
    told["seconds"] = round(result.seconds, 1)
    told["exchanges"] = list(_without_repetition(result.exchanges))
    return told


def _without_repetition(exchanges: list[Exchange]) -> Iterable[dict[str, Any]]:
    """What was asked and answered the same way several times on end is told once, with how often."""
    last: dict[str, Any] = {}
    for each in exchanges:
        told = _exchange(each)
        if {**last, "times": 1} == {**told, "times": 1}:
            last["times"] += 1
        else:
            if last:
                yield last
            last = {**told, "times": 1}
    if last:
        yield last


def _exchange(exchange: Exchange) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if exchange.method:
        told |= {"method": exchange.method, "url": exchange.url, "status": exchange.status}
    for name in ("request", "headers", "answer"):
        value = getattr(exchange, name)
        if value:
            told[name] = value
    return told


def as_markdown(report: dict[str, Any]) -> str:
    """The report to read: questions with their answers, then the commands, then the exchanges of the questions."""
    questions = [step for step in report["steps"] if "question" in step]
    commands = [step for step in report["steps"] if "command" in step]
    lines = ["# What Azure answered", ""]
    lines += [f"- {name}: {_plain(value)}" for name, value in report.items() if name not in ("format", "steps", "left")]
    lines += ["", "## Questions", ""]
    for step in questions:
        lines += [f"### {step['id']}", "", step["question"], "", f"Believed: {step['believed']}", ""]
        lines += [f"**{step['outcome']}**: {step.get('answer') or ' '.join(step.get('said', []))}", ""]
    lines += ["## Commands", "", "| Command | Outcome | Exit code | Seconds |", "|---|---|---|---|"]
    lines += [
        f"| `{step['command']}` | {_outcome(step)} | {step['exitCode']} | {step['seconds']} |" for step in commands
    ]
    lines += ["", "## What is left", "", *([f"- {each}" for each in report["left"]] or ["Nothing."])]
    lines += ["", "## Exchanges", ""]
    for step in questions:
        lines += [f"### {step['id']}, asked and answered", "", "```json"]
        lines += [json.dumps(step["exchanges"], indent=1), "```", ""]
    return "\n".join(lines)


def _outcome(step: dict[str, Any]) -> str:
    said = step.get("said")
    if step["outcome"] == "as expected" or not said:
        return step["outcome"]
    told = " ".join(said) if isinstance(said, list) else said
    return f"{step['outcome']}: {told}".replace("|", r"\|").replace("\n", " ")


def _plain(value: Any) -> str:
    return ", ".join(f"{name} {each}" for name, each in value.items()) if isinstance(value, dict) else str(value)


def write_report(report: dict[str, Any], directory: Path, redactor: Redactor) -> list[Path]:
    """Both forms, after a last look at each; their paths. Raises NotRedacted."""
    texts = {"report.json": json.dumps(report, indent=2) + "\n", "report.md": as_markdown(report)}
    for name, text in texts.items():
        found = redactor.leaks(text)
        if found:
            raise NotRedacted(f"{name} would tell: {', '.join(found)}.")
    directory.mkdir(parents=True)
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8")
    return [directory / name for name in texts]
