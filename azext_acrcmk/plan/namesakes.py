"""What a name that was typed may mean other than what would be created by it. Pure."""

from __future__ import annotations

from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.ids import HSM_TYPE, IDENTITY_TYPE, ArmId
from azext_acrcmk.model.state import State, Unknown


def vault_doubt(goal: EnableGoal, state: State) -> str | None:
    """Why a vault of this name may not be meant to be created. What can't be undone is asked for then."""
    if not goal.find_vault:
        return None
    if hsms := _namesakes(state, HSM_TYPE):
        return (
            f"'{goal.vault.name}' is the name of a managed HSM ({hsms[0]}), but --key-vault creates a key vault. For a "
            "key in the managed HSM, specify its URI with --key-encryption-key."
        )
    if goal.expects_vault:
        return f"No key vault '{goal.vault.name}' was found, so it will be created; this can't be undone."
    return None


def unseen_namesakes(goal: EnableGoal, state: State) -> str | None:
    """Why it is not known whether the name means something else."""
    if not goal.find_vault or not isinstance(state.namesakes, Unknown):
        return None
    return f"Could not determine whether a managed HSM has this name: {state.namesakes.why}"


def identity_elsewhere(goal: EnableGoal, state: State) -> str | None:
    """Where there is an identity with the typed name, if not in the registry's resource group."""
    found = [each for each in _namesakes(state, IDENTITY_TYPE) if each != goal.identity] if goal.find_identity else []
    if not found:
        return None
    return (
        f"There is an identity with the name '{goal.identity.name}' in resource group '{found[0].group}'. To use that, "
        f"specify its ID: --identity {found[0]}"
    )


def _namesakes(state: State, type_: str) -> list[ArmId]:
    return [each for each in state.namesakes if each.type == type_] if state.namesakes else []
