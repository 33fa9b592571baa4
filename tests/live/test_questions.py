"""Each question has an answer for whatever Azure does, also for what the sandbox, which does one thing, does not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from live import ask_access, ask_identities, ask_keys, ask_reads, making
from live.azure import Azure, Done, Exchange
from live.place import Place
from live.questions import STEPS
from live.steps import Live, NotAsked, Question

PLACE = Place("sub", "tenant", "caller", "westeurope", "1a2b3c")
FIRST = {"id": PLACE.identity_id("live-first"), "clientId": "client-1", "principalId": "principal-1"}
SECOND = {"id": PLACE.identity_id("live-second"), "clientId": "client-2", "principalId": "principal-2"}
KEY, OTHER = "https://v.vault.azure.net/keys/live-key", "https://v.vault.azure.net/keys/live-other"
DENIED = {"error": {"code": "Denied", "message": "No."}}


class FakeAzure(Azure):
    """Answers each request by the first rule whose method and part of the URL fit; a rule that is a list gives its
    answers one after the other. A request that no rule is for gets 404."""

    def __init__(self, *rules: tuple[str, str, Any]):
        super().__init__(lambda arguments: (0, "", ""))
        self._rules = rules
        self.commands: list[Done] = []

    def rest(self, method: str, url: str, body: Any = None, resource: str = "") -> Exchange:
        for verb, part, answer in self._rules:
            if verb == method and part in url:
                given = answer.pop(0) if isinstance(answer, list) and len(answer) > 1 else answer
                given = given[0] if isinstance(given, list) else given
                status, content, *headers = given
                exchange = Exchange(method, url, status, body, content, headers[0] if headers else {})
                self.exchanges.append(exchange)
                return exchange
        return Exchange(method, url, 404, body, {"error": {"code": "NotFound", "message": ""}})

    def run(self, *arguments: str, debug: bool = True) -> Done:
        return self.commands.pop(0) if len(self.commands) > 1 else self.commands[0]

    def must(self, *arguments: str, debug: bool = True) -> Any:
        return SECOND


@pytest.fixture(autouse=True)
def time_passes(monkeypatch):
    """A clock that waits move, and nothing else."""
    now = [0.0]
    for module in (making.time, ask_access.time):
        monkeypatch.setattr(module, "monotonic", lambda: now[0])
        monkeypatch.setattr(module, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))


def live(*rules: tuple[str, str, Any], **have: Any) -> Live:
    known = {"encrypted": True, "officer": True, "identity": FIRST, "key": KEY, "second": SECOND, "other-key": OTHER}
    return Live(FakeAzure(*rules), PLACE, "User", lambda text: None, {**known, **have})


def registry(*identities: dict[str, Any], key: str = KEY) -> tuple[int, dict[str, Any]]:
    encryption = {"keyVaultProperties": {"keyIdentifier": key}}
    attached = {"type": "userAssigned", "userAssignedIdentities": {each["id"].upper(): {} for each in identities}}
    return 200, {
        "location": "westeurope",
        "sku": {"name": "Premium"},
        "identity": attached,
        "properties": {"encryption": encryption},
    }


@pytest.mark.parametrize(
    ("attached", "text"),
    [
        ([FIRST, SECOND], "Both are attached: it merges."),
        ([SECOND], "Only the one that was named is attached: it replaces."),
        ([FIRST], "The one that was named is not attached."),
    ],
)
def test_patch_of_one_identity(attached, text):
    here = live(("PATCH", "/registries/", (201, {})), ("GET", "/registries/", registry(*attached)))
    assert ask_identities.patch_identity(here).text == text


def test_patch_of_one_identity_that_is_refused():
    here = live(("PATCH", "/registries/", (403, DENIED)), ("GET", "/registries/", registry(FIRST)))
    answer = ask_identities.patch_identity(here)
    assert answer.text == "The PATCH was refused at once (403 Denied)."
    assert here.have["second"] is SECOND  # of before; this one isn't attached


@pytest.mark.parametrize(
    ("after", "text", "rotated"),
    [
        (OTHER, "The PUT was accepted (200). The registry uses the other key.", True),
        (KEY, "The PUT was accepted (200). The registry goes on with the key that it had.", False),
    ],
)
def test_put_with_another_key(after, text, rotated):
    answers = [registry(FIRST), registry(FIRST, key=after)]
    here = live(("PUT", "/registries/", (200, {})), ("GET", "/registries/", answers))
    answer = ask_keys.put_rotates(here)
    assert (answer.text, answer.facts["rotated"]) == (text, rotated)
    assert here.azure.exchanges[1].request["properties"]["encryption"]["keyVaultProperties"]["keyIdentifier"] == OTHER


def test_key_that_the_operation_refuses():
    failed = {"status": "Failed", "error": {"code": "KeyAccess", "message": "Failed to access KeyId 'x'."}}
    here = live(
        ("PUT", "/keys/", (200, {"properties": {"keyUri": OTHER}})),
        ("PATCH", "/registries/", (201, {}, {"azure-asyncoperation": "https://management.azure.com/operation/1"})),
        ("GET", "/operation/1", [(200, {"status": "Updating"}), (200, failed)]),
    )
    answer = ask_access.refused_key(here)
    assert answer.text == (
        "The key was accepted (201), and its operation failed (KeyAccess). Failed to access KeyId 'x'."
    )
    assert (answer.facts["by"], answer.facts["code"]) == ("the operation", "KeyAccess")


def test_time_until_a_grant_works():
    here = live(
        ("PUT", "/roleAssignments/", [(400, {"error": {"code": "PrincipalNotFound"}}), (201, {})]),
        ("PATCH", "/registries/", [(400, DENIED), (400, DENIED), (201, {})]),
    )
    answer = ask_access.grant_time(here)
    assert answer.text == "It was accepted after 20 s, at try 3: accepted (201)."


def test_grant_that_never_works():
    here = live(("PUT", "/roleAssignments/", (201, {})), ("PATCH", "/registries/", (400, DENIED)))
    answer = ask_access.grant_time(here)
    assert answer.text.startswith("It was still refused after 1190 s, at try 120: refused at once (400 Denied).")


def test_own_grant_that_the_vault_does_not_learn_of():
    here = live(("PUT", "/roleAssignments/", (201, {})), ("GET", ".vault.azure.net/keys", (403, DENIED)))
    del here.have["officer"]
    assert ask_access.own_grant_time(here).text == "Not within 1200 s: 403 Denied."
    assert "officer" not in here.have


def test_registry_that_goes_on_after_a_revocation():
    here = live()
    here.azure.commands = [Done([], 0, "[]", [], 1.0, [])]
    assert ask_access.revocation_time(here).text == "The list of repositories was still given after 600 s."
    refused = Done([], 1, "", ["No."], 1.0, [Exchange("GET", "https://r/v2/_catalog", 403)])
    here.azure.commands = [Done([], 0, "[]", [], 1.0, []), refused]
    assert ask_access.revocation_time(here).text == "It was refused after 10 s: 403."


@pytest.mark.parametrize(
    ("policies", "text"),
    [
        ([], "It answered 200. The policy is gone."),
        (["Get", "WrapKey"], "It answered 200. The policy is still there, with Get, WrapKey."),
    ],
)
def test_removal_of_a_policy_in_another_case(policies, text):
    left = [{"objectId": "principal-2", "permissions": {"keys": policies}}] if policies else []
    here = live(
        ("PUT", "/accessPolicies/remove", (200, {})),
        ("PUT", "/vaults/", (200, {})),
        ("GET", "/vaults/", (200, {"properties": {"accessPolicies": left, "provisioningState": "Succeeded"}})),
    )
    assert ask_access.policy_case(here).text == text


def test_vault_that_a_policy_of_the_subscription_forbids():
    here = live(("PUT", "/vaults/", (403, {"error": {"code": "RequestDisallowedByPolicy", "message": "No."}})))
    with pytest.raises(NotAsked, match="was refused: 403 RequestDisallowedByPolicy"):
        ask_access.purge_protection(here)


def test_registry_that_accepts_an_unprotected_key_gets_its_own_back():
    here = live(
        ("PUT", "/keys/", (200, {"properties": {"keyUri": OTHER}})),
        ("PUT", "/vaults/", (200, {})),
        ("GET", "/vaults/", (200, {"properties": {}})),
        ("PATCH", "/registries/", (201, {})),
    )
    assert ask_access.purge_protection(here).text == "The key was accepted (201)."
    chosen = here.azure.exchanges[-1].request["properties"]["encryption"]["keyVaultProperties"]
    assert chosen == {"keyIdentifier": KEY, "identity": "client-1"}


def test_disabled_key_that_resource_manager_refuses_and_that_wraps_all_the_same():
    version = f"{KEY}/1"
    disabled = {"error": {"code": "Forbidden", "innererror": {"code": "KeyDisabled"}}}
    here = live(
        ("PUT", "/keys/", (200, {"properties": {"keyUri": KEY, "keyUriWithVersion": version}})),
        ("POST", "/unwrapkey", (403, disabled)),
        ("POST", "/wrapkey", (200, {"value": "abc"})),
        ("PATCH", version, (200, {})),
        ("GET", "/versions?", (200, {"value": [{"properties": {"attributes": {"enabled": False}}}]})),
        ("GET", "Microsoft.KeyVault", (403, disabled)),
    )
    assert ask_keys.disabled_key(here).facts == {
        "Resource Manager, key": "403 Forbidden/KeyDisabled",
        "Resource Manager, version": "403 Forbidden/KeyDisabled",
        "Resource Manager, versions": "200, enabled: false",
        "vault, get": "404 NotFound",
        "vault, wrap": "200",
        "vault, unwrap": "403 Forbidden/KeyDisabled",
        "disabled by": "200",
    }


def provider(namespace: str, state: str, *types: tuple[str, str]) -> dict[str, Any]:
    shown = [
        {"resourceType": name, "apiVersions": ["2020-01-01-preview", version], "locations": ["x"],
         "capabilities": "SupportsTags, SupportsLocation"}
        for name, version in types
    ]  # fmt: skip
    return {"namespace": namespace, "registrationState": state, "resourceTypes": shown}


def test_read_of_what_is_not_registered():
    missing = {"error": {"code": "MissingSubscriptionRegistration"}}
    listed = [
        provider("Microsoft.Here", "Registered", ("things", "2020-01-01")),
        provider("Microsoft.NotHere", "NotRegistered", ("things/parts", "2020-01-01"), ("things", "2021-01-01")),
    ]
    here = live(
        ("GET", "/Microsoft.NotHere/things?api-version=2021-01-01", (409, missing)),
        ("GET", "/providers?", (200, {"value": listed})),
    )
    answer = ask_reads.read_unregistered(here)
    assert answer.facts == {"Microsoft.NotHere/things": "409 MissingSubscriptionRegistration"}
    # The long list is no part of the report.
    assert len(here.azure.exchanges) == 1


def test_nothing_is_asked_where_an_earlier_step_did_not_get_so_far():
    here = live()
    del here.have["encrypted"]
    for ask in (ask_keys.disabled_key, ask_keys.put_rotates, ask_identities.patch_identity, ask_access.refused_key):
        with pytest.raises(NotAsked, match="did not get so far: encrypted"):
            ask(here)


def test_document_has_every_question():
    text = (Path(__file__).parents[2] / "docs" / "live.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `([a-z-]+)`: ", text, re.MULTILINE)
    assert told == [step.id for step in STEPS if isinstance(step, Question)]
