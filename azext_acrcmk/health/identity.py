"""Checks of the identity through which the registry uses its key."""

from __future__ import annotations

from azext_acrcmk.health.catalogue import ERROR, IDENTITY, Facts, Verdict, check, failed, passed, unseen
from azext_acrcmk.model.ids import same
from azext_acrcmk.model.state import Absent, Identity, Unknown
from azext_acrcmk.plan.remedies import assign_identity, registry_command


@check(
    "IdentityUnknown",
    ERROR,
    IDENTITY,
    cause="You may not look at the identity.",
    cure="Have the permission that the message names assigned to you.",
)
def _visible(facts: Facts) -> Verdict | None:
    if facts.encryption.enabled and isinstance(facts.state.identity, Unknown) and not facts.uses_system_identity:
        return unseen(f"the identity with client ID {facts.encryption.identity}", facts.state.identity)
    return None


@check(
    "IdentityNotFound",
    ERROR,
    IDENTITY,
    cause="The identity was deleted, or was removed from the registry and is in a subscription that you can't read.",
    cure="Change to another identity, or to a new one of the same name: `az acr cmk rotate --identity`.",
)
def _exists(facts: Facts) -> Verdict | None:
    if not facts.encryption.enabled or facts.uses_system_identity:
        return None
    client_id = facts.encryption.identity
    attached = facts.registry.attached_as(client_id or "")
    if isinstance(facts.state.identity, Identity):
        return passed(f"The identity {facts.state.identity.id} exists.")
    if not isinstance(facts.state.identity, Absent):
        return None
    message = f"The identity that the registry uses its key through (client ID {client_id})"
    if not attached:
        # What its name was is not known, and which other identity to take is not for us to choose.
        return failed(f"{message} is not attached to it, and not in any subscription that you can read.")
    return failed(
        f"{message} does not exist: {attached.id}.",
        registry_command(facts.registry.id, "cmk rotate", f"--identity {attached.id} --no-new-version"),
    )


@check(
    "IdentityRecreated",
    ERROR,
    IDENTITY,
    cause="The identity was deleted and made again under the same name, so its client ID is another.",
    cure="Change to the identity that exists: `az acr cmk rotate --identity`.",
)
def _same_client_id(facts: Facts) -> Verdict | None:
    identity, client_id = facts.state.identity, facts.encryption.identity or ""
    if not facts.encryption.enabled or facts.uses_system_identity or not isinstance(identity, Identity):
        return None
    if same(identity.client_id, client_id):
        return passed("The identity has the client ID that the registry uses.")
    return failed(
        f"The identity {identity.id} was deleted and made again: its client ID is {identity.client_id}, and the "
        f"registry still uses {client_id}.",
        registry_command(facts.registry.id, "cmk rotate", f"--identity {identity.id} --no-new-version"),
    )


@check(
    "IdentityNotAttached",
    ERROR,
    IDENTITY,
    cause="The identity was removed from the registry. It goes on until the identity's credential lapses.",
    cure="Attach it again: `az acr identity assign`. A removed system identity only Azure support can bring back.",
)
def _attached(facts: Facts) -> Verdict | None:
    registry, identity = facts.registry, facts.state.identity
    if not facts.encryption.enabled:
        return None
    if facts.uses_system_identity:
        if registry.system_principal_id:
            return passed("The registry's system-assigned identity is there.")
        return failed(
            "The registry uses its key through its system-assigned identity, which was removed. "
            "Only Azure support can bring it back."
        )
    if not isinstance(identity, Identity) or not same(identity.client_id, facts.encryption.identity):
        return None
    if registry.attaches(identity.id):
        return passed("The identity is attached to the registry.")
    return failed(
        f"The identity {identity.id} is not attached to the registry, which loses the key when the identity's "
        "credential lapses.",
        assign_identity(registry.id, identity.id),
    )
