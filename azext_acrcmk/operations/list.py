"""`az acr cmk list`"""

from __future__ import annotations

from typing import Any

from azure.cli.core.azclierror import InvalidArgumentValueError

from azext_acrcmk.cloud.fleet import Fleet
from azext_acrcmk.cloud.fleet_confirm import Confirmation
from azext_acrcmk.cloud.fleet_graph import FleetGraph
from azext_acrcmk.cloud.fleet_reads import FleetReads
from azext_acrcmk.cloud.graph import Where
from azext_acrcmk.model.defaults import KEY_DEPTH, LIVE_DEPTH, REGISTRY_DEPTH
from azext_acrcmk.model.ids import Id
from azext_acrcmk.model.state import NotLoaded, State
from azext_acrcmk.operations.report_files import read_report, write_all
from azext_acrcmk.operations.session import Session, fail_after_output
from azext_acrcmk.output.fleet import FleetReport, fails, fleet_document, listing, unseen_parts
from azext_acrcmk.output.fleet_compare import compare
from azext_acrcmk.output.report import ending_of, render
from azext_acrcmk.rules import examine
from azext_acrcmk.rules.catalogue import FAILED, UNKNOWN

# Findings that depend on neither a version in use nor the absence of anything, or were already read directly.
SETTLED = frozenset(
    {
        "NotEncrypted",
        "NotPremium",
        "ContentTrustEnabled",
        "RegistryStatus",
        "KeyNeverExpires",
        "ManualRotation",
        "NoRotationPolicy",
        "ShortRetention",
        "NoPurgeProtection",
        "KeyShared",
        "GrantWiderThanNeeded",
        "KeyUnknown",
        "DenialsUnknown",
    }
)


def list_registries(
    cmd,
    group: str | None,
    subscriptions: list[str] | None,
    management_groups: list[str] | None,
    everywhere: bool,
    depth: str,
    health: list[str] | None,
    fail_on: str,
    expiry_days: int,
    reports: list[str] | None,
    rows: str,
    from_file: str | None,
    compare_file: str | None,
) -> dict[str, Any]:
    """The registries of a scope, judged by the rules of `check`; what could not be read is always reported."""
    earlier = _earlier(compare_file) if compare_file else None
    if from_file:
        document, interrupted = read_report(from_file), False
    else:
        document, interrupted = _look(cmd, group, subscriptions, management_groups, everywhere, depth, expiry_days)
    if earlier:
        _check_whole(document, from_file)
        document["comparison"] = compare(earlier, document)
    document = listing(document, health)
    write_all({path: render(ending_of(path), document, rows) for path in reports or ()})
    if interrupted or fails(document, fail_on):
        fail_after_output(cmd.cli_ctx)
    return document


def _earlier(path: str) -> dict[str, Any]:
    earlier = read_report(path)
    _check_whole(earlier, path)
    return earlier


def _check_whole(document: dict[str, Any], path: str | None) -> None:
    if document.get("listed"):
        raise InvalidArgumentValueError(
            f"'{path}' has only the registries that --health selected, so what is missing in it can't be compared."
        )


def _look(
    cmd, group, subscriptions, management_groups, everywhere: bool, depth: str, expiry_days: int
) -> tuple[dict[str, Any], bool]:
    """What Azure shows now, and whether Ctrl-C ended it."""
    with Session.of(cmd) as session:
        interrupted = False
        where = _where(session, subscriptions, management_groups, everywhere)
        fleet = Fleet()
        try:
            _load(session, fleet, where, group, depth, lambda state: examine(state, session.now, expiry_days))
        except KeyboardInterrupt:
            session.stop.set()
            interrupted = True
            fleet.miss("everything else", "Interrupted before it was read.")
        return fleet_document(_report(session, fleet, depth, expiry_days)), interrupted


def _where(session: Session, subscriptions, management_groups, everywhere: bool) -> Where:
    if everywhere:
        return Where()
    if management_groups:
        return Where(management_groups=tuple(management_groups))
    return Where(subscriptions=tuple(map(Id, subscriptions or [session.login.subscription])))


def _load(session: Session, fleet: Fleet, where: Where, group: str | None, depth: str, judge) -> None:
    clients, subscriptions = session.clients, session.login.subscriptions
    graph = FleetGraph(fleet, clients, session.login, session.stop, session.progress.during)
    reads = FleetReads(fleet, clients, session.stop, session.progress.during)
    graph.find(where, group)
    if depth == LIVE_DEPTH:
        reads.read_registries()
    graph.look_around()
    if depth != REGISTRY_DEPTH:
        reads.read_denials()
        reads.read_keys()
    suspects = [each for each in fleet.registries.values() if _is_doubtful(fleet.state_of(each), depth, judge)]
    Confirmation(fleet, reads, clients, subscriptions).confirm(suspects)


def _is_doubtful(state: State, depth: str, judge) -> bool:
    """Whether a registry must be read again: it has findings to confirm, or was incomplete in Resource Graph."""
    if not state.registry.encryption.enabled or state.registry.encryption.key is None:
        return False
    needed = [state.identity, state.vault, state.roles]
    if depth in (KEY_DEPTH, LIVE_DEPTH):
        needed += [state.key, state.version_in_use]
    if any(isinstance(each, NotLoaded) for each in needed):
        return True
    return any(each.status in (FAILED, UNKNOWN) and each.code not in SETTLED for each in judge(state).findings)


def _report(session: Session, fleet: Fleet, depth: str, expiry_days: int) -> FleetReport:
    now = session.now
    report = FleetReport(now, depth, fleet.subscription_names, session.login.portal)
    for registry in list(fleet.registries.values()):
        state = fleet.state_of(registry)
        report.add(state, examine(state, now, expiry_days))
        for what, why in unseen_parts(state):
            fleet.miss(what, why)
    report.not_seen = list(fleet.not_seen.items())
    return report
