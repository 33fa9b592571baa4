"""Questions about access to keys: how long it takes, how its absence is told, and what vaults do with policies."""

from __future__ import annotations

import time
import uuid
from typing import Any

from live.azure import Exchange, Failed
from live.making import assign_role, audience, make_key, until
from live.place import CRYPTO_OFFICER, DATA_VERSION, ENCRYPTION_USER, RETENTION_DAYS, VAULT_VERSION
from live.steps import Answer, Live, NotAsked

GRANT_SECONDS = 20 * 60
REVOCATION_SECONDS = 10 * 60
PAUSE = 10.0


def own_grant_time(live: Live) -> Answer:
    """The caller becomes Crypto Officer of the vault, as `rotate` and `revoke --by key` require."""
    key = live.need("key", "encrypted")
    url = f"{key.rsplit('/keys/', 1)[0]}/keys?api-version={DATA_VERSION}"
    before = live.azure.rest("GET", url, resource=audience(key))
    place = live.place
    made = assign_role(live.azure, place.vault_id(), CRYPTO_OFFICER, place.caller, live.caller_kind, str(uuid.uuid4()))
    if not made.ok:
        raise Failed(f"The role can't be assigned: {made.told()}")
    started = time.monotonic()
    answer = until(lambda: live.azure.rest("GET", url, resource=audience(key)), _ok, GRANT_SECONDS, PAUSE)
    seconds = round(time.monotonic() - started)
    facts = {"before": before.told(), "seconds": seconds, "after": answer.told()}
    if not answer.ok:
        return Answer(f"Not within {seconds} s: {answer.told()}.", facts)
    live.have["officer"] = True
    return Answer(f"After {seconds} s. Before, the vault said {before.told()}.", facts)


def _ok(answer: Exchange) -> bool:
    return answer.ok


def revocation_time(live: Live) -> Answer:
    """Asks the registry for the list of its repositories, which is of its encrypted data, as far as one knows."""
    live.need("encrypted", "officer")
    started = time.monotonic()
    while True:
        done = live.azure.run("acr", "repository", "list", "--name", live.place.registry)
        seconds = round(time.monotonic() - started)
        refused = [each.told() for each in done.exchanges if each.status >= 400] or [f"exit code {done.code}"]
        if done.code:
            return Answer(f"It was refused after {seconds} s: {refused[-1]}.", {"seconds": seconds, "refused": refused})
        if seconds + PAUSE > REVOCATION_SECONDS:
            return Answer(f"The list of repositories was still given after {seconds} s.", {"seconds": seconds})
        time.sleep(PAUSE)


def refused_key(live: Live) -> Answer:
    """Another key of the vault, through an identity that has no role there."""
    second = live.need("second", "encrypted")
    key = make_key(live.azure, live.place.vault_id(), "live-other")
    live.have["other-key"] = key["keyUri"]
    change = live.use_key(key["keyUri"], second["clientId"])
    return Answer(f"The key was {change.told()}. {change.message}".strip(), change.facts())


def grant_time(live: Live) -> Answer:
    second, key = live.need("second", "encrypted"), live.need("other-key")
    scope = f"{live.place.vault_id()}/keys/live-other"
    made = assign_role(live.azure, scope, ENCRYPTION_USER, second["principalId"], "ServicePrincipal", str(uuid.uuid4()))
    if not made.ok:
        raise Failed(f"The role can't be assigned: {made.told()}")
    started, tries = time.monotonic(), 1
    change = live.use_key(key, second["clientId"])
    while change.refused and time.monotonic() - started + PAUSE < GRANT_SECONDS:
        time.sleep(PAUSE)
        tries += 1
        change = live.use_key(key, second["clientId"])
    seconds = round(time.monotonic() - started)
    facts = {**change.facts(), "seconds": seconds, "tries": tries}
    word = "It was still refused" if change.refused else "It was accepted"
    return Answer(f"{word} after {seconds} s, at try {tries}: {change.told()}.", facts)


def purge_protection(live: Live) -> Answer:
    """In a vault with access policies, where a grant works at once."""
    first = live.need("identity", "encrypted")
    vault = _open_vault(live, [_policy(live, first["principalId"], "get", "wrapKey", "unwrapKey")])
    key = make_key(live.azure, vault, "live-key")
    change = live.use_key(key["keyUri"], first["clientId"])
    if not change.refused:
        # Not to leave the registry with a key that can go any moment.
        live.use_key(live.need("key"), first["clientId"])
    return Answer(f"The key was {change.told()}. {change.message}".strip(), change.facts())


def policy_case(live: Live) -> Answer:
    second = live.need("second", "encrypted")
    vault = _open_vault(live, [_policy(live, second["principalId"], "Get", "WrapKey", "UnwrapKey")])
    removed = {"properties": {"accessPolicies": [_policy(live, second["principalId"], "get", "wrapKey", "unwrapKey")]}}
    answer = live.azure.rest("PUT", f"{vault}/accessPolicies/remove?api-version={VAULT_VERSION}", removed)
    there = live.azure.rest("GET", f"{vault}?api-version={VAULT_VERSION}")
    policies = there.answer["properties"].get("accessPolicies") or []
    left = [each["permissions"].get("keys") for each in policies if each["objectId"] == second["principalId"]]
    found = "The policy is gone" if not any(left) else f"The policy is still there, with {', '.join(left[0])}"
    return Answer(f"It answered {answer.told()}. {found}.", {"status": answer.status, "left": left})


def _policy(live: Live, principal: str, *permissions: str) -> dict[str, Any]:
    return {"tenantId": live.place.tenant, "objectId": principal, "permissions": {"keys": list(permissions)}}


def _open_vault(live: Live, policies: list[dict[str, Any]]) -> str:
    """The vault that may be purged, with these policies; its id. Raises NotAsked where it may not be made so."""
    vault = live.place.vault_id(live.place.open_vault)
    properties = {
        "tenantId": live.place.tenant,
        "sku": {"family": "A", "name": "standard"},
        "enableRbacAuthorization": False,
        "softDeleteRetentionInDays": RETENTION_DAYS,
        "accessPolicies": policies,
    }
    url = f"{vault}?api-version={VAULT_VERSION}"
    made = live.azure.rest("PUT", url, {"location": live.place.location, "properties": properties})
    if not made.ok:
        raise NotAsked(f"A vault with access policies and without purge protection was refused: {made.told()}.")
    until(lambda: live.azure.rest("GET", url), _succeeded, 300)
    return vault


def _succeeded(answer: Exchange) -> bool:
    return answer.ok and answer.answer["properties"].get("provisioningState") in (None, "Succeeded")
