"""What a template can't do and a command must do first, and other reasons for which there is no template. Pure."""

from __future__ import annotations

from functools import singledispatch
from shlex import quote

from azext_acrcmk.model.problem import Problem
from azext_acrcmk.output.template.azurerm import azurerm_problems
from azext_acrcmk.output.template.parts import Parts
from azext_acrcmk.plan import kinds
from azext_acrcmk.plan.change import Change, UnknownChange

SCRIPT = "sh"
TERRAFORM = ("azurerm", "azapi")


def problems_of(parts: Parts, form: str) -> tuple[Problem, ...]:
    """Why the parts can't be written in a format. A script can do more than a template."""
    found = [_problem(each) for each in parts.first if form != SCRIPT or isinstance(each, kinds.SetEncryption)]
    if parts.pins_unknown_version and not parts.new_key:
        found.append(
            Problem(
                f"The current version of key {parts.key_id} can't be read, so the registry can't be pinned to it.",
                ("Specify the version: --key-encryption-key https://VAULT/keys/KEY/VERSION",),
            )
        )
    if form in TERRAFORM and isinstance(parts.vault, kinds.RecoverVault):
        vault = parts.vault
        found.append(
            Problem(
                f"Key vault '{vault.id.name}' is soft-deleted, and Terraform can't determine its permission model.",
                (
                    f"Recover it first: az keyvault recover --name {vault.id.name} --location {vault.location} "
                    f"--subscription {vault.id.subscription}",
                ),
            )
        )
    if form == "azurerm" and not found:
        found += azurerm_problems(parts)
    if parts.identity is None and not parts.found:
        found.append(Problem("The identity can't be read."))
    return tuple(found)


@singledispatch
def _problem(change: Change) -> Problem:
    raise UnknownChange("problems_of", change)


@_problem.register
def _(change: kinds.ProtectVault) -> Problem:
    vault = change.vault
    return Problem(
        f"Key vault '{vault.name}' exists and has no purge protection. A template that changes an existing vault "
        "replaces its access policies, so none is written.",
        (
            "Enable purge protection first; this can't be undone: az keyvault update "
            f"--name {vault.name} --subscription {vault.subscription} --enable-purge-protection true",
        ),
    )


@_problem.register
def _(change: kinds.AllowTrustedServices) -> Problem:
    vault = change.vault
    return Problem(
        f"The firewall of key vault '{vault.name}' does not allow trusted services, and a template does not change an "
        "existing vault.",
        (
            f"Allow them first: az keyvault update --name {vault.name} --subscription {vault.subscription} "
            "--bypass AzureServices",
        ),
    )


@_problem.register
def _(change: kinds.RecoverKey) -> Problem:
    return Problem(
        f"Key '{change.key.name}' is soft-deleted, and Azure Resource Manager can't recover keys.",
        (
            f"Recover it first: az keyvault key recover --vault-name {change.key.store} --name {change.key.name}",
            "Or write a script, which does that: --format sh",
        ),
    )


@_problem.register
def _(change: kinds.AssignRole) -> Problem:
    principal = change.principal or '"$(az identity show --ids ' + quote(str(change.identity)) + (
        ' --query principalId --output tsv)"'
    )
    return Problem(
        "A role of a managed HSM is assigned on its data plane, which Azure Resource Manager can't do.",
        (
            f"Create the identity, if it does not exist: az identity create --name {change.identity.name} "
            f"--resource-group {quote(change.identity.group)} --subscription {change.identity.subscription}",
            f"Assign the role: az keyvault role assignment create --hsm-name {change.key.store} "
            f"--role {change.role_id} --scope {quote(change.scope)} --assignee-object-id {principal} "
            "--assignee-principal-type ServicePrincipal",
            "Or write a script, which does that: --format sh",
        ),
    )


@_problem.register
def _(change: kinds.SetEncryption) -> Problem:
    return Problem(
        f"Registry '{change.registry.name}' is in a bad state: {change.reason}",
        (
            f"Repair it first: az acr cmk repair --name {change.registry.name} "
            f"--resource-group {quote(change.registry.group)}",
        ),
    )
