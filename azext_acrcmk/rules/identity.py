"""Rules for the identity through which the registry uses its key."""

from __future__ import annotations

from shlex import quote

from azext_acrcmk.model.problem import FORBIDDEN, NOT_FOUND
from azext_acrcmk.model.state import Absent, Identity, Unknown
from azext_acrcmk.rules.catalogue import (
    ENABLE,
    ERROR,
    IDENTITY,
    ROTATE,
    Facts,
    Fix,
    Verdict,
    failed,
    passed,
    rules_about,
    unreadable,
)
from azext_acrcmk.rules.fixes import assign_identity, registry_command

rule = rules_about(IDENTITY, "identity")


@rule(
    "IdentityUnknown",
    ERROR,
    cause="You don't have permission to read the identity.",
    cure="Ask for a role with the permission that the message names.",
    stops=(ENABLE, ROTATE),
    error=FORBIDDEN,
)
def _readable(facts: Facts) -> Verdict | None:
    identity = facts.state.identity
    if not facts.uses_key or not isinstance(identity, Unknown):
        return None
    if facts.goal:
        return unreadable(f"the user-assigned identity '{facts.goal.identity}'", identity)
    if facts.key_identity.is_system:
        return None
    return unreadable(f"the identity with client ID {facts.key_identity.client_id}", identity)


@rule(
    "IdentityNotFound",
    ERROR,
    cause="The identity was deleted, or was removed from the registry and is in a subscription that you can't read.",
    cure="Change to another identity, or to a new one with the same name: `az acr cmk rotate --identity`.",
    error=NOT_FOUND,
)
def _exists(facts: Facts) -> Verdict | None:
    if facts.goal or not facts.uses_key or facts.key_identity.is_system:
        return None
    used = facts.key_identity
    if isinstance(used.found, Identity):
        return passed(f"The identity {used.id} exists.")
    if not isinstance(used.found, Absent):
        return None
    message = f"The identity through which the registry uses its key (client ID {used.client_id})"
    if not used.is_attached:
        # Its name is not known, and the choice of another identity is the user's.
        return failed(f"{message} is not assigned to it, and was not found in any subscription that you can read.")
    return failed(
        f"{message} does not exist: {used.id}.",
        registry_command(facts.registry.id, "cmk rotate", f"--identity {quote(str(used.id))} --no-new-version"),
    )


@rule(
    "IdentityRecreated",
    ERROR,
    cause="The identity was deleted and recreated with the same name, so its client ID has changed.",
    cure="Change to the recreated identity: `az acr cmk rotate --identity`.",
)
def _same_client_id(facts: Facts) -> Verdict | None:
    if facts.goal or not facts.uses_key or not isinstance(facts.key_identity.found, Identity):
        return None
    used = facts.key_identity
    if used.is_system:
        return None
    if not used.is_recreated:
        return passed("The identity has the client ID that the registry uses.")
    return failed(
        f"The identity {used.id} was deleted and recreated: its client ID is {used.found.client_id}, and the registry "
        f"still uses {used.client_id}.",
        registry_command(facts.registry.id, "cmk rotate", f"--identity {quote(str(used.id))} --no-new-version"),
        Fix.USE_RECREATED_IDENTITY,
    )


@rule(
    "IdentityNotAssigned",
    ERROR,
    cause="The identity was removed from the registry. It keeps working only until its credential expires.",
    cure="Assign it again: `az acr identity assign`. Only Azure support can restore a system-assigned identity.",
)
def _attached(facts: Facts) -> Verdict | None:
    if facts.goal or not facts.uses_key:
        return None
    used = facts.key_identity
    if used.is_system:
        if used.is_attached:
            return passed("The registry's system-assigned identity is enabled.")
        return failed(
            f"Registry '{facts.registry.name}' uses its key through its system-assigned identity, which was removed. A "
            "new one is a different identity and does not restore access to the key: pulls and pushes work only until "
            "the credential of the old one expires. Only Azure support can restore it."
        )
    if not isinstance(used.found, Identity) or used.is_recreated:
        return None
    if facts.registry.attaches(used.found.id):
        return passed("The identity is assigned to the registry.")
    return failed(
        f"The identity {used.id} is not assigned to the registry, which loses access to the key when the identity's "
        "credential expires.",
        assign_identity(facts.registry.id, used.id),
        Fix.ATTACH_IDENTITY,
    )
