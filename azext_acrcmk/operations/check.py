"""`az acr cmk check`"""

from __future__ import annotations

from dataclasses import replace

from azext_acrcmk.cloud.across import find_sharing
from azext_acrcmk.cloud.load import load_registry_state
from azext_acrcmk.cloud.reads import in_parallel
from azext_acrcmk.operations.session import Session
from azext_acrcmk.output.documents import findings_document
from azext_acrcmk.rules import examine, fails


def check(cmd, registry_name: str, group: str | None, fail_on: str, expiry_days: int):
    """Every rule of the catalogue; fails after the result is written where one of the severity asked for failed."""
    with Session.of(cmd) as session:
        registry = session.registry(registry_name, group)
        state, sharing = in_parallel(
            lambda: load_registry_state(session.clients, registry, session.login.subscriptions),
            lambda: find_sharing(session.clients, registry, session.login.subscriptions),
        )
        health = examine(replace(state, sharing=sharing), session.now, expiry_days)
        if fails(health, fail_on):
            session.fail_after_output()
        return findings_document(health)
