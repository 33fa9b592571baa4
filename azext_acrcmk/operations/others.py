"""Who else can use a key, reported after a change of access."""

from __future__ import annotations

from typing import Any

from knack.log import get_logger

from azext_acrcmk.cloud.holders import find_holders
from azext_acrcmk.model.ids import Id, KeyId
from azext_acrcmk.model.state import Unknown, Vault
from azext_acrcmk.operations.session import Session
from azext_acrcmk.plan.change import Plan
from azext_acrcmk.plan.kinds import GRANTING, REMOVING, RemoveRole

logger = get_logger(__name__)


def others_document(
    session: Session, plan: Plan, vault: object, key: KeyId, principal: Id | None
) -> dict[str, list[dict[str, Any]] | None]:
    """The principals other than `principal` that can unwrap with a key, for the result of a plan that changed access;
    null if they can't be read. `vault` is as it was read after that. If access was removed, they are also a warning."""
    removes = plan.find(*REMOVING) is not None
    if not isinstance(vault, Vault) or not (removes or plan.find(*GRANTING)):
        return {}
    if plan.find(RemoveRole):
        # Service facts 1.6 and 4.4.
        logger.warning("Azure can take up to 10 minutes to apply the removal of a role. Until then, it gives access.")
    found = find_holders(session.clients, vault, key)
    if isinstance(found, Unknown):
        if removes:
            logger.warning("Could not read who else can use the keys of %s '%s'.", vault.kind_in_words, vault.name)
        return {"othersWithAccess": None}
    others = [each for each in found if each.principal_id != principal]
    if removes and others:
        named = "; ".join(f"{each.principal_id} by {each.through}" for each in others)
        logger.warning(
            "Other principals can still unwrap with the key in %s '%s': %s.", vault.kind_in_words, vault.name, named
        )
    shown = [{"principalId": str(each.principal_id), "through": each.through} for each in others]
    return {"othersWithAccess": shown}
