"""Nothing in a report says whose Azure it was: what is known or looks like it is replaced, and looked for again."""

from __future__ import annotations

import json

import pytest

from live.azure import Exchange
from live.redaction import REMOVED, Redactor, leaks
from live.removal import Left
from live.report import NotRedacted, as_markdown, make_report, write_report
from live.steps import Answer, Question, Result

SUBSCRIPTION = "1f0bd8f3-6d3e-4b5c-9c7a-0a3f2f6b7c11"
OBJECT = "5b9a2c4e-1111-4f2a-8a3b-9d8e7f6a5b4c"
TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJvaWQiOiJhYmMifQ.c2lnbmF0dXJl_x-y"
KNOWN = {SUBSCRIPTION: "<subscription>", "acrcmklive1a2b3c": "<registry>", "Contoso Production": "<subscription-name>"}
MODULUS = "sN0-3dKQ7Xh2vGm5b1Zr9Yt4Wc8Lf6Jp0Aq2Se7Ux5Oi3Nk1HgD9"


@pytest.fixture
def redactor():
    return Redactor(KNOWN)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"/subscriptions/{SUBSCRIPTION.upper()}/x", "/subscriptions/<subscription>/x"),
        ("/resourceGroups/keys-prod/providers", "/resourceGroups/<other>/providers"),
        (f"oid={OBJECT};iss=https://sts.windows.net/{OBJECT}/", "oid=<id-1>;iss=https://sts.windows.net/<id-1>/"),
        ("https://ACRCMKLIVE1a2b3c.azurecr.io/v2/", "https://<registry>.azurecr.io/v2/"),
        (
            "https://contoso-hr.vault.azure.net/keys/payroll/" + "ab" * 16,
            "https://<other>.vault.azure.net/keys/<other>/<hex-1>",
        ),
        (
            "https://x.vault.azure.net/keys/live-other/" + "ab" * 16,
            "https://<other>.vault.azure.net/keys/live-other/<hex-1>",
        ),
        ("The client 'jane.doe+x@contoso.co.uk' with object id", "The client '<mail>' with object id"),
        (f"$filter=principalId%20eq%20%27{OBJECT}%27", "$filter=principalId%20eq%20%27<id-1>%27"),
        ("$filter=mail%20eq%20%27jane%40contoso.com%27", "$filter=mail%20eq%20%<mail>%27"),
        ("Subscription 'Contoso Production'", "Subscription '<subscription-name>'"),
        ("contoso.onmicrosoft.com", "<domain>"),
        ("Client address: 203.0.113.77.", "Client address: <address>."),
        ("from 2001:db8:85a3:0:0:8a2e:370:7334", "from <address>"),
        (f"Authorization: Bearer {TOKEN}", "Authorization: Bearer <token>"),
        ("Bearer eyJhbGciOiJIU...", "Bearer <token>"),
        (f'"n": "{MODULUS}"', f'"n": "{REMOVED}"'),
        (
            "Resource 'r' was disallowed by policy. Policy identifiers: '[{\"name\":\"Deny for Contoso\"}]'.",
            f"Resource 'r' was disallowed by policy. Policy identifiers: {REMOVED}.",
        ),
        ("Microsoft.Management/managementGroups/contoso", "Microsoft.Management/managementGroups/<other>"),
    ],
)
def test_what_says_whose_it_was_is_replaced(redactor, text, told):
    assert redactor.text(text) == told
    assert redactor.leaks(told) == []


@pytest.mark.parametrize(
    "text",
    [
        "Microsoft.KeyVault/vaults/keys/read",
        "https://aka.ms/acr/cmk",
        "2026-11-28T06:36:17.6833960Z",
        "Microsoft.ContainerRegistry/registries?api-version=2026-09-01-preview",
        "/providers/Microsoft.Authorization/roleDefinitions/14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
        "Failed to access KeyId. Verify that identity has 'Get, Wrap Key, Unwrap Key' permission on key.",
        "azure-cli 2.91.0, RSA-OAEP-256, CustomizedRecoverable",
    ],
)
def test_what_azure_says_of_itself_stays(redactor, text):
    assert redactor.text(text) == text
    assert redactor.leaks(text) == []


def test_same_id_is_the_same_number_all_through(redactor):
    other = OBJECT.replace("5b", "6c")
    assert redactor.json([OBJECT, {"a": [other, OBJECT.upper()]}]) == ["<id-1>", {"a": ["<id-2>", "<id-1>"]}]


def test_names_of_members_are_replaced_too_and_private_ones_dropped(redactor):
    private = {"n": "short", "value": "c2VjcmV0", "systemData": {"createdBy": "jane"}}
    told = {"/subscriptions/<subscription>": {}} | dict.fromkeys(private, REMOVED)
    assert redactor.json({f"/subscriptions/{SUBSCRIPTION}": {}} | private) == told
    assert redactor.json({"value": [{"name": "kept"}]}) == {"value": [{"name": "kept"}]}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (OBJECT, "id"),
        ("ab" * 16, "hex"),
        (TOKEN, "token"),
        (MODULUS, "long"),
        ("jane@contoso.com", "mail"),
        ("jane%40contoso.com", "mail"),
        ("contoso.onmicrosoft.com", "domain"),
        ("203.0.113.77", "address"),
        ("contoso.vault.azure.net", "host"),
        ("CONTOSO production", "name"),
    ],
)
def test_second_look_finds_each_kind(text, kind):
    assert kind in leaks(f"before '{text}' after", KNOWN)


class Careless(Redactor):
    """One that has forgotten how to find mail addresses."""

    def text(self, text: str) -> str:
        return text


def result(answer: str, *exchanges: Exchange) -> Result:
    question = Question("some-question", "What?", "That.", lambda live: Answer(""))
    return Result(question, "answered", Answer(answer), exchanges=list(exchanges))


def test_step_that_would_tell_something_all_the_same_tells_less():
    leaky = Exchange("GET", "https://example.com", 403, answer={"by": "jane@contoso.com"})
    report = make_report([result("It was refused.", leaky), result("Asked jane@contoso.com.")], [], {}, Careless({}))
    first, second = report["steps"]
    assert (first["answer"], first["exchanges"]) == ("It was refused.", REMOVED)
    assert (second["answer"], second["id"]) == (REMOVED, "some-question")


def test_no_report_is_better_than_one_that_tells(tmp_path):
    with pytest.raises(NotRedacted, match="mail"):
        make_report([], [Left("Key vault of jane@contoso.com")], {}, Careless({}))
    report = make_report([result("Yes.")], [], {}, Redactor({}))
    report["left"] = ["jane@contoso.com"]
    with pytest.raises(NotRedacted, match="mail"):
        write_report(report, tmp_path / "report", Redactor({}))
    assert list(tmp_path.iterdir()) == []


def test_what_repeats_is_told_once_and_what_is_long_is_cut_after_it_was_redacted():
    polled = [Exchange("GET", "https://example.com/a", 200)] * 3
    filler = "x " * 1_990
    long = Exchange("GET", "https://example.com/b", 200, answer={"text": f"{filler} {OBJECT} {OBJECT}"})
    report = make_report([result("Yes.", *polled, long)], [], {}, Redactor({}))
    first, second = report["steps"][0]["exchanges"]
    assert (first["times"], second["times"]) == (3, 1)
    assert len(second["answer"]) < 4_100
    assert OBJECT[:8] not in json.dumps(report)


def test_markdown_has_questions_answers_and_what_is_left():
    report = make_report([result("Yes.")], [Left("Key vault", "Friday")], {"location": "westus"}, Redactor({}))
    text = as_markdown(report)
    for words in ("### some-question", "What?", "Believed: That.", "**answered**: Yes.", "- Key vault, until Friday."):
        assert words in text
