"""Questions about keys: disabled ones, those of another type, and which request changes the one in use."""

from __future__ import annotations

import base64
from typing import Any

from live.azure import Exchange
from live.making import audience, data_url, make_key
from live.place import VAULT_VERSION
from live.steps import Answer, Live

ALGORITHM = "RSA-OAEP-256"
SECRET = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")


def disabled_key(live: Live) -> Answer:
    live.need("encrypted", "officer")
    vault = live.place.vault_id()
    key = make_key(live.azure, vault, "live-disabled")
    version = key["keyUriWithVersion"]
    live.have["disabled-key"] = key["keyUri"]
    wrapped = _data(live, "POST", version, "wrapkey", {"alg": ALGORITHM, "value": SECRET})
    switched = _data(live, "PATCH", version, "", {"attributes": {"enabled": False}})
    name, ending = "live-disabled", f"?api-version={VAULT_VERSION}"
    path = f"{vault}/keys/{name}"
    asked = {
        "Resource Manager, key": live.azure.rest("GET", path + ending),
        "Resource Manager, version": live.azure.rest("GET", f"{path}/versions/{version.rsplit('/', 1)[1]}{ending}"),
        "Resource Manager, versions": live.azure.rest("GET", f"{path}/versions{ending}"),
        "vault, get": _data(live, "GET", version),
        "vault, wrap": _data(live, "POST", version, "wrapkey", {"alg": ALGORITHM, "value": SECRET}),
    }
    if wrapped.ok:
        asked["vault, unwrap"] = _data(
            live, "POST", version, "unwrapkey", {"alg": ALGORITHM, "value": wrapped.answer["value"]}
        )
    facts = {what: _enabled(answer) for what, answer in asked.items()}
    facts["disabled by"] = switched.told()
    text = "; ".join(f"{what}: {told}" for what, told in facts.items())
    return Answer(f"{text}.", facts)


def _data(live: Live, method: str, key: str, operation: str = "", body: Any = None) -> Exchange:
    """A request to the data plane of the key's vault."""
    url = data_url(key, *([operation] if operation else []))
    return live.azure.rest(method, url, body, audience(key))


def _enabled(exchange: Exchange) -> str:
    """Status and code, and what the answer says of `enabled`."""
    answer = exchange.answer if isinstance(exchange.answer, dict) else {}
    attributes = answer.get("attributes") or (answer.get("properties") or {}).get("attributes")
    for each in answer.get("value") or [] if isinstance(answer.get("value"), list) else []:
        attributes = (each.get("properties") or {}).get("attributes")
    if not exchange.ok or attributes is None:
        return exchange.told()
    return f"{exchange.status}, enabled: {str(attributes.get('enabled')).lower()}"


def put_rotates(live: Live) -> Answer:
    """The registry is on another key and identity by now, or not: either way to one that it doesn't use."""
    identity, key = live.need("identity", "encrypted"), live.need("key")
    other = live.need("other-key")
    registry = live.registry()
    encryption = registry["properties"]["encryption"]
    used = encryption["keyVaultProperties"]["keyIdentifier"]
    wanted = key if used != key else other
    body = {
        "location": registry["location"],
        "sku": {"name": registry["sku"]["name"]},
        "tags": registry.get("tags") or {},
        "identity": {
            "type": registry["identity"]["type"],
            "userAssignedIdentities": {each: {} for each in registry["identity"]["userAssignedIdentities"]},
        },
        "properties": {
            "encryption": {
                "status": "enabled",
                "keyVaultProperties": {"keyIdentifier": wanted, "identity": identity["clientId"]},
            }
        },
    }
    change = live.change_registry("PUT", body)
    now = live.used_key()["keyIdentifier"]
    effect = "The registry uses the other key." if now == wanted else "The registry goes on with the key that it had."
    return Answer(f"The PUT was {change.told()}. {effect}", {**change.facts(), "rotated": now == wanted})


def unusable_keys(live: Live) -> Answer:
    identity, disabled = live.need("identity", "encrypted"), live.need("disabled-key")
    curve = make_key(live.azure, live.place.vault_id(), "live-curve", "EC")["keyUri"]
    facts = {}
    for what, key in (("disabled key", disabled), ("elliptic curve key", curve)):
        facts[what] = live.use_key(key, identity["clientId"])
    text = " ".join(f"The {what} was {change.told()}." for what, change in facts.items())
    return Answer(text, {what: change.facts() for what, change in facts.items()})
