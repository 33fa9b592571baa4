"""`az acr cmk list`"""

from __future__ import annotations

from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import Any

from azure.cli.core.azclierror import ForbiddenError, InvalidArgumentValueError, ResourceNotFoundError
from knack.log import get_logger

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.fleet import Fleet
from azext_acrcmk.cloud.fleet_confirm import Confirmation
from azext_acrcmk.cloud.fleet_graph import FleetGraph, ScopeRefused
from azext_acrcmk.cloud.fleet_reads import FleetReads
from azext_acrcmk.cloud.graph import Where
from azext_acrcmk.cloud.reads import get_group
from azext_acrcmk.model.defaults import LIVE_DEPTH, REGISTRY_DEPTH
from azext_acrcmk.model.ids import Id, Scope
from azext_acrcmk.model.state import Absent, NotLoaded, State
from azext_acrcmk.operations.report_files import read_report, write_reports
from azext_acrcmk.operations.session import Session, fail_after_output, give_as_it_is
from azext_acrcmk.output.fleet import (
    FleetReport,
    FleetScope,
    fails,
    fleet_document,
    listing,
    said_of_missing,
    unseen_parts,
)
from azext_acrcmk.output.fleet_compare import compare
from azext_acrcmk.output.report import ending_of, render
from azext_acrcmk.rules import Health, examine
from azext_acrcmk.rules.catalogue import GRANT, IDENTITY, VAULT

logger = get_logger(__name__)

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
# What the others rest on, beside the registry itself. Keys were read directly already.
_RESTS_ON_BY_SUBJECT = {IDENTITY: ("identity",), GRANT: ("identity", "vault", "roles"), VAULT: ("vault",)}
_RESTS_ON = {"TenantMismatch": ("identity", "vault")}


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
) -> None:
    """The registries of a scope, judged by the rules of `check`; what could not be read is always reported."""
    earlier = _earlier(compare_file) if compare_file else None
    if from_file:
        document, interrupted = read_report(from_file), False
    else:
        document, interrupted = _look(cmd, group, subscriptions, management_groups, everywhere, depth, expiry_days)
    if earlier:
        _check_whole(document, from_file)
        document["comparison"] = compare(earlier, document)
    if missing := said_of_missing(document):
        logger.warning("%s", missing)
    document = listing(document, health)
    write_reports(cmd.cli_ctx, ((path, render(ending_of(path), document, rows, fail_on)) for path in reports or ()))
    if interrupted or fails(document, fail_on):
        fail_after_output(cmd.cli_ctx)
    give_as_it_is(cmd.cli_ctx, document)


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
        fleet, judge = Fleet(), Judge(depth, expiry_days)
        try:
            _load(session, fleet, where, group, depth, judge)
        except KeyboardInterrupt:
            session.stop.set()
            interrupted = True
            fleet.miss("everything else", "Interrupted before it was read.")
            fleet.leave_open(judge.doubts)
        scope = FleetScope(where.subscriptions, where.management_groups, group)
        return fleet_document(_report(session, fleet, depth, judge, scope)), interrupted


def _where(session: Session, subscriptions, management_groups, everywhere: bool) -> Where:
    if everywhere:
        return Where()
    if management_groups:
        return Where(management_groups=tuple(management_groups))
    return Where(subscriptions=tuple(map(Id, subscriptions or [session.login.subscription])))


def _load(session: Session, fleet: Fleet, where: Where, group: str | None, depth: str, judge: Judge) -> None:
    clients, login = session.clients, session.login
    graph = FleetGraph(fleet, clients, login, session.stop, session.progress.during)
    reads = FleetReads(fleet, clients, login.subscription, session.stop, session.progress.during)
    try:
        graph.find(where, group)
    except ScopeRefused as error:
        elsewhere = next((each for each in where.subscriptions if each in login.elsewhere), None)
        hint = [f"Subscription {elsewhere} is in another tenant: --subscription {elsewhere}"] if elsewhere else []
        raise (ForbiddenError if error.denied else ResourceNotFoundError)(
            f"Nothing could be listed: {error}",
            [
                *hint,
                "Check the scope, and that you have permission to read it. To list what you can read: az account list, "
                "az account management-group list",
            ],
        ) from error
    if group and not fleet.registries:
        _check_group(clients, where, group)
    if depth == LIVE_DEPTH:
        reads.read_registries()
    graph.find_vaults()
    confirmation = Confirmation(fleet, graph, reads, clients, login.subscriptions, judge.doubts)
    reads.follow(confirmation.courses(with_keys=depth != REGISTRY_DEPTH))


def _check_group(clients: Clients, where: Where, group: str) -> None:
    """Without any registry, the resource group may not exist. It is looked for only in one subscription."""
    if len(where.subscriptions) != 1:
        return
    id_ = Scope(f"/subscriptions/{where.subscriptions[0]}/resourceGroups/{group}")
    if isinstance(get_group(clients, id_), Absent):
        raise ResourceNotFoundError(
            f"There is no resource group '{group}' in subscription {where.subscriptions[0]}.",
            [
                "To list the resource groups that you can read: az group list --output table",
                'To list all registries of the subscription where a default group is configured: --resource-group ""',
            ],
        )


class Judge:
    """Judges states by the rules of `check`, each once."""

    def __init__(self, depth: str, expiry_days: int):
        self._deep, self._expiry_days = depth != REGISTRY_DEPTH, expiry_days
        # With the states, so that no other gets the place of one in memory.
        self._judged: dict[int, tuple[State, Health]] = {}

    @cached_property
    def now(self) -> datetime:
        """When the first was judged."""
        return datetime.now(timezone.utc)

    def health(self, state: State) -> Health:
        """Without what passed, which would take most of the memory of a fleet."""
        if id(state) not in self._judged:
            health = examine(state, self.now, self._expiry_days)
            self._judged[id(state)] = state, Health(health.status, tuple(health.problems))
        return self._judged[id(state)][1]

    def doubts(self, state: State) -> frozenset[str]:
        """The parts of a state that must be read directly before anything is said of its registry."""
        needed = ("identity", "vault", "roles", *(("key", "version_in_use") if self._deep else ()))
        doubts = {part for part in needed if isinstance(getattr(state, part), NotLoaded)}
        for each in self.health(state).findings:
            if each.code not in SETTLED:
                doubts |= {"registry", *_RESTS_ON.get(each.code, _RESTS_ON_BY_SUBJECT.get(each.rule.subject, ()))}
        return frozenset(doubts)


def _version() -> str | None:
    """Of this extension, if it is installed: by the name of the folder that pip makes beside the package. For what the
    CLI tells of an extension it parses the whole description, which takes longer than to judge a hundred registries."""
    start, end = "acrcmk-", ".dist-info"
    found = (each.name for each in Path(__file__).parents[2].glob(f"{start}*{end}"))
    return next((name.removeprefix(start).removesuffix(end) for name in found), None)


def _report(session: Session, fleet: Fleet, depth: str, judge: Judge, scope: FleetScope) -> FleetReport:
    report = FleetReport(session.now, depth, fleet.subscription_names, session.login.portal, _version(), scope)
    for registry in list(fleet.registries.values()):
        state = fleet.state_of(registry)
        health = judge.health(state)
        report.add(fleet.with_replicas(state), health)
        for what, why in unseen_parts(state, health):
            fleet.miss(what, why)
    report.not_seen = list(fleet.not_seen.items())
    return report
