"""The documented results of a migration. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from azext_acrcmk.model.content import Totals
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.model.settings import Settings
from azext_acrcmk.model.state import Registry, State
from azext_acrcmk.plan.migrate.cutover import CutOver
from azext_acrcmk.plan.migrate.settings import LeftSetting, counts
from azext_acrcmk.plan.migrate.tally import Tally, Wanted
from azext_acrcmk.rules import Health

# Imports that are begun in a second, at most and at least, for the time to expect (migrate facts 2.6).
FAST, SLOW = 5, 1


def inventory_document(
    source: Registry,
    target: ArmId,
    tally: Tally,
    plan: list[dict[str, Any]],
    settings: Settings | None,
    left: Iterable[LeftSetting],
    wanted: Wanted,
) -> dict[str, Any]:
    """The result of --what-if: what there is, what has to be done, what stands in the way. `settings` has how many of
    each kind the old registry has; null is what can't be read."""
    return {
        "source": _registry(source),
        "target": {"id": str(target), "name": target.name},
        "selected": _selected(wanted),
        "inventory": {
            **totals_document(tally.source),
            "settings": counts(settings) if settings else {},
        },
        "toImport": tally.planned,
        "alreadyThere": tally.there,
        "timeToExpect": {"leastSeconds": -(-tally.planned // FAST), "mostSeconds": -(-tally.planned // SLOW)},
        "conflicts": [_conflict(each) for each in tally.conflicts],
        "notCopied": [_left(each) for each in tally.left],
        "byHand": [asdict(each) for each in left],
        "plan": plan,
    }


def migration_document(source: Registry, state: State, tally: Tally, health: Health, wanted: Wanted) -> dict[str, Any]:
    """The result of a migration. `verified`: the new registry has what was listed of the old one, and nothing else.
    `selected` is null where all of it was."""
    bad = (tally.differences, tally.conflicts, tally.left, tally.failures, tally.unwritten)
    return {
        "source": _registry(source),
        "target": _registry(state.registry),
        "health": health.status,
        "selected": _selected(wanted),
        "inventory": totals_document(tally.source),
        "imported": tally.imports,
        "tagsSet": tally.tags_set,
        "tagsMoved": [_moved(each) for each in tally.moved],
        "written": tally.written,
        "attributesSet": tally.locked,
        "alreadyThere": tally.there,
        "verified": not any(bad),
        "differences": [asdict(each) for each in tally.differences],
        "conflicts": [_conflict(each) for each in tally.conflicts],
        "failures": [*map(_failure, tally.failures), *map(_unwritten, tally.unwritten)],
        "notCopied": [_left(each) for each in tally.left],
    }


def _selected(wanted: Wanted) -> dict[str, Any] | None:
    """What narrows the copy: patterns of repositories, and the moment (UTC) since which something has changed."""
    return {"repositories": list(wanted.patterns), "since": wanted.since} if wanted.patterns or wanted.since else None


def copied_text(tally: Tally, target: str) -> str:
    """What was copied so far, for an error; empty if nothing was begun."""
    if not tally.planned:
        return ""
    more = "; imports that were begun may still end" if tally.imports < tally.planned else ""
    return f"{tally.imports} of {tally.planned} manifests imported into registry '{target}'{more}"


def opened_text(opened: Sequence[str], target: str) -> str:
    """What was locked in the new registry and is not locked again, for an error; empty if nothing is."""
    return f"in registry '{target}' unlocked for writing, and not locked again: {', '.join(opened)}" if opened else ""


def settings_document(made: Any, left: Iterable[LeftSetting]) -> dict[str, Any]:
    """What became of the settings: what was set, what was not and why, and what is left to do by hand."""
    return {
        "settings": {
            "set": [{"kind": each.kind, "name": each.name} for each in made.made],
            "failed": [{"kind": each.kind, "name": each.name, "why": why} for each, why in made.failed],
        },
        "byHand": [asdict(each) for each in left],
    }


def cut_over_document(found: CutOver, source: Registry, target: Registry) -> dict[str, Any]:
    """As it is in the result."""
    return {
        "oldLoginServer": source.login_server,
        "newLoginServer": target.login_server,
        "mayPull": [
            {
                "principalId": str(each.principal_id),
                "principalType": each.principal_type,
                "role": each.role,
                "scope": each.scope,
                "resource": each.resource.id if each.resource else None,
            }
            for each in found.pullers
        ],
        "naming": [{"id": each.id, "type": each.type, "name": each.name} for each in found.naming],
        "notSeen": found.unseen,
        "steps": [{"what": each.what, "command": each.command} for each in found.steps],
        "goBack": [{"what": each.what, "command": each.command} for each in found.back],
    }


def totals_document(totals: Totals) -> dict[str, int]:
    return {
        "repositories": totals.repositories,
        "manifests": totals.manifests,
        "tags": totals.tags,
        "untagged": totals.untagged,
        "indexes": totals.indexes,
        "referrers": totals.referrers,
        "sizeInBytes": totals.size,
    }


def _registry(registry: Registry) -> dict[str, Any]:
    return {
        "id": str(registry.id),
        "name": registry.name,
        "loginServer": registry.login_server,
        "location": registry.location,
        "sku": registry.sku,
    }


def _conflict(each: Any) -> dict[str, Any]:
    return {"repository": each.repository, "tag": each.tag, "source": each.source, "target": each.target}


def _moved(row: tuple[str, str, str, str]) -> dict[str, Any]:
    repository, tag, before, now = row
    return {"repository": repository, "tag": tag, "from": before, "to": now}


def _left(each: Any) -> dict[str, Any]:
    what = f"{each.repository}@{each.digest}" if each.digest else each.repository
    return {"what": what, "why": each.why, "command": each.command}


def _failure(failure: Any) -> dict[str, Any]:
    each = failure.each
    return {
        "repository": each.repository,
        "what": each.digest,
        "tags": list(each.tags),
        "error": failure.message,
        "tries": failure.tries,
    }


def _unwritten(row: tuple[str, str, str]) -> dict[str, Any]:
    repository, what, why = row
    return {"repository": repository, "what": what, "tags": [], "error": why, "tries": 1}
