"""What the steps of a plan for `repair` do, beside those of a rotation."""

from __future__ import annotations

from dataclasses import replace

from azext_acrcmk.acts.rotate import RotateActs
from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.keys import set_enabled, set_operations
from azext_acrcmk.cloud.waiting import Stop
from azext_acrcmk.model.goal import RotateGoal
from azext_acrcmk.model.ids import same
from azext_acrcmk.model.state import Identity, State
from azext_acrcmk.plan.step import UPDATE
from azext_acrcmk.progress import Progress


class RepairActs(RotateActs):
    """A repair is a rotation to what the registry has: the same key through the same identity, made to work."""

    def __init__(self, clients: Clients, goal: RotateGoal, state: State, progress: Progress, stop: Stop):
        state = replace(state, identity=_identity_of(state))
        super().__init__(clients, goal, state, state, progress, stop)
        self._state = state
        self._acts |= {
            ("key-version", UPDATE): self._enable_version,
            ("key-operations", UPDATE): self._permit_wrapping,
        }

    def _enable_version(self) -> None:
        set_enabled(self._clients, self._state.vault, self._state.version_in_use.id, enabled=True)

    def _permit_wrapping(self) -> None:
        used = self._state.version_in_use
        set_operations(self._clients, self._state.vault, used.id, used.operations_to_permit)


def _identity_of(state: State) -> Identity:
    """The identity as it is; one that is the registry's own, or can't be seen, as the registry knows it."""
    registry = state.registry
    client_id = registry.encryption.identity or ""
    if same(client_id, "system"):
        return Identity(registry.id, registry.location, "system", registry.system_principal_id or "")
    if isinstance(state.identity, Identity):
        return state.identity
    attached = registry.attached_as(client_id)
    known = (attached.id, attached.principal_id or "") if attached else ("", "")
    return Identity(known[0], registry.location, client_id, known[1])
