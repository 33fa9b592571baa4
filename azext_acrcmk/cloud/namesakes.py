"""Whether something else has a name that was typed, and that nothing has where it would be created."""

from __future__ import annotations

from collections.abc import Sequence

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.fields import parts, resource_id
from azext_acrcmk.cloud.reads import read_if_possible
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.ids import HSM_TYPE, IDENTITY_TYPE, ArmId
from azext_acrcmk.model.state import Absent, State, Unknown

# How many are asked for: one is enough to know that a name may mean something else.
MOST = 10


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
    from azext_acrcmk.cloud.graph import MOST_SUBSCRIPTIONS, PATH, quoted

    either = " or ".join(f"(type =~ {quoted(type_)} and name =~ {quoted(name)})" for type_, name in wanted)
    body = {
        "query": f"resources | where {either} | project id | order by id asc",
        "subscriptions": list(subscriptions[:MOST_SUBSCRIPTIONS]),
        "options": {"$top": MOST},
    }

    def ask() -> tuple[ArmId, ...]:
        answer, _ = clients.arm(goal.registry.subscription).query(
            PATH, API_VERSIONS["Microsoft.ResourceGraph/resources"], body
        )
        return tuple(resource_id(row) for row in parts(answer, "data"))

    return read_if_possible(ask, "", "/providers/Microsoft.ResourceGraph")
