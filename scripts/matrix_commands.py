"""The main commands, one after the other on one registry, and what each must have done."""

from __future__ import annotations

import json
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.client import Sandbox
from sandbox.world import OWNER_OBJECT_ID, SUBSCRIPTION

REGISTRY = "matrixregistry"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/matrix"
CRYPTO_OFFICER = "14b46e9e-c2b7-41b4-b07b-48a6ebf60603"
ROLES = "2022-04-01"
SECONDS = 300


@dataclass(frozen=True)
class Try:
    """A command, its exit code, whether the registry can serve images afterwards, and what else must be so."""

    command: str
    code: int
    pulls: bool
    holds: Callable[[Any], bool] = lambda result: True
    before: Callable[[Sandbox], None] = lambda sandbox: None


def run_commands(sandbox: Sandbox, az: list[str], directory: Path, wheel: Path) -> Iterator[str]:
    """Install the wheel and run all; yields what was wrong."""
    extensions = {"AZURE_EXTENSION_DIR": str(directory / "extensions"), "PIP_CACHE_DIR": str(directory / "pip")}
    # The sandbox's own environment has the tools of this checkout first on its path, which are another az's.
    environment = {**sandbox.login(directory), **extensions, "PATH": os.environ["PATH"]}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*az, *arguments],
            env=environment,
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    added = run("extension", "add", "--source", str(wheel), "--yes")
    if added.returncode:
        yield f"extension add: {added.stderr.strip()}"
        return
    for each in TRIES:
        each.before(sandbox)
        name = () if each.command == "list" else ("--name", REGISTRY)
        done = run("acr", "cmk", *each.command.split(), *name, "--resource-group", "matrix", "-o", "json")
        problem = _problem(each, done, sandbox)
        if problem:
            yield f"az acr cmk {each.command}: {problem}"


def _problem(expected: Try, done: subprocess.CompletedProcess[str], sandbox: Sandbox) -> str:
    if done.returncode != expected.code:
        return f"exit code {done.returncode}, not {expected.code}: {done.stderr.strip()}"
    if "Traceback" in done.stderr or "unable to load extension" in done.stderr.lower():
        return done.stderr.strip()
    if not expected.holds(json.loads(done.stdout or "null")):
        return f"it returned {done.stdout.strip()}"
    pulled = sandbox.pull(REGISTRY)
    return "" if (pulled["status"] == 200) == expected.pulls else f"a pull then gets {pulled}"


def _become_officer(sandbox: Sandbox) -> None:
    """Lets the owner use the data plane of vaults: `rotate` makes a version of the key there."""
    role = f"/providers/Microsoft.Authorization/roleDefinitions/{CRYPTO_OFFICER}"
    path = f"{GROUP}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    body = {"properties": {"roleDefinitionId": role, "principalId": OWNER_OBJECT_ID}}
    sandbox.arm("PUT", path, body, ROLES).raise_for_status()


def _remove_grants(sandbox: Sandbox) -> None:
    """What somebody else does to the identity of the registry: all its roles are gone."""
    listed = sandbox.arm("GET", f"{GROUP}/providers/Microsoft.Authorization/roleAssignments", None, ROLES).json()
    for each in listed["value"]:
        if each["properties"]["principalId"] != OWNER_OBJECT_ID:
            sandbox.arm("DELETE", each["id"], None, ROLES).raise_for_status()


def _healthy(document: Any) -> bool:
    return document["health"] == "healthy"


TRIES = (
    Try("enable --location westeurope", 0, True, _healthy),
    Try("show", 0, True, _healthy),
    Try("list", 0, True, lambda result: [_healthy(each) for each in result["registries"]] == [True]),
    Try("check", 0, True),
    Try("rotate --yes", 0, True, lambda result: result["key"]["upToDate"], before=_become_officer),
    Try("revoke --yes", 0, False),
    Try("check", 1, False),
    Try("restore", 0, True),
    Try("check", 0, True),
    Try("check", 1, False, before=_remove_grants),
    Try("repair --yes", 0, True),
    Try("show", 0, True, _healthy),
)
