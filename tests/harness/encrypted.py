"""Encrypted registries, and plans of rotations from them."""

from __future__ import annotations

from dataclasses import replace

from azext_acrcmk.model.goal import RotateGoal, rotate_goal
from azext_acrcmk.model.ids import IDENTITY_TYPE, ArmId
from azext_acrcmk.model.key_identity import key_identity
from azext_acrcmk.model.state import ABSENT, Identity, RotationPolicy, State, Unknown, Vault
from azext_acrcmk.plan.change import REUSE, Action, Plan
from azext_acrcmk.plan.rotate import plan_rotate, resumed, same_identity, same_key
from tests.harness import make

OTHER_CLIENT = "c0000000-0000-4000-8000-00000000000c"
OTHER_PRINCIPAL = "b0000000-0000-4000-8000-00000000000b"
OTHER_IDENTITY = ArmId(make.SUBSCRIPTION, "images", IDENTITY_TYPE, "other")
HIDDEN = Unknown("Microsoft.KeyVault/vaults/read", "/a/scope", "Not you.")


def _healthy() -> State:
    state = make.reached(make.goal())
    return replace(state, key=replace(state.key, rotation_policy=RotationPolicy("P90D")), sharing=(), identity_users=())


# A registry without any findings, not even of severity info.
HEALTHY = _healthy()


def changed(**changes) -> State:
    """HEALTHY with fields of its parts changed: registry__sku="Basic" changes registry.sku."""
    state = HEALTHY
    for name, value in changes.items():
        part, _, field = name.partition("__")
        state = replace(state, **{part: replace(getattr(state, part), **{field: value}) if field else value})
    return state


def encrypted(*, pinned=False, behind=False, **vault) -> State:
    """A registry as `enable` creates it; if `behind`, its key has a newer version than the one in use."""
    asked = make.goal(rotation="manual" if pinned else "auto")
    state = make.reached(asked)
    used = make.key(asked)
    latest = replace(used, id=used.id.with_version(make.NEWER)) if behind else used
    return replace(
        state, key=latest, version_in_use=used, vault=replace(state.vault, **vault), sharing=(), identity_users=()
    )


def goal(state: State, **options) -> RotateGoal:
    options = {"revoke_old": False, "disable_old_version": False, **options}
    used = key_identity(state)
    identity = None if used.is_system else used.id
    vault = state.vault.id if isinstance(state.vault, Vault) else None
    return rotate_goal(state.registry, vault, identity, make.TENANT, ".vault.azure.net", **options)


def target_of(asked: RotateGoal, current: State, **there) -> State:
    """What exists of the goal's parts: those in use now, and of the others only those given."""
    state = replace(current, **there)
    if not same_key(asked, current):
        state = replace(state, **{"key": ABSENT, **there})
        if asked.target.key.host != current.registry.encryption.key.host:
            state = replace(state, **{"vault": ABSENT, "roles": (), **there})
    if not same_identity(asked, current):
        state = replace(state, **{"identity": ABSENT, "roles": (), **there})
    return state


def other_identity() -> Identity:
    return Identity(OTHER_IDENTITY, "westeurope", OTHER_CLIENT, OTHER_PRINCIPAL)


def plan(current: State, there=None, **options) -> Plan:
    asked = goal(current, **options)
    return plan_rotate(resumed(asked, current), current, target_of(asked, current, **(there or {})), make.NOW)


def to_do(made: Plan) -> dict[str, Action]:
    assert made.problems == ()
    return {name: action for name, action in make.actions(made).items() if action is not REUSE}
