"""What the steps of a plan for `enable` do."""

from __future__ import annotations

from azext_acrcmk.acts.parts import Parts
from azext_acrcmk.cloud import changes
from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.waiting import Stop
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.state import State
from azext_acrcmk.plan.step import CREATE, UPDATE, Step
from azext_acrcmk.progress import Progress


class EnableActs:
    """Call it with a step; it returns the outcome where that is not as planned. `registry` is what exists by now."""

    def __init__(self, clients: Clients, goal: EnableGoal, state: State, progress: Progress, stop: Stop):
        self.parts = Parts(clients, goal, state, progress, stop)
        self.registry = state.registry
        self._acts = {
            **self.parts.acts,
            ("registry", CREATE): self._create_registry,
            ("registry", UPDATE): self._set_encryption,
        }

    def __call__(self, step: Step) -> str | None:
        act = self._acts.get((step.name, step.action))
        return act() if act else None

    def _create_registry(self) -> None:
        parts = self.parts
        self.registry = parts.until_key_works(
            lambda: changes.create_registry(
                parts.clients, parts.goal, parts.location, parts.identity, parts.key_to_use(), parts.stop
            )
        )

    def _set_encryption(self) -> None:
        parts, registry = self.parts, self.registry
        self.registry = parts.until_key_works(
            lambda: changes.set_encryption(
                parts.clients, registry, parts.identity.client_id, registry.encryption.key, parts.stop
            )
        )
