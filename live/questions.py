"""The questions, in the order in which they can be asked, between the commands. Each id is one of docs/live.md."""

from __future__ import annotations

from live import ask_access, ask_identities, ask_keys, ask_reads, commands
from live.steps import Question, Step

OWN_GRANT = Question(
    "own-grant-time",
    "How long does it take until the data plane of a vault knows a new role assignment of the caller?",
    "Up to 10 minutes (documented); seconds are what people report.",
    ask_access.own_grant_time,
)
REVOCATION = Question(
    "revocation-time",
    "How long after `revoke --by key` does the registry go on serving data?",
    "Not documented.",
    ask_access.revocation_time,
)
DISABLED_KEY = Question(
    "disabled-key",
    "What do Azure Resource Manager and the vault say of a disabled key, and what may still be done with it?",
    "Resource Manager returns it with enabled: false, or answers 403: not documented. The vault refuses get, wrap and "
    "unwrap with KeyDisabled; it was reported to wrap all the same.",
    ask_keys.disabled_key,
)
PATCH_IDENTITY = Question(
    "patch-identity",
    "When a registry with one user-assigned identity gets a PATCH that names only another: are both attached then?",
    "Not documented. The extension names all that are to stay.",
    ask_identities.patch_identity,
)
REFUSED_KEY = Question(
    "refused-key",
    "With which status and code does a registry refuse a key that its identity has no access to, and when?",
    "The text begins 'Failed to access KeyId'; its code is in no public thread.",
    ask_access.refused_key,
)
GRANT_TIME = Question(
    "grant-time",
    "How long does it take until a registry can use a key after its identity was assigned the role?",
    "Up to 10 minutes (documented).",
    ask_access.grant_time,
)
PUT_ROTATES = Question(
    "put-rotates",
    "Does a PUT of a registry with another key change the key that it uses?",
    "Not documented. Core az rotates by PATCH.",
    ask_keys.put_rotates,
)
UNUSABLE_KEYS = Question(
    "unusable-keys",
    "With which codes does a registry refuse a disabled key, and an elliptic curve key?",
    "No authoritative text was found.",
    ask_keys.unusable_keys,
)
PURGE_PROTECTION = Question(
    "purge-protection",
    "Does a registry refuse a key in a vault without purge protection?",
    "Recommended by the tutorial, required according to others. The extension requires it.",
    ask_access.purge_protection,
)
POLICY_CASE = Question(
    "policy-case",
    "Does accessPolicies/remove find permissions that were written in another case?",
    "No: it answers 200 and removes nothing (reported for 2026-02-01).",
    ask_access.policy_case,
)
READ_UNREGISTERED = Question(
    "read-unregistered",
    "Is a GET refused with 409 MissingSubscriptionRegistration where the resource provider isn't registered?",
    "Not documented. The extension never registers a provider because of a read.",
    ask_reads.read_unregistered,
)
DELETED_IDENTITY = Question(
    "deleted-identity",
    "What does a PATCH of a registry say while an identity that is attached to it has been deleted?",
    "FailedIdentityOperation where the deleted one is named (reported for other services).",
    ask_identities.deleted_identity,
)

STEPS: tuple[Step, ...] = (
    commands.LOOK_AHEAD,
    commands.MAKE,
    commands.AGAIN,
    commands.SHOW,
    commands.CHECK,
    OWN_GRANT,
    commands.ROTATE,
    commands.REVOKE_BY_KEY,
    REVOCATION,
    commands.CHECK_REVOKED_BY_KEY,
    commands.RESTORE_KEY,
    commands.CHECK_RESTORED_KEY,
    commands.REVOKE,
    commands.CHECK_REVOKED,
    commands.RESTORE,
    commands.CHECK_LOST,
    commands.REPAIR,
    commands.CHECK_REPAIRED,
    DISABLED_KEY,
    PATCH_IDENTITY,
    REFUSED_KEY,
    GRANT_TIME,
    PUT_ROTATES,
    UNUSABLE_KEYS,
    PURGE_PROTECTION,
    POLICY_CASE,
    READ_UNREGISTERED,
    DELETED_IDENTITY,
)
