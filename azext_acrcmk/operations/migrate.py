"""`az acr cmk migrate`"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from azure.cli.core.azclierror import AzureResponseError, ForbiddenError
from knack.log import get_logger

from azext_acrcmk._errors import problems_error
from azext_acrcmk.apply.migrate.copier import Copier, Wanted
from azext_acrcmk.apply.migrate.importing import Importer, NothingSucceeds
from azext_acrcmk.apply.migrate.limit import Limit
from azext_acrcmk.apply.migrate.settings import Made, make_settings
from azext_acrcmk.cloud.consumers import find_consumers
from azext_acrcmk.cloud.load import load_registry_state
from azext_acrcmk.cloud.login_server import LoginServer, NotPermitted
from azext_acrcmk.cloud.preflight import look_ahead
from azext_acrcmk.cloud.reads import get_registry, get_registry_at, in_parallel
from azext_acrcmk.cloud.settings import load_settings
from azext_acrcmk.model.goal import enable_goal
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId, Scope
from azext_acrcmk.model.preflight import Questions
from azext_acrcmk.model.problem import Problem, unreadable_problem
from azext_acrcmk.model.registry_options import PREVIEW_API_VERSION, RegistryOptions
from azext_acrcmk.model.state import Absent, Registry, State, Unknown
from azext_acrcmk.operations.ahead import stop_where_blocked
from azext_acrcmk.operations.enable import Prepared, carry_out, prepare
from azext_acrcmk.operations.report_files import write_all
from azext_acrcmk.operations.session import Session
from azext_acrcmk.output.documents import plan_document, steps_document
from azext_acrcmk.output.migrate import (
    cut_over_document,
    inventory_document,
    migration_document,
    settings_document,
)
from azext_acrcmk.output.report import ending_of
from azext_acrcmk.output.report.migration import migration_html, migration_markdown
from azext_acrcmk.plan.change import Plan
from azext_acrcmk.plan.migrate.cutover import cut_over, pulling_principals
from azext_acrcmk.plan.migrate.left import left_settings
from azext_acrcmk.plan.migrate.new_registry import options_of
from azext_acrcmk.plan.migrate.preflight import (
    IMPORT,
    permission_obstacles,
    source_obstacles,
    target_obstacles,
)
from azext_acrcmk.plan.migrate.settings import Setting, network_setting, settings_to_make
from azext_acrcmk.plan.obstacle import BLOCKED, Obstacle
from azext_acrcmk.rules import BROKEN, examine
from azext_acrcmk.rules.fixes import registry_command

logger = get_logger(__name__)

# Options that describe the key of a new registry; without them, a new registry that exists keeps its own.
_OF_KEY = ("identity", "key_vault", "key_name", "key_encryption_key", "rotation")


# By the ending of the file.
_REPORTS = {".html": migration_html, ".md": migration_markdown}


@dataclass(frozen=True)
class Target:
    """The new registry: as it is, or what has to be made first."""

    id: ArmId
    registry: Registry | None
    prepared: Prepared | None

    @property
    def found(self) -> list[Obstacle]:
        return self.prepared.found if self.prepared else []


def migrate(
    cmd,
    registry_name: str,
    target_name: str,
    group: str | None,
    what_if: bool,
    yes: bool,
    wanted: Wanted,
    concurrency: int | None,
    reports: tuple[str, ...],
    **options: Any,
) -> dict[str, Any]:
    """Brings the content of a registry to a new one with a customer-managed key, and compares both."""
    with Session.of(cmd) as session:
        source = _source(session, registry_name)
        target = _target(session, source, target_name, group, options)
        found = [
            *source_obstacles(source),
            *target.found,
            *_target_network(target),
            *_permissions(session, source, target),
        ]
        if not what_if:
            stop_where_blocked(found)
        limit = Limit(concurrency)
        old = _login_server(session, source)
        if what_if:
            return _what_if(session, source, target, found, old, limit, wanted)
        _check_readable(old, source)
        state, outcomes = _make(session, target, yes)
        settings = _Settings(session, source, state.registry) if wanted.settings else None
        if settings:
            settings.open_network()
        copier = _copier(session, source, state.registry, old, limit, wanted)
        _copy(session, copier, state)
        document = migration_document(source, state, copier.tally, examine(state, session.now))
        if settings:
            document |= settings.make()
            document["cutOver"] = settings.cut_over()
        write_all({path: _REPORTS[ending_of(path)](document) for path in reports})
        if not document["verified"] or document.get("settings", {}).get("failed"):
            session.fail_after_output()
        return {**document, "steps": steps_document(outcomes)}


class _Settings:
    """The settings of both registries, and what becomes of them."""

    def __init__(self, session: Session, source: Registry, target: Registry):
        self._session, self._made = session, Made()
        self._source, self._target = in_parallel(
            lambda: load_settings(session.clients, source), lambda: load_settings(session.clients, target)
        )

    def open_network(self) -> None:
        """Before images: who lists them has to be let through."""
        if setting := network_setting(self._source, self._target):
            self._make((setting,))

    def make(self) -> dict[str, Any]:
        """After images; what it adds to the result."""
        with self._session.progress.during("Copying settings"):
            self._make(settings_to_make(self._source, self._target))
        registry = self._target.registry
        return settings_document(self._made, left_settings(self._source, registry.name, str(registry.id)))

    def cut_over(self) -> dict[str, Any]:
        """Who pulls from the old registry, and what to do, in order."""
        session, source, target = self._session, self._source.registry, self._target.registry
        pullers = pulling_principals(self._source)
        with session.progress.during("Looking for who pulls from the old registry"):
            consumers = find_consumers(
                session.clients,
                source.id.subscription,
                (source.login_server or "").lower(),
                [each.principal_id for each in pullers],
                session.stop,
            )
        left = left_settings(self._source, target.name, str(target.id))
        return cut_over_document(cut_over(source, target, pullers, consumers, left), source, target)

    def _make(self, settings: tuple[Setting, ...]) -> None:
        session = self._session
        made = make_settings(session.clients, self._target.registry.id.subscription, settings, session.stop)
        self._made.made += made.made
        self._made.failed += made.failed


def _source(session: Session, name: str) -> Registry:
    """The old registry, with all its settings: some are only in newer API versions."""
    id_ = session.registry_id(name, None)
    registry = get_registry_at(session.clients, id_, PREVIEW_API_VERSION)
    return registry if isinstance(registry, Registry) else session.registry_at(id_)


def _target(session: Session, source: Registry, name: str, group: str | None, options: dict[str, Any]) -> Target:
    """The new registry as it is; or the plan to make it, with what is not typed as the old registry has it."""
    login = session.login
    id_ = ArmId(source.id.subscription, group or source.id.group, REGISTRY_TYPE, name)
    seen = get_registry_at(session.clients, id_, PREVIEW_API_VERSION)
    if isinstance(seen, Unknown):
        raise problems_error((unreadable_problem(f"registry '{name}'", seen),))
    asked = any(options.get(each) for each in _OF_KEY)
    if isinstance(seen, Registry) and seen.encryption.enabled and seen.provisioning_state == "Succeeded" and not asked:
        return Target(id_, seen, None)
    if isinstance(seen, Absent):
        options = _with_defaults(source, options)
    goal = enable_goal(id_, login.tenant, login.vault_suffix, tenants=login.tenants, **options)
    prepared = prepare(session, goal)
    there = prepared.state.registry
    return Target(id_, there if isinstance(there, Registry) else None, prepared)


def _with_defaults(source: Registry, options: dict[str, Any]) -> dict[str, Any]:
    given: RegistryOptions = options["options"]
    typed = options.get("location")
    return {
        **options,
        "location": typed if typed and not getattr(typed, "is_default", False) else source.location,
        "tags": options["tags"] if options.get("tags") is not None else dict(source.tags),
        "options": options_of(source, given),
    }


def _target_network(target: Target) -> list[Obstacle]:
    if target.registry:
        return target_obstacles(target.id.name, str(target.id), target.registry.properties, new=False)
    return target_obstacles(target.id.name, str(target.id), target.prepared.goal.options.properties, new=True)


def _permissions(session: Session, source: Registry, target: Target) -> list[Obstacle]:
    """What the caller lacks to read the old registry and to write the new one."""
    scope = target.id.as_scope if target.registry else _innermost(target)
    asked = Questions((), tuple(sorted({source.id.as_scope, scope})), (), None, None)
    held = dict(look_ahead(session.clients, asked).permissions)
    mode = source.properties.get("roleAssignmentMode")
    new = target.registry.properties if target.registry else target.prepared.goal.options.properties
    return [
        *permission_obstacles(
            source.id, str(source.id), mode, held.get(source.id.as_scope), (f"{REGISTRY_TYPE}/read",), write=False
        ),
        *permission_obstacles(target.id, scope, new.get("roleAssignmentMode"), held.get(scope), (IMPORT,), write=True),
    ]


def _innermost(target: Target) -> Scope:
    """Where the caller's roles on a registry that is yet to be created come from."""
    group = target.id.group_id
    return list(group.levels)[-1] if isinstance(target.prepared.state.group(target.id), Absent) else group


def _login_server(session: Session, registry: Registry) -> LoginServer:
    host = (registry.login_server or "").lower()
    return LoginServer(session.clients, registry.id.subscription, host, session.stop)


def _check_readable(server: LoginServer, source: Registry) -> None:
    """Whatever can be known before anything is made: whether the old registry lets itself be listed."""
    try:
        next(iter(server.repositories()), None)
    except NotPermitted as error:
        raise _not_permitted(error, source.id) from error


def _make(session: Session, target: Target, yes: bool) -> tuple[State, list[Any]]:
    """The new registry, whose key works."""
    if target.prepared:
        state, outcomes = carry_out(session, target.prepared, yes)
    else:
        registry = target.registry
        state, outcomes = load_registry_state(session.clients, registry, session.login.subscriptions), []
    if examine(state, session.now).status == BROKEN:
        raise problems_error((_broken(state.registry.id),))
    # Some of its settings are only in newer API versions.
    seen = get_registry_at(session.clients, target.id, PREVIEW_API_VERSION)
    return replace(state, registry=seen if isinstance(seen, Registry) else state.registry), outcomes


def _broken(id_: ArmId) -> Problem:
    return Problem(
        f"The key of registry '{id_.name}' does not work, so nothing can be imported into it.",
        (
            f"To find the cause: {registry_command(id_, 'cmk check')}",
            f"To fix it: {registry_command(id_, 'cmk repair')}",
        ),
    )


def _copier(
    session: Session, source: Registry, target: Registry, old: LoginServer, limit: Limit, wanted: Wanted
) -> Copier:
    new = _login_server(session, target)
    importer = Importer(session.clients, source.id, target.id, new, limit, session.stop)
    return Copier(old, new, importer, limit, wanted, source.name, session.stop)


def _copy(session: Session, copier: Copier, state: State) -> None:
    from azure.core.exceptions import AzureError

    try:
        with session.progress.during(copier.progress):
            copier.copy()
    except KeyboardInterrupt:
        session.stop.set()
        raise
    except NotPermitted as error:
        raise _not_permitted(error, state.registry.id) from error
    except (AzureError, NothingSucceeds) as error:
        session.stop.set()
        _explain_key(session, state, error)
        if isinstance(error, NothingSucceeds):
            raise AzureResponseError(
                f"Imports into registry '{state.registry.name}' fail one after the other: {error}", [_AGAIN]
            ) from error
        raise


_AGAIN = "Run the same command again after you fix this; it continues where it stopped."


def _explain_key(session: Session, state: State, error: Exception) -> None:
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
            [f"To fix it: {registry_command(registry.id, 'cmk repair')}", _AGAIN],
        ) from error


def _not_permitted(error: NotPermitted, id_: ArmId) -> ForbiddenError:
    return ForbiddenError(
        str(error),
        [
            "Ask for the role 'Container Registry Data Importer and Data Reader' to be assigned to you on "
            f"{id_}; to write signatures' tags in a registry with repository permissions, also 'Container Registry "
            "Repository Writer'.",
            _AGAIN,
        ],
    )


def _what_if(
    session: Session,
    source: Registry,
    target: Target,
    found: list[Obstacle],
    old: LoginServer,
    limit: Limit,
    wanted: Wanted,
) -> dict[str, Any]:
    """What there is to copy, and what stands in the way; nothing is changed."""
    new = _login_server(session, target.registry) if target.registry and target.registry.encryption.enabled else None
    copier = Copier(old, new, None, limit, wanted, source.name, session.stop)
    try:
        with session.progress.during(copier.progress):
            tally = copier.look()
    except NotPermitted as error:
        raise _not_permitted(error, source.id) from error
    if any(each.action == BLOCKED for each in found):
        session.fail_after_output()
    left = (
        left_settings(load_settings(session.clients, source), target.id.name, str(target.id)) if wanted.settings else ()
    )
    rows = plan_document(target.prepared.plan if target.prepared else Plan(), found)
    return inventory_document(source, target.id, tally, rows, left)
