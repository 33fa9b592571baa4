"""Reports in files: read as what they must be, and written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from azure.cli.core.azclierror import FileOperationError, InvalidArgumentValueError
from knack.log import get_logger

from azext_acrcmk.model.defaults import HEALTHS
from azext_acrcmk.operations.session import fail_after_output
from azext_acrcmk.output.fleet import SCHEMA
from azext_acrcmk.output.fleet_compare import KINDS

logger = get_logger(__name__)

_PORTAL = re.compile(r"https://[a-zA-Z0-9.-]+")
_ROW = ("id", "name", "subscription", "resourceGroup", "location", "sku", "health")
_OR_NULL = ("subscriptionName", "key", "versionInUse", "expires", "rotation", "vault", "vaultLocation", "identity")
_FINDING = ("code", "severity", "status", "message")


def read_report(path: str) -> dict[str, Any]:
    """An earlier result of `list`, from a JSON report or its output."""
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise FileOperationError(f"Could not read '{path}': {error.strerror or error}.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentValueError(f"'{path}' is not JSON: {error}.") from error
    if not _is_report(document):
        raise InvalidArgumentValueError(
            f"'{path}' is not a JSON report of `az acr cmk list` of this version ({SCHEMA}).",
            ["Create one: az acr cmk list --report fleet.json"],
        )
    return document


def _is_report(document: Any) -> bool:
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        return False
    rows, missed = document.get("registries"), document.get("notSeen")
    if not isinstance(rows, list) or not isinstance(missed, list) or not isinstance(document.get("partial"), bool):
        return False
    counts = document.get("counts")
    if not isinstance(document.get("generatedAt"), str) or not isinstance(counts, dict) or "total" not in counts:
        return False
    if not all(isinstance(each, int) for each in counts.values()):
        return False
    portal = document.get("portal")
    if portal is not None and not (isinstance(portal, str) and _PORTAL.fullmatch(portal)):
        return False
    if not isinstance(document.get("extension"), (str, type(None))):
        return False
    listed = document.get("listed")
    if listed is not None and not (
        isinstance(listed, list) and all(isinstance(each, str) and each in HEALTHS for each in listed)
    ):
        return False
    if not _is_comparison(document.get("comparison")):
        return False
    if not _is_scope(document.get("scope")):
        return False
    several = document.get("fleetFindings")
    if not isinstance(several, list) or not all(map(_is_about_several, several)):
        return False
    texts = all(isinstance(each, dict) and _texts(each, ("what", "why")) for each in missed)
    return texts and all(map(_is_row, rows))


def _is_scope(scope: Any) -> bool:
    if scope is None:
        return True
    lists = isinstance(scope, dict) and (scope.get("subscriptions"), scope.get("managementGroups"))
    return bool(
        lists
        and all(isinstance(each, list) and all(isinstance(name, str) for name in each) for each in lists)
        and isinstance(scope.get("resourceGroup"), (str, type(None)))
    )


def _is_row(row: Any) -> bool:
    return (
        isinstance(row, dict)
        and _texts(row, _ROW)
        and row["health"] in HEALTHS
        and all(isinstance(row.get(name, ...), (str, type(None))) for name in _OR_NULL)
        and isinstance(row.get("findings"), list)
        and all(isinstance(each, dict) and _texts(each, _FINDING) for each in row["findings"])
    )


def _is_comparison(compared: Any) -> bool:
    if compared is None:
        return True
    if not isinstance(compared, dict) or not isinstance(compared.get("since"), str):
        return False
    return all(isinstance(compared.get(kind), list) and all(map(_is_change, compared[kind])) for kind in KINDS)


def _is_change(change: Any) -> bool:
    return (
        isinstance(change, dict)
        and isinstance(change.get("id"), str)
        and all(change.get(name, ...) in (*HEALTHS, None) for name in ("before", "now"))
        and all(_is_texts(change.get(name)) for name in ("appeared", "disappeared"))
    )


def _is_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _is_about_several(finding: Any) -> bool:
    return (
        isinstance(finding, dict)
        and _texts(finding, ("code", "severity", "subject", "message"))
        and _is_texts(finding.get("registries"))
        and bool(finding["registries"])
    )


def _texts(value: dict[str, Any], names: tuple[str, ...]) -> bool:
    return all(isinstance(value.get(name), str) for name in names)


def write_reports(cli_ctx, contents: Iterable[tuple[str, str]]) -> None:
    """Writes all files, each a path and a text. Where that fails after all, the command has its result all the same,
    and then fails."""
    try:
        write_all(contents)
    except FileOperationError as error:
        logger.error("%s", error)
        fail_after_output(cli_ctx)


def write_all(contents: Iterable[tuple[str, str]]) -> None:
    """Each file is put in place once all are on the disk. Of the texts, which can be large, one at a time is needed."""
    made: list[tuple[Path, Path]] = []
    try:
        for name, text in contents:
            target = Path(os.path.realpath(name))  # what a link leads to, as if it were written there
            beside = target.with_name(f".acrcmk-{secrets.token_hex(8)}")
            with beside.open("x", encoding="utf-8", errors="replace", newline="") as file:
                made.append((beside, target))
                with contextlib.suppress(FileNotFoundError):
                    shutil.copymode(target, beside)  # no more people can read it than before
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
        for beside, target in made:
            os.replace(beside, target)
    except OSError as error:
        raise FileOperationError(f"Could not write the reports: {error}.") from error
    finally:
        for beside, _ in made:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
