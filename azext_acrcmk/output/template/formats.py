"""The formats in which a plan is written: one table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from shlex import quote
from typing import Any

from azext_acrcmk.output.template.arm import arm_template
from azext_acrcmk.output.template.parts import Parts
from azext_acrcmk.output.template.shell import shell_script


@dataclass(frozen=True)
class Format:
    """`write` gives JSON as an object, or a text. `command` is what to type next, with {file} and {group}."""

    write: Callable[[Parts], Any]
    suffix: str
    command: str
    is_json: bool = False
    needs_group: bool = True


_DEPLOY = "az deployment group create --resource-group {group} --subscription {subscription} --template-file {file}"

FORMATS = {
    "arm": Format(arm_template, ".json", _DEPLOY, is_json=True),
    "sh": Format(shell_script, ".sh", "sh {file}", needs_group=False),
}


def next_command(form: Format, parts: Parts, file: str) -> str:
    """What to type next, for a shell."""
    id_ = parts.id
    command = form.command.format(file=quote(file), group=quote(id_.group), subscription=id_.subscription)
    group = parts.group
    if form.needs_group and group is not None and group.changes:
        made = (
            f"az group create --name {quote(group.name)} --location {quote(group.location)} "
            f"--subscription {group.subscription}"
        )
        return f"{made} && {command}"
    return command
