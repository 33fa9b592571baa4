"""What a command need not ask again once its plan was carried out."""

from __future__ import annotations

from azext_acrcmk.acts.parts import Parts
from azext_acrcmk.model.access import access_to
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.state import ABSENT, ACCESS_POLICY, Identity, State, Vault
from azext_acrcmk.plan.step import DELETE, Plan

# Steps after which the key is another, or is not as it was seen.
_KEY_STEPS = {"key", "version", "old-version"}


def still_known(goal: EnableGoal, state: State, plan: Plan, parts: Parts) -> State:
    """What was seen of the parts and has not been changed since. What was made is read back, but for an identity."""
    changes = [step for step in plan.steps if step.changes]
    removed = any(step.action == DELETE for step in changes)
    granted = any(step.name == "grant" for step in changes)
    stale = _has_policies(parts) and (removed or (granted and _lacks_the_grant(parts, goal)))
    rekeyed = goal.key.version or any(step.name in _KEY_STEPS for step in changes)
    return State(
        identity=parts.identity if _is_another_resource(parts) else ABSENT,
        vault=ABSENT if stale else parts.vault,
        key=ABSENT if rekeyed else parts.key,
        roles=() if granted or removed else state.roles,
    )


def _is_another_resource(parts: Parts) -> bool:
    """A registry's own identity is seen with the registry."""
    return isinstance(parts.identity, Identity) and parts.identity.client_id != "system"


def _has_policies(parts: Parts) -> bool:
    return isinstance(parts.vault, Vault) and parts.vault.permission_model == ACCESS_POLICY


def _lacks_the_grant(parts: Parts, goal: EnableGoal) -> bool:
    """Whether the vault was last seen before an access policy was added to it, while its name was not in DNS, say."""
    return not access_to(parts.vault, goal.key_name, parts.identity.principal_id, ()).granted
