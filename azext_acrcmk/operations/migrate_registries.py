"""The two registries of a migration: what they are, and what stands in its way before anything is made."""

from __future__ import annotations

from dataclasses import replace
from shlex import quote
from typing import Any

from azure.cli.core.azclierror import ValidationError

from azext_acrcmk._errors import problems_error
from azext_acrcmk.cloud.across import find_registry
from azext_acrcmk.cloud.load import load_registry_state
from azext_acrcmk.cloud.login_server import PATIENCE, LoginServer
from azext_acrcmk.cloud.reads import get_registry_at
from azext_acrcmk.model.goal import enable_goal
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId, Scope
from azext_acrcmk.model.preflight import Questions
from azext_acrcmk.model.problem import Problem, unreadable_problem
from azext_acrcmk.model.registry_options import PREVIEW_API_VERSION, RegistryOptions
from azext_acrcmk.model.state import Absent, Registry, State, Unknown
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.operations.enable import Prepared, carry_out, prepare
from azext_acrcmk.operations.session import Session
from azext_acrcmk.plan.migrate.new_registry import options_of
from azext_acrcmk.plan.migrate.preflight import IMPORT, permission_obstacles, source_obstacles, target_obstacles
from azext_acrcmk.plan.obstacle import Obstacle
from azext_acrcmk.rules import BROKEN, examine
from azext_acrcmk.rules.fixes import registry_command
from azext_acrcmk.run import Outcome

# Options that describe the key of a new registry; without them, a new registry that exists keeps its own.
_OF_KEY = ("identity", "key_vault", "key_name", "key_encryption_key", "rotation")


@immutable
class Target(Value):
    """The new registry: as it is, or what has to be made first."""

    id: ArmId
    registry: Registry | None
    prepared: Prepared | None

    @property
    def found(self) -> list[Obstacle]:
        return self.prepared.found if self.prepared else []


def obstacles(session: Session, source: Registry, target: Target) -> list[Obstacle]:
    """What stands in the way."""
    return [
        *source_obstacles(source),
        *target.found,
        *_target_network(target),
        *_permissions(session, source, target),
    ]


def get_source(session: Session, name: str) -> Registry:
    """The old registry, with all its settings: some are only in newer API versions."""
    id_ = session.registry_id(name, None)
    registry = get_registry_at(session.clients, id_, PREVIEW_API_VERSION)
    return registry if isinstance(registry, Registry) else session.registry_at(id_)


def find_target(session: Session, source: Registry, name: str, group: str | None) -> tuple[ArmId, Registry | Absent]:
    """Where the new registry is, or is to be made, and what there is. One that exists is found by its name, which no
    other can have, unless another group was typed."""
    id_ = ArmId(source.id.subscription, group or source.id.group, REGISTRY_TYPE, name)
    seen = get_registry_at(session.clients, id_, PREVIEW_API_VERSION)
    if isinstance(seen, Absent):
        there = find_registry(session.clients, name, id_.subscription)
        if isinstance(there, ArmId) and there != id_:
            if group and not getattr(group, "is_default", False):
                message = f"Registry '{name}' is not in resource group '{group}', but in '{there.group}'."
                raise ValidationError(message, [f"To use it: --resource-group {quote(there.group)}"])
            id_, seen = there, get_registry_at(session.clients, there, PREVIEW_API_VERSION)
    if isinstance(seen, Unknown):
        raise problems_error((unreadable_problem(f"registry '{name}'", seen),))
    return id_, seen


def get_target(session: Session, source: Registry, name: str, group: str | None, options: dict[str, Any]) -> Target:
    """The new registry as it is; or the plan to make it, with what is not typed as the old registry has it."""
    login = session.login
    id_, seen = find_target(session, source, name, group)
    asked = any(options.get(each) for each in _OF_KEY)
    if isinstance(seen, Registry) and seen.encryption.enabled and seen.provisioning_state == "Succeeded" and not asked:
        return Target(id_, seen, None)
    if not (isinstance(seen, Registry) and seen.encryption.enabled):
        # Also where an earlier run was stopped: then it is the same registry again.
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
        return target_obstacles(target.id, target.registry.properties, new=False)
    return target_obstacles(target.id, target.prepared.goal.options.properties, new=True)


def _permissions(session: Session, source: Registry, target: Target) -> list[Obstacle]:
    """What the caller lacks to read the old registry and to write the new one."""
    scope = target.id.as_scope if target.registry else _innermost(target)
    asked = Questions((), tuple(sorted({source.id.as_scope, scope})), (), None, None)
    held = dict(session.ahead.answers(asked).permissions)
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


def login_server(session: Session, registry: Registry, patience: float = PATIENCE) -> LoginServer:
    host = (registry.login_server or "").lower()
    return LoginServer(session.clients, registry.id.subscription, host, session.stop, patience)


def make(session: Session, target: Target, yes: bool) -> tuple[State, list[Outcome]]:
    """The new registry, whose key works."""
    if target.prepared:
        state, outcomes = carry_out(session, target.prepared, yes)
        _stop_if_broken(session, state)
    else:
        state, outcomes = working(session, target.registry), []
    # Some of its settings are only in newer API versions.
    seen = get_registry_at(session.clients, target.id, PREVIEW_API_VERSION)
    return replace(state, registry=seen if isinstance(seen, Registry) else state.registry), outcomes


def working(session: Session, registry: Registry) -> State:
    """The state of a registry that is there. It is an error if its key does not work."""
    state = load_registry_state(session.clients, registry, session.login.subscriptions)
    _stop_if_broken(session, state)
    return state


def _stop_if_broken(session: Session, state: State) -> None:
    if examine(state, session.now).status == BROKEN:
        raise problems_error((_broken(state.registry.id),))


def _broken(id_: ArmId) -> Problem:
    return Problem(
        f"The key of registry '{id_.name}' does not work, so nothing can be imported into it.",
        (
            f"To find the cause: {registry_command(id_, 'cmk check')}",
            f"To fix it: {registry_command(id_, 'cmk repair')}",
        ),
    )
