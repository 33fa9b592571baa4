"""Whether something else has a name that was typed, and that nothing has where it would be created."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.ids import HSM_TYPE, IDENTITY_TYPE, ArmId
from azext_acrcmk.model.state import Absent, State, Unknown


def find_namesakes(
    clients: Clients, goal: EnableGoal, state: State, subscriptions: Sequence[str]
) -> tuple[ArmId, ...] | Unknown:
    """Managed HSMs with the name typed for a vault that does not exist, and identities elsewhere with the name typed
    for one that does not exist: one query, only where there is one to ask about."""
    wanted = []
    if goal.find_vault and isinstance(state.vault, Absent):
        wanted.append((HSM_TYPE, goal.vault.name))
    if goal.find_identity and isinstance(state.identity, Absent):
        wanted.append((IDENTITY_TYPE, goal.identity.name))
    if not wanted:
        return ()
    from azext_acrcmk.cloud.asked import SECONDS, Asked, ids_in
    from azext_acrcmk.cloud.graph import quoted

    either = " or ".join(f"(type =~ {quoted(type_)} and name =~ {quoted(name)})" for type_, name in wanted)
    seen = Asked(clients, goal.registry.subscription, f"resources | where {either} | project id").within(SECONDS)
    if isinstance(seen, Unknown):
        return replace(seen, scope="/providers/Microsoft.ResourceGraph")
    # With Azure Lighthouse, it also shows what is in other tenants.
    return tuple(id_ for id_ in ids_in(seen) if id_.subscription in subscriptions)
