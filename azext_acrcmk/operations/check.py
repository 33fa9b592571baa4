"""`az acr cmk check`"""

from __future__ import annotations

from dataclasses import replace

from azext_acrcmk.cloud.observe import see_sharing, together
from azext_acrcmk.cloud.survey_registry import survey_registry
from azext_acrcmk.health import examine, fails
from azext_acrcmk.operations.session import Session
from azext_acrcmk.report import findings_document


def check(cmd, registry_name: str, group: str | None, fail_on: str, expiry_days: int):
    """Every check of the catalogue; fails after the result is written where one of the severity asked for failed."""
    with Session.of(cmd) as session:
        registry = session.registry(registry_name, group)
        state, sharing = together(
            lambda: survey_registry(session.clients, registry, session.login.subscriptions),
            lambda: see_sharing(session.clients, registry, session.login.subscriptions),
        )
        health = examine(replace(state, sharing=sharing), session.now, expiry_days)
        if fails(health, fail_on):
            session.fail_after_output()
        return findings_document(health)
