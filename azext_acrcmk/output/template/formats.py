"""The formats in which a plan is written: one table."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from shlex import quote
from typing import Any

from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.output.template.arm import arm_template
from azext_acrcmk.output.template.azapi import azapi
from azext_acrcmk.output.template.azurerm import azurerm
from azext_acrcmk.output.template.bicep import bicep
from azext_acrcmk.output.template.form import form
from azext_acrcmk.output.template.parts import Parts
from azext_acrcmk.output.template.shell import shell_script


@immutable
class Format(Value):
    """`write` gives JSON as an object, a text, or texts by the names of their files. `command` is what to type next,
    and `title` what it is called.

    `rotates_again` says that deploying it again takes the version of the key that is current then.
    """

    write: Callable[[Parts], Any]
    title: str
    suffix: str
    command: str
    is_json: bool = False
    needs_group: bool = True
    rotates_again: bool = False


_DEPLOY = "az deployment group create --resource-group {group} --subscription {subscription} --template-file {file}"
_TERRAFORM = "terraform -chdir={folder} init && terraform -chdir={folder} apply"
_SPEC = (
    "az ts create --resource-group {group} --subscription {subscription} --name {name} --version 1.0 "
    "--location {location} --template-file azuredeploy.json --ui-form-definition {file}"
)

FORMATS = {
    "arm": Format(arm_template, "Resource Manager template", ".json", _DEPLOY, is_json=True, rotates_again=True),
    "bicep": Format(bicep, "Bicep", ".bicep", _DEPLOY, rotates_again=True),
    "azurerm": Format(azurerm, "Terraform, provider azurerm", ".tf", _TERRAFORM, needs_group=False),
    "azapi": Format(azapi, "Terraform, provider azapi", ".tf", _TERRAFORM, needs_group=False),
    "sh": Format(shell_script, "Shell script", ".sh", "sh {file}", needs_group=False),
    "form": Format(
        form, "Form of the portal for the Resource Manager template", ".json", _SPEC, is_json=True, rotates_again=True
    ),
}


def next_command(form: Format, parts: Parts, file: str) -> str:
    """What to type next, for a shell."""
    id_ = parts.id
    command = form.command.format(
        file=quote(file),
        folder=quote(str(PurePath(file).parent)),
        group=quote(id_.group),
        subscription=id_.subscription,
        name=quote(id_.name),
        location=quote(parts.location),
    )
    group = parts.group
    if form.needs_group and group is not None and group.changes:
        made = (
            f"az group create --name {quote(group.id.name)} --location {quote(group.location)} "
            f"--subscription {group.id.subscription}"
        )
        return f"{made} && {command}"
    return command
