"""`az acr cmk show`"""

from __future__ import annotations

from azext_acrcmk.cloud.load import load_registry_state
from azext_acrcmk.operations.session import Session
from azext_acrcmk.output.documents import registry_document


def show(cmd, registry_name: str, group: str | None):
    """The true state of a registry's encryption."""
    with Session.of(cmd) as session:
        registry = session.registry(registry_name, group)
        state = load_registry_state(session.clients, registry, session.login.subscriptions)
        return registry_document(state, session.now)
