"""`az acr cmk list`"""

from __future__ import annotations

from typing import Any

from azext_acrcmk.cloud.fleet import KEY_DEPTH, LIVE_DEPTH, REGISTRY_DEPTH, Fleet
from azext_acrcmk.cloud.graph import Where
from azext_acrcmk.model.state import NotLoaded, Registry, State
from azext_acrcmk.operations.session import Session
from azext_acrcmk.output.fleet import FleetReport, fleet_document, unseen_parts
from azext_acrcmk.rules import Health, examine, fails
from azext_acrcmk.rules.catalogue import FAILED, UNKNOWN

# Findings that rest on no version in use and on nothing's absence, or that were read directly already.
SETTLED = frozenset(
    {
        "NotEncrypted",
        "NotPremium",
        "ContentTrustEnabled",
        "RegistryStatus",
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
EVERYTHING = "everything else"


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
) -> dict[str, Any]:
    """The registries of a scope, each judged by the rules of `check`; never silently incomplete."""
    with Session.of(cmd) as session:
        where = _where(session, subscriptions, management_groups, everywhere)
        fleet = Fleet(session.clients, session.login.subscriptions, session.stop, session.progress.during)
        try:
            _load(fleet, where, group, depth, lambda state: examine(state, session.now, expiry_days))
        except KeyboardInterrupt:
            session.stop.set()
            fleet.miss(EVERYTHING, "Interrupted before it was read.")
        report = _report(session, fleet, depth, expiry_days)
        shown = [each for each in report.rows if not health or each.health.status in health]
        interrupted = any(each.what == EVERYTHING for each in fleet.not_seen)
        failed = any(fails(each.health, fail_on) for each in shown)
        if interrupted or failed or (report.not_seen and fail_on != "none"):
            session.fail_after_output()
        return fleet_document(report, shown)


def _where(session: Session, subscriptions, management_groups, everywhere: bool) -> Where:
    if everywhere:
        return Where()
    if management_groups:
        return Where(management_groups=tuple(management_groups))
    return Where(subscriptions=tuple(subscriptions or [session.login.subscription]))


def _load(fleet: Fleet, where: Where, group: str | None, depth: str, judge) -> None:
    fleet.find(where, group)
    if depth == LIVE_DEPTH:
        fleet.read_live()
    fleet.look_around()
    if depth != REGISTRY_DEPTH:
        fleet.read_denials()
        fleet.read_keys()
    fleet.confirm([each for each in fleet.registries.values() if _is_doubtful(fleet.state_of(each), depth, judge)])


def _is_doubtful(state: State, depth: str, judge) -> bool:
    """Whether something is held against a registry that is to be read again first, or was not in the graph."""
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
    report = FleetReport(now, depth, fleet.subscription_names)
    for registry in list(fleet.registries.values()):
        state = fleet.state_of(registry)
        report.add(state, _judged(state, now, expiry_days))
        for what, why in unseen_parts(state):
            fleet.miss(what, why)
    report.not_seen = [(each.what, each.why) for each in fleet.not_seen]
    return report


def _judged(state: State, now, expiry_days: int) -> Health:
    assert isinstance(state.registry, Registry)
    return examine(state, now, expiry_days)
