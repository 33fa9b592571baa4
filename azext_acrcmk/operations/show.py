"""`az acr cmk show`"""

from __future__ import annotations

from typing import Any

from azext_acrcmk.cloud.load import load_registry_state
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.operations.session import Session
from azext_acrcmk.operations.several import each
from azext_acrcmk.output.documents import registry_document


def show(cmd, registry_name: str | None, group: str | None, ids: list[str] | None):
    """The actual state of a registry's encryption; a list for several registries."""
    if ids:
        shown = each(cmd, ids, _show)
        return shown[0] if len(ids) == 1 else shown
    with Session.of(cmd) as session:
        return _show(session, session.registry_anywhere(registry_name, group))


def _show(session: Session, id_: ArmId) -> dict[str, Any]:
    registry = session.registry_at(id_)
    state = load_registry_state(session.clients, registry, session.login.subscriptions)
    return registry_document(state, session.now)
