"""The settings of both registries of a migration, and what is to be done after it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from azext_acrcmk.apply.migrate.settings import Made, make_settings
from azext_acrcmk.cloud.consumers import find_consumers
from azext_acrcmk.cloud.load_content import load_deleted
from azext_acrcmk.cloud.reads import in_parallel
from azext_acrcmk.cloud.settings import load_settings
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.model.settings import Settings
from azext_acrcmk.model.state import Registry
from azext_acrcmk.operations.migrate_registries import login_server
from azext_acrcmk.operations.session import Session
from azext_acrcmk.output.migrate import cut_over_document, settings_document
from azext_acrcmk.plan.migrate.cutover import Step, cut_over, pulling_principals
from azext_acrcmk.plan.migrate.left import keeps_deleted, left_deleted, left_settings
from azext_acrcmk.plan.migrate.settings import (
    LeftSetting,
    Setting,
    network_setting,
    other_conditions,
    settings_to_make,
    unreadable_there,
)

# How long what is only told waits for a registry that does not answer, in seconds.
_PATIENCE = 20


def what_is_left(session: Session, source: Settings, new: ArmId) -> tuple[LeftSetting, ...]:
    """What belongs to the old registry and can't be copied. `new` is the id of the new one."""
    left = left_settings(source, new)
    if not keeps_deleted(source):
        return left
    found = load_deleted(login_server(session, source.registry, _PATIENCE))
    return (*left, *left_deleted(found, source.registry.id))


class MigratedSettings:
    """The settings of both registries, and what becomes of them."""

    def __init__(self, session: Session, source: Registry, target: Registry):
        self._session, self._made = session, Made()
        self._source, self._target = in_parallel(
            lambda: load_settings(session.clients, source), lambda: load_settings(session.clients, target)
        )
        self._left = (
            *what_is_left(session, self._source, target.id),
            *unreadable_there(self._source, self._target),
            *other_conditions(self._source, self._target),
        )

    def open_network(self) -> None:
        """Before images: who lists them has to be let through."""
        if setting := network_setting(self._source, self._target):
            self._make((setting,))

    def done(self) -> str:
        """What was set so far, for an error."""
        made = self._made.made
        return f"{len(made)} settings of registry '{self._target.registry.name}' set" if made else ""

    def make(self) -> dict[str, Any]:
        """After images; what it adds to the result."""
        with self._session.progress.during("Copying settings"):
            self._make(settings_to_make(self._source, self._target))
        return settings_document(self._made, self._left)

    def cut_over(self, frozen: bool, first: tuple[Step, ...]) -> dict[str, Any]:
        """Who pulls from the old registry, and what to do, in order. `frozen`: it takes no pushes."""
        session, source, target = self._session, self._source.registry, self._target.registry
        pullers = pulling_principals(self._source)
        with session.progress.during("Finding who can pull from the old registry"):
            consumers = find_consumers(
                session.clients,
                source.id.subscription,
                (source.login_server or "").lower(),
                [each.principal_id for each in pullers],
                session.stop,
            )
        found = cut_over(source, target, pullers, consumers, self._left, frozen)
        found = replace(found, steps=(*first, *found.steps))
        return cut_over_document(found, source, target)

    def _make(self, settings: tuple[Setting, ...]) -> None:
        session = self._session
        made = make_settings(session.clients, self._target.registry.id.subscription, settings, session.stop)
        self._made.made += made.made
        self._made.failed += made.failed
