"""What changes work with, and pass on to the changes that wait for them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import datetime, timezone
from functools import singledispatch
from typing import TypeVar

from azext_acrcmk.cloud.changes import until_in_dns
from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import read_error
from azext_acrcmk.cloud.load import load_registry_state
from azext_acrcmk.cloud.waiting import NOT_YET_TIMEOUT, Stop, in_thread, not_yet, result_of, retrying, until_settled
from azext_acrcmk.model.access import access_to
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.ids import ArmId, Id, KeyId, Scope
from azext_acrcmk.model.key_identity import SYSTEM
from azext_acrcmk.model.state import (
    NOT_LOADED,
    Absent,
    AttachedIdentity,
    DeletedVault,
    Encryption,
    Identity,
    Key,
    Registry,
    State,
    Vault,
)
from azext_acrcmk.plan import kinds
from azext_acrcmk.plan.change import ACCESS, CREATE, KEY, MANUAL, RECOVER, REUSE, VERIFY, Change, Plan, UnknownChange
from azext_acrcmk.progress import Progress
from azext_acrcmk.rules import BROKEN, examine

Made = TypeVar("Made")


class Context:
    """What exists so far of registry, identity, vault and key; `goal` is what the registry should use.

    Changes run in threads: each attribute is written by one change and read only by those that wait for it. The
    exception is that the vault is in DNS, which is written by any change that waits for it.
    """

    def __init__(
        self,
        clients: Clients,
        state: State,
        tenant: str,
        progress: Progress,
        stop: Stop,
        goal: EnableGoal | None = None,
        grant_timeout: int = 0,
        subscriptions: tuple[str, ...] = (),
    ):
        self.clients, self.tenant, self.progress, self.stop = clients, tenant, progress, stop
        # Whether the login manages another tenant's subscription, through Azure Lighthouse.
        self.delegated = False
        self.goal, self.grant_timeout, self.subscriptions = goal, grant_timeout, subscriptions
        self.plan = Plan()
        self.registry: Registry | Absent = state.registry
        self.identity: Identity | Absent = state.identity
        self.vault: Vault | DeletedVault | Absent = state.vault
        self.key: Key | Absent = state.key
        self.state = state
        # What exists after it was read back.
        self.result: State | None = None
        # What is being read for that already, and for which registry.
        self.reading: tuple[Registry, Future[State]] | None = None
        self.granted_now = False
        # The names of what this run has created so far.
        self._created: set[Id] = set()

    def carry_out(self, change: Change) -> str | None:
        """Applies a change; waits, bounded, while Azure does not know everywhere what this run has just created.

        Changes can be repeated, so the whole of it is done again.
        """
        told = False

        def is_early(error: Exception) -> bool:
            nonlocal told
            name = not_yet(error, frozenset(self._created))
            if name and not told:
                told = True
                self.progress.note(f"  Waiting for Azure to know {name} everywhere (up to {NOT_YET_TIMEOUT} seconds).")
            return name is not None

        outcome = retrying(lambda: apply_change(change, self), is_early, self.stop, NOT_YET_TIMEOUT, first=3.0)
        if change.action in (CREATE, RECOVER):
            self._created.add(Id(Scope(change.resource).name))
        return outcome

    def principal_of(self, identity: ArmId | None, principal: Id | None) -> Id:
        """The object id to grant access to: the given one, or that of the identity, which exists by now."""
        if principal:
            return principal
        if not isinstance(self.identity, Identity) or self.identity.id != identity:
            raise LookupError(f"The identity {identity} is not the one of this plan.")  # a defect of the plan
        return self.identity.principal_id

    def host_of(self, key: KeyId) -> str:
        """The host that the key's vault reports. A host outside the cloud is refused before anything is sent."""
        vault = self.vault
        return vault.host if isinstance(vault, Vault) and vault.name.lower() == key.store else key.host

    def until_in_dns(self) -> None:
        if isinstance(self.vault, Vault) and not self.vault.in_dns:
            self.vault = until_in_dns(self.clients, self.vault, self.stop)

    def once_in_dns(self, change: Callable[[], Made]) -> Made:
        """The result of `change`. If a new vault rejects it, it is repeated when the vault is in DNS."""
        from azure.core.exceptions import HttpResponseError

        in_dns = not isinstance(self.vault, Vault) or self.vault.in_dns
        try:
            return change()
        except HttpResponseError as error:
            if in_dns or read_error(error).status == 403:
                raise
        self.until_in_dns()
        return change()


@singledispatch
def apply_change(change: Change, _context: Context) -> str | None:
    """Carries out a change; returns the outcome if it differs from the action's. Nothing is to be done for what is only
    used, not checked, or left to the user. Raises UnknownChange."""
    if change.action not in (REUSE, VERIFY, MANUAL):
        raise UnknownChange("apply_change", change)
    return None


def begin_read_back(context: Context, expected: Registry) -> None:
    """Begins to read what the registry uses if it is as expected: beside the read of the registry itself, once its
    operation has ended. That saves a round of requests."""
    context.reading = expected, in_thread(lambda: _load(context, expected))


def read_back(context: Context) -> State:
    """Everything that the registry uses now."""
    reading, context.reading = context.reading, None
    registry = context.registry
    if reading and _uses(reading[0]) == _uses(registry):
        return replace(result_of(reading[1]), registry=registry)
    return _load(context, registry)


def _load(context: Context, registry: Registry) -> State:
    vault = context.vault.id if isinstance(context.vault, Vault) else None
    known = known_after(context, context.plan)
    return load_registry_state(context.clients, registry, context.subscriptions, vault, known)


def _uses(registry: Registry) -> tuple[Encryption, tuple[AttachedIdentity, ...], Id | None]:
    """All of a registry by which what it uses is read and judged."""
    return registry.encryption, registry.attached, registry.system_principal_id


# How long what was created may take to show in a read, in seconds: a grant, a key, the vault.
READ_BACK_TIMEOUT = 60


def read_back_working(context: Context, seconds: float = READ_BACK_TIMEOUT) -> State:
    """The same once the key works, or after `seconds`."""

    def works(state: State) -> bool:
        return examine(state, datetime.now(timezone.utc)).status != BROKEN

    return until_settled(lambda: read_back(context), works, context.stop, seconds)


@apply_change.register
def _(_change: kinds.ReadBack, context: Context) -> None:
    context.result = read_back_working(context)


def known_after(context: Context, plan: Plan) -> State:
    """What exists now; what the plan's changes affected is not loaded, so that it is read back."""
    changed = plan.changing
    access = [each for each in changed if each.alters == ACCESS]
    identity, vault = context.identity, context.vault
    own = isinstance(identity, Identity) and identity.client_id == SYSTEM  # read with the registry
    stale_vault = bool(access) and isinstance(vault, Vault) and vault.uses_policies and not _shows(context, access)
    pinned = context.goal is not None and context.goal.key.version
    stale_key = pinned or any(each.alters == KEY for each in changed)
    return State(
        identity=identity if isinstance(identity, Identity) and not own else NOT_LOADED,
        vault=vault if isinstance(vault, Vault) and not stale_vault else NOT_LOADED,
        key=context.key if isinstance(context.key, Key) and not stale_key else NOT_LOADED,
        roles=NOT_LOADED if access else context.state.roles,
    )


def _shows(context: Context, access: list[Change]) -> bool:
    """Whether the last read of the vault shows what was granted, as it does after waiting for its name."""
    if any(isinstance(each, kinds.REMOVING) for each in access):
        return False
    name, principal = context.goal.key_name if context.goal else "", context.identity.principal_id
    return bool(access_to(context.vault, name, principal, ()).granted)
