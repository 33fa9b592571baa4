"""Who else can use a key, reported after a change of access."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from knack.log import get_logger

from azext_acrcmk.cloud.holders import find_holders
from azext_acrcmk.cloud.waiting import in_thread, result_of
from azext_acrcmk.model.ids import Id, KeyId
from azext_acrcmk.model.state import Holder, Unknown, Vault
from azext_acrcmk.operations.session import Session
from azext_acrcmk.plan.change import Change, Plan
from azext_acrcmk.plan.kinds import GRANTING, REMOVING, RemoveRole

if TYPE_CHECKING:
    from azext_acrcmk.apply import Context

logger = get_logger(__name__)


class Others:
    """The principals that can unwrap with a key, other than the one whose access a plan changes.

    That change does not affect them, so they may be read beside it: once the vault and the key exist.
    """

    def __init__(self, session: Session, key: KeyId):
        self._session, self._key = session, key
        self._begun: tuple[Vault, Future] | None = None

    def beside(self, plan: Plan, context: Context, *kinds: type[Change]) -> Callable[[Change], None]:
        """To be called with each change of a plan as it begins. With the first of these kinds, the others are read, if
        they are to be told."""
        change = plan.find(*kinds) if plan.find(*GRANTING, *REMOVING) else None

        def begin(begun: Change) -> None:
            vault = context.vault
            # Access policies are read with the vault itself.
            if begun is change and isinstance(vault, Vault) and not vault.uses_policies:
                self._begun = vault, in_thread(lambda: find_holders(self._session.clients, vault, self._key))

        return begin

    def document(self, plan: Plan, vault: object, principal: Id | None) -> dict[str, list[dict[str, Any]] | None]:
        """For the result of a plan that changed access of `principal`; null if they can't be read. `vault` is as it was
        read after that. If access was removed, they are also a warning."""
        removes = plan.find(*REMOVING) is not None
        if not isinstance(vault, Vault) or not (removes or plan.find(*GRANTING)):
            return {}
        if plan.find(RemoveRole):
            # Service facts 1.6 and 4.4.
            logger.warning(
                "Azure can take up to 10 minutes to apply the removal of a role. Until then, it gives access."
            )
        found = self._found(vault)
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
        return {"othersWithAccess": [{"principalId": str(e.principal_id), "through": e.through} for e in others]}

    def _found(self, vault: Vault) -> tuple[Holder, ...] | Unknown:
        """What was read beside the change, if it is still about the vault as it is."""
        if self._begun:
            about, reading = self._begun
            if about.id == vault.id and not vault.uses_policies:
                return result_of(reading)
        return find_holders(self._session.clients, vault, self._key)
