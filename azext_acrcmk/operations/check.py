"""`az acr cmk check`"""

from __future__ import annotations

from typing import Any

from azext_acrcmk.cloud.asked import KeyUsers
from azext_acrcmk.cloud.sharing import load_with_sharing
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.operations.session import Session
from azext_acrcmk.operations.several import each
from azext_acrcmk.output.documents import findings_document
from azext_acrcmk.rules import examine, fails

# For more registries, Resource Graph is asked once for all keys in use: it answers three queries a second.
FEW = 5


def check(cmd, registry_name: str | None, group: str | None, ids: list[str] | None, fail_on: str, expiry_days: int):
    """Judges every rule for one or several registries; fails after the result is written, as `fail_on` says."""

    users = KeyUsers(many=bool(ids) and len(ids) > FEW)

    def judge(session: Session, id_: ArmId) -> list[dict[str, Any]]:
        return _check(session, id_, users, fail_on, expiry_days)

    if ids:
        return [row for rows in each(cmd, ids, judge) for row in rows]
    with Session.of(cmd) as session:
        return judge(session, session.registry_anywhere(registry_name, group))


def _check(session: Session, id_: ArmId, users: KeyUsers, fail_on: str, expiry_days: int) -> list[dict[str, Any]]:
    registry = session.registry_at(id_)
    state = load_with_sharing(session.clients, registry, session.login.subscriptions, users, thorough=False)
    health = examine(state, session.now, expiry_days)
    if fails(health, fail_on):
        session.fail_after_output()
    return findings_document(health, registry)
