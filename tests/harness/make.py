"""Plain values to test with: a goal and the state in which it is reached, to be varied by `replace`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

from azext_acrcmk.model.access import ENCRYPTION_USER, ENCRYPTION_USER_NAME, NEEDED_ACTIONS
from azext_acrcmk.model.goal import EnableGoal, enable_goal
from azext_acrcmk.model.ids import REGISTRY_TYPE, VAULT_TYPE, ArmId, Id, KeyId, Scope
from azext_acrcmk.model.state import (
    ABSENT,
    ACCESS_POLICY,
    AccessPolicy,
    AttachedIdentity,
    Encryption,
    Group,
    Identity,
    Key,
    Registry,
    RoleGrant,
    State,
    Unknown,
    Vault,
)
from azext_acrcmk.output.documents import plan_document
from azext_acrcmk.plan.change import Action, Change, Plan

NOW = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)
SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
TENANT = "72f988bf-0000-4000-8000-2d7cd011db47"
REGISTRY = ArmId(SUBSCRIPTION, "images", REGISTRY_TYPE, "myregistry")
CLIENT = Id("c0000000-0000-4000-8000-000000000001")
PRINCIPAL = Id("b0000000-0000-4000-8000-000000000002")
VERSION = "a" * 32
NEWER = "b" * 32


def goal(**options) -> EnableGoal:
    options = {"location": "westeurope", **options}
    return enable_goal(REGISTRY, TENANT, ".vault.azure.net", **options)


def group() -> Group:
    return Group(REGISTRY.group_id, "westeurope")


def identity(asked: EnableGoal, **changes) -> Identity:
    return replace(Identity(asked.identity, "westeurope", CLIENT, PRINCIPAL), **changes)


def vault(asked: EnableGoal, **changes) -> Vault:
    id_ = asked.vault or ArmId(SUBSCRIPTION, REGISTRY.group, VAULT_TYPE, asked.key.store)
    made = Vault(id_, f"https://{asked.key.host}/", "westeurope", purge_protection=True)
    return replace(made, permission_model=asked.new_permission_model, sku=asked.new_vault_sku, **changes)


def key(asked: EnableGoal, **changes) -> Key:
    made = Key(asked.key.with_version(asked.key.version or VERSION), asked.key_type, asked.new_key_size)
    return replace(made, **changes)


def role(scope: ArmId | str, **changes) -> RoleGrant:
    made = RoleGrant(
        id=Scope(f"{scope}/providers/Microsoft.Authorization/roleAssignments/1"),
        scope=Scope(str(scope)),
        role_id=Id(ENCRYPTION_USER),
        role_name=ENCRYPTION_USER_NAME,
        principal_id=PRINCIPAL,
        data_actions=tuple(NEEDED_ACTIONS.values()),
    )
    return replace(made, **changes)


def policy(*permissions: str, **changes) -> AccessPolicy:
    named = permissions or ("get", "wrapkey", "unwrapkey")
    return replace(AccessPolicy(PRINCIPAL, frozenset(named)), **changes)


def registry(asked: EnableGoal, **changes) -> Registry:
    used = asked.key.with_version(VERSION if asked.manual else None)
    encryption = Encryption("enabled", used, used.with_version(VERSION), CLIENT)
    made = Registry(
        id=REGISTRY,
        location="westeurope",
        sku="Premium",
        login_server="myregistry.azurecr.io",
        provisioning_state="Succeeded",
        encryption=encryption,
        attached=(AttachedIdentity(asked.identity, CLIENT, PRINCIPAL),),
    )
    return replace(made, **changes)


def reached(asked: EnableGoal) -> State:
    """The state in which the goal is reached, with the role on the vault or an access policy."""
    there = vault(asked)
    if there.permission_model == ACCESS_POLICY:
        there = replace(there, policies=(policy(),))
    return State(
        registry=registry(asked),
        identity=identity(asked),
        vault=there,
        key=key(asked),
        version_in_use=key(asked),
        roles=() if there.permission_model == ACCESS_POLICY else (role(there.id),),
        groups=((REGISTRY.group_id, group()),),
    )


def nothing(asked: EnableGoal, *, with_group: bool = True) -> State:
    """The state in which nothing exists and everything was read."""
    groups = ((REGISTRY.group_id, group() if with_group else ABSENT),)
    return State(
        registry=ABSENT,
        identity=ABSENT,
        vault=ABSENT,
        key=ABSENT,
        version_in_use=Unknown(denied=False),
        roles=(),
        groups=groups,
    )


def steps(plan: Plan) -> dict[str, Change]:
    """The changes that are shown to the user, by the names of their steps as in results: grant, grant-2."""
    rows = plan_document(plan)
    return {row["step"]: change for row, change in zip(rows, plan.told, strict=True)}


def step(plan: Plan, name: str) -> Change | None:
    return steps(plan).get(name)


def actions(plan: Plan) -> dict[str, Action]:
    return {name: change.action for name, change in steps(plan).items()}


def after(plan: Plan, name: str) -> set[str]:
    """The names of the steps that a step waits for."""
    waits_for = [id(each) for each in step(plan, name).after]
    return {other for other, change in steps(plan).items() if id(change) in waits_for}


def uri(name: str = "k", version: str | None = None, host: str = "keys.vault.azure.net") -> str:
    return str(KeyId(host, name, version))
