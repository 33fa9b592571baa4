"""Assigns identities to a registry without losing those that it already has.

Whether a PATCH adds to the assigned identities or replaces them is not documented (service facts 9.3), so all are
named. If Azure rejects the request because one was deleted, or because the caller has no permission to assign it, the
request is repeated without that one.
"""

from __future__ import annotations

from typing import Any

from azext_acrcmk.apply.context import Context, apply_change
from azext_acrcmk.cloud import changes
from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import ServiceError, read_error, same_code
from azext_acrcmk.cloud.reads import get_identity
from azext_acrcmk.model.ids import ArmId, Id
from azext_acrcmk.model.key_identity import SYSTEM
from azext_acrcmk.model.problem import Problem, Refused
from azext_acrcmk.model.state import Absent, Identity, Registry
from azext_acrcmk.plan import bodies, kinds
from azext_acrcmk.rules.fixes import assign_identity


@apply_change.register
def _(change: kinds.AttachIdentity, context: Context) -> None:
    own = change.identity == change.registry
    context.registry = patch_assigning(context, change.registry, None if own else change.identity, {})
    if own:
        registry = context.registry
        context.identity = Identity(registry.id, registry.location, SYSTEM, registry.system_principal_id or Id())


def patch_assigning(context: Context, id_: ArmId, new: ArmId | None, body: dict[str, Any]) -> Registry:
    """The registry after a PATCH of `body` that assigns `new`, or (None) enables the system-assigned identity."""
    from azure.core.exceptions import HttpResponseError

    old = [each.id for each in context.registry.attached if each.id != new]
    named, staying = list(old), list(old)
    while True:
        block = bodies.assigned_block(context.registry, new, named, bool(staying))
        try:
            seen = changes.patch_registry(context.clients, id_, {"identity": block, **body}, context.stop)
            break
        except HttpResponseError as error:
            left_out = _to_leave_out(context.clients, read_error(error), named)
            if not left_out:
                raise
        gone = [each for each in left_out if isinstance(get_identity(context.clients, each), Absent)]
        named = [each for each in named if each not in left_out]
        staying = [each for each in staying if each not in gone]
    _check(seen, [*staying, *([new] if new else [])])
    return seen


def _to_leave_out(clients: Clients, said: ServiceError, named: list[ArmId]) -> list[ArmId]:
    """The already assigned identities because of which a request was rejected."""
    if not any(same_code(said, code) for code in ("FailedIdentityOperation", "LinkedAuthorizationFailed")):
        return []
    told = [each for each in named if each.is_in(said.message)]
    return told or [each for each in named if isinstance(get_identity(clients, each), Absent)]


def _check(registry: Registry, wanted: list[ArmId]) -> None:
    lost = [each for each in wanted if not registry.attaches(each)]
    if lost:
        raise Refused(
            Problem(
                f"After identities were assigned to registry '{registry.name}', it no longer has "
                f"{', '.join(map(str, lost))}, through which it may use its key.",
                tuple(f"Assign it again: {assign_identity(registry.id, each)}" for each in lost),
            )
        )
