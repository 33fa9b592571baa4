"""`az acr cmk migrate`"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import partial
from itertools import islice
from shlex import quote
from typing import Any

from azure.cli.core.azclierror import (
    AzureResponseError,
    ForbiddenError,
    InvalidArgumentValueError,
    ValidationError,
)
from knack.log import get_logger

from azext_acrcmk._errors import AGAIN
from azext_acrcmk.apply.migrate.copier import Copier
from azext_acrcmk.apply.migrate.freezing import freeze, unfreeze
from azext_acrcmk.apply.migrate.importing import Importer, NothingSucceeds
from azext_acrcmk.apply.migrate.limit import Limit
from azext_acrcmk.cloud.load import load_registry_state
from azext_acrcmk.cloud.login_server import AccessDenied, LoginServer, NotAdmitted
from azext_acrcmk.cloud.reads import get_registry
from azext_acrcmk.cloud.settings import load_settings
from azext_acrcmk.model.ids import same
from azext_acrcmk.model.state import Absent, Registry, State
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.operations.enable import stop_where_blocked
from azext_acrcmk.operations.migrate_registries import (
    Target,
    find_target,
    get_source,
    get_target,
    login_server,
    make,
    obstacles,
    working,
)
from azext_acrcmk.operations.migrate_settings import MigratedSettings, what_is_left
from azext_acrcmk.operations.report_files import write_reports
from azext_acrcmk.operations.session import Session
from azext_acrcmk.output.documents import plan_document, steps_document
from azext_acrcmk.output.migrate import copied_text, inventory_document, migration_document, opened_text
from azext_acrcmk.output.report import ending_of
from azext_acrcmk.output.report.migration import migration_html, migration_markdown
from azext_acrcmk.plan.change import Plan
from azext_acrcmk.plan.migrate.cutover import migrate_command
from azext_acrcmk.plan.migrate.freeze import MOST_LOCKED, TooManyLocked, locked_before
from azext_acrcmk.plan.migrate.preflight import admission, missing_role
from azext_acrcmk.plan.migrate.resolve import resolving
from azext_acrcmk.plan.migrate.tally import Wanted
from azext_acrcmk.plan.obstacle import BLOCKED, Obstacle
from azext_acrcmk.rules import BROKEN, examine
from azext_acrcmk.rules.fixes import registry_command

logger = get_logger(__name__)

# By the ending of the file.
_REPORTS = {".html": migration_html, ".md": migration_markdown}


@immutable
class Mode(Value):
    """How a migration is run. `freeze` locks the old registry against pushes before, `unfreeze` only opens it again."""

    what_if: bool = False
    yes: bool = False
    concurrency: int | None = None
    freeze: bool = False
    unfreeze: bool = False
    reports: tuple[str, ...] = ()


def migrate(
    cmd, registry_name: str, target_name: str, group: str | None, wanted: Wanted, mode: Mode, **options: Any
) -> dict[str, Any]:
    """Brings the content of a registry to a new one with a customer-managed key, and compares both."""
    with Session.of(cmd) as session:
        source = get_source(session, registry_name)
        old = login_server(session, source)
        if mode.unfreeze:
            return _unfreeze(session, source, find_target(session, source, target_name, group)[1], old, target_name)
        target = get_target(session, source, target_name, group, options)
        found = obstacles(session, source, target)
        if not mode.what_if:
            stop_where_blocked(found)
        with _blocked_by(found):
            with _permitted(session, source):
                # Whatever can be known before anything is made.
                _check_content(source, old, wanted, mode.freeze)
            if mode.what_if:
                return _what_if(session, source, target, found, old, wanted)
        state, outcomes = make(session, target, mode.yes)
        if mode.freeze:
            state = _freeze(session, source, state, old)
        settings = MigratedSettings(session, source, state.registry)
        if wanted.settings:
            settings.open_network()
        copier = _copier(session, source, state, old, wanted, mode)
        session.besides += (
            lambda: copied_text(copier.tally, state.registry.name),
            lambda: opened_text(copier.opened, state.registry.name),
            settings.done,
        )
        _copy(session, copier, source, state)
        document = migration_document(source, state, copier.tally, examine(state, session.now), wanted)
        if wanted.settings:
            document |= settings.make()
        document["cutOver"] = settings.cut_over(copier.frozen is not None, resolving(target.id, copier.tally))
        write_reports(cmd.cli_ctx, ((path, _REPORTS[ending_of(path)](document)) for path in mode.reports))
        if not document["verified"] or document.get("settings", {}).get("failed"):
            session.fail_after_output()
        return {**document, "steps": steps_document(outcomes)}


def _check_content(source: Registry, old: LoginServer, wanted: Wanted, freeze: bool) -> None:
    """Whether the old registry lets itself be listed and, for `freeze`, be locked, and has what is wanted of it."""
    names = list(old.repositories()) if wanted.patterns else list(islice(old.repositories(), 1))
    names += [each for each in wanted.named(names) if old.repository(each)]
    if unmatched := [each for each in wanted.patterns if not any(fnmatchcase(name, each) for name in names)]:
        raise InvalidArgumentValueError(
            f"No repository of registry '{source.name}' matches --repository {' '.join(map(quote, unmatched))}. "
            "Nothing was changed.",
            [f"To list its repositories: {registry_command(source.id, 'repository list')}"],
        )
    if freeze and names:
        old.check_may_change(names[0])


def _freeze(session: Session, source: Registry, state: State, old: LoginServer) -> State:
    """Locks the old registry against pushes; the new one remembers what was locked before."""
    command = migrate_command(source.id, state.registry.id, "--unfreeze")

    def begins() -> None:
        with session.progress.paused():
            what = "Locking the repositories of registry '%s' against pushes. To allow pushes again: %s"
            logger.warning(what, source.name, command)
        session.besides.append(lambda: f"repositories of registry '{source.name}' locked against pushes, all or some")

    try:
        with _permitted(session, source), session.progress.during("Locking the repositories of the old registry"):
            return replace(state, registry=freeze(session.clients, old, state.registry, session.stop, begins))
    except TooManyLocked:
        raise ValidationError(
            f"More than {MOST_LOCKED} repositories of registry '{source.name}' are locked already, so they can't all "
            "be recorded. Nothing was locked.",
            ["Remove the permission to push instead, and run the same command without --freeze."],
        ) from None


def _unfreeze(
    session: Session, source: Registry, target: Registry | Absent, old: LoginServer, name: str
) -> dict[str, Any]:
    """Opens the repositories that were locked by `--freeze`."""
    if not isinstance(target, Registry) or locked_before(target.tags) is None:
        raise ValidationError(
            f"Registry '{source.name}' was not locked by a migration to '{name}'. Nothing was changed."
        )

    def begins() -> None:
        session.besides.append(lambda: f"repositories of registry '{source.name}' unlocked, all or some")

    with _permitted(session, source), session.progress.during("Unlocking the repositories of the old registry"):
        names = unfreeze(session.clients, old, target, session.stop, begins)
    return {"source": source.name, "target": target.name, "opened": sorted(names)}


def _copier(session: Session, source: Registry, state: State, old: LoginServer, wanted: Wanted, mode: Mode) -> Copier:
    target, limit = state.registry, Limit(mode.concurrency)
    new = login_server(session, target)
    cause = partial(_raise_if_key_broken, session, state)
    importer = Importer(session.clients, source.id, target.id, new, limit, session.stop, cause)
    copier = Copier(old, new, importer, limit, wanted, source.id, session.stop)
    copier.frozen = locked_before(target.tags)
    return copier


def _copy(session: Session, copier: Copier, source: Registry, state: State) -> None:
    from azure.core.exceptions import AzureError

    try:
        with _permitted(session, source, state.registry), _ended(session), session.progress.during(copier.progress):
            copier.copy()
    except NothingSucceeds as error:
        raise AzureResponseError(
            f"Imports into registry '{state.registry.name}' keep failing: {error}", [*session.done_so_far(), AGAIN]
        ) from error
    except AzureError:
        _raise_if_key_broken(session, state)
        raise


@contextmanager
def _ended(session: Session) -> Iterator[None]:
    """Whatever stops the command ends all that waits."""
    try:
        yield
    except BaseException:
        session.stop.set()
        raise


def _raise_if_key_broken(session: Session, state: State) -> None:
    """Raises the cause, if the new registry's key stopped working midway."""
    registry = get_registry(session.clients, state.registry.id)
    if not isinstance(registry, Registry):
        return
    now = load_registry_state(session.clients, registry, session.login.subscriptions)
    health = examine(now, session.now)
    if health.status == BROKEN:
        causes = [each.message for each in health.findings if each.status == "failed" and each.severity == "error"]
        raise AzureResponseError(
            " ".join([f"The key of registry '{registry.name}' stopped working while images were imported.", *causes]),
            [f"To fix it: {registry_command(registry.id, 'cmk repair')}", *session.done_so_far(), AGAIN],
        )


@contextmanager
def _permitted(session: Session, *registries: Registry) -> Iterator[None]:
    """Says what to do where one of the registries does not let the caller in, or not do something."""
    try:
        yield
    except AccessDenied as error:
        registry = next((each for each in registries if same(each.login_server, error.host)), registries[0])
        advice = admission(registry, error.address) if isinstance(error, NotAdmitted) else missing_role(registry, error)
        raise ForbiddenError(str(error), [*advice, *session.done_so_far(), AGAIN]) from error


@contextmanager
def _blocked_by(found: list[Obstacle]) -> Iterator[None]:
    """Where content can't be listed, what blocks the migration is told: it is the likely cause."""
    from azure.core.exceptions import AzureError

    try:
        yield
    except (AzureError, ForbiddenError):
        stop_where_blocked(found)
        raise


def _what_if(
    session: Session, source: Registry, target: Target, found: list[Obstacle], old: LoginServer, wanted: Wanted
) -> dict[str, Any]:
    """What there is to copy, and what stands in the way; nothing is changed."""
    new = login_server(session, target.registry) if target.registry and target.registry.encryption.enabled else None
    if target.registry and not target.prepared:
        working(session, target.registry)
    copier = Copier(old, new, None, Limit(), wanted, source.id, session.stop)
    with (
        _permitted(session, source, *filter(None, [target.registry])),
        session.progress.during("Listing the content to copy"),
    ):
        tally = copier.look()
    # What is known to fail the command, before or in the end.
    if any(each.action == BLOCKED for each in found) or tally.conflicts or tally.left:
        session.fail_after_output()
    settings = load_settings(session.clients, source) if wanted.settings else None
    left = what_is_left(session, settings, target.id) if settings else ()
    rows = plan_document(target.prepared.plan if target.prepared else Plan(), found)
    return inventory_document(source, target.id, tally, rows, settings, left, wanted)
