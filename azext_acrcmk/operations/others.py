"""Who else can use a key, told after a change of who can."""

from __future__ import annotations

from typing import Any

from knack.log import get_logger

from azext_acrcmk.cloud.holders import find_holders
from azext_acrcmk.model.ids import KeyId, same
from azext_acrcmk.model.state import Unknown, Vault
from azext_acrcmk.operations.session import Session
from azext_acrcmk.plan.change import GRANTING, REMOVING, Plan

logger = get_logger(__name__)


def others_document(
    session: Session, plan: Plan, vault: object, key: KeyId, principal: str | None
) -> dict[str, list[dict[str, Any]] | None]:
    """Whoever but `principal` can still unwrap with a key, for the result of a plan that changed who can; null where
    that can't be read. Where access was taken away it is said, too."""
    removes = plan.find(*REMOVING) is not None
    if not isinstance(vault, Vault) or not (removes or plan.find(*GRANTING)):
        return {}
    found = find_holders(session.clients, vault, key)
    if isinstance(found, Unknown):
        if removes:
            logger.warning("Who else can use the keys of %s '%s' can't be read.", vault.kind_in_words, vault.name)
        return {"othersWithAccess": None}
    others = [each for each in found if not same(each.principal_id, principal)]
    if removes and others:
        named = "; ".join(f"{each.principal_id} by {each.through}" for each in others)
        logger.warning("Others can still unwrap with the key in %s '%s': %s.", vault.kind_in_words, vault.name, named)
    shown = [{"principalId": each.principal_id, "through": each.through} for each in others]
    return {"othersWithAccess": shown}
