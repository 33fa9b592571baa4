"""`az acr cmk show`"""

from __future__ import annotations

from azext_acrcmk.cloud.survey_registry import survey_registry
from azext_acrcmk.operations.session import Session
from azext_acrcmk.report import registry_document


def show(cmd, registry_name: str, group: str | None):
    """The true state of a registry's encryption."""
    with Session.of(cmd) as session:
        registry = session.registry(registry_name, group)
        state = survey_registry(session.clients, registry, session.login.subscriptions)
        return registry_document(state, session.now)
