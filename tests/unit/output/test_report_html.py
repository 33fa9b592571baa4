"""The HTML report: nothing of Azure's becomes markup, and nothing runs but its own script."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from azext_acrcmk.output.fleet import listing
from azext_acrcmk.output.fleet_compare import KINDS, compare
from azext_acrcmk.output.report import render
from azext_acrcmk.output.report.changes import in_words
from tests.unit.output.test_reports import EVIL, HOSTILE, MIXED, document, finding, row


class Reader(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page: str):
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.texts: dict[str, str] = {}
        self._in = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._in = dict(attrs).get("id") or tag

    def handle_endtag(self, tag):
        self._in = ""

    def handle_data(self, data):
        self.texts[self._in] = self.texts.get(self._in, "") + data

    def of(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_hostile_texts_stay_texts():
    page = Reader(render(".html", EVIL, "registries"))
    assert len(page.of("script")) == 2
    assert json.loads(page.texts["data"])[0]["name"] == HOSTILE


def changed(text: str) -> dict:
    each = {"id": text, "before": None, "now": "broken", "appeared": [text], "disappeared": [text]}
    return {"since": text, **{kind: [each] for kind in KINDS}}


@given(st.text())
def test_whatever_the_text_the_page_has_the_same_elements(text):
    def tags(text: str) -> list[str]:
        made = document(row(text, findings=[finding(message=text, fix=text)]), not_seen=[(text, text)])
        made["fleetFindings"] = [{"code": text, "message": text, "subject": text, "registries": [text]}]
        made["comparison"] = changed(text)
        return [tag for tag, _ in Reader(render(".html", made, "registries")).tags]

    assert tags(text) == tags("plain")


def test_the_policy_lets_run_only_what_is_in_the_page():
    text = render(".html", MIXED, "registries")
    page = Reader(text)
    (policy,) = [each["content"] for each in page.of("meta") if each.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not [each for _, each in page.tags if {"src", "href", "style", "onclick", "onload"} & set(each)]


def test_what_is_not_known_is_said_on_the_page():
    assert "This report is partial" in render(".html", MIXED, "registries")
    assert "/subscriptions/x: No permission." in render(".html", MIXED, "registries")
    assert "This report is partial" not in render(".html", document(row()), "registries")


def test_what_changed_is_on_the_page_only_where_something_was_compared():
    before = document(
        row("one", "healthy"), row("two", "attention", MIXED["registries"][1]["findings"]), row("four", "unknown")
    )
    compared = {**MIXED, "comparison": compare({**before, "generatedAt": "2026-10-01T08:00:00+00:00"}, MIXED)}
    text = render(".html", compared, "registries")
    assert "Changes since 2026-10-01 08:00 UTC" in text
    assert "<strong>1</strong> worse" in text
    worse = (
        '<th scope="row">one</th><td>Sub</td><td>rg</td><td>healthy</td><td>broken</td><td>GrantMissing</td><td></td>'
    )
    assert worse in text
    # The later report is partial, so what is missing in it need not be gone.
    assert "<strong>1</strong> not comparable" in text
    assert '<th scope="row">four</th><td>Sub</td><td>rg</td><td>unknown</td><td>not listed</td>' in text
    assert "also of those that are not listed" not in text
    assert "also of those that are not listed" in render(".html", listing(compared, ["healthy"]), "registries")
    same = {**MIXED, "comparison": compare(MIXED, MIXED)}
    assert "Nothing has changed." in render(".html", same, "registries")
    for silent in (MIXED, same):
        assert 'id="change"' not in render(".html", silent, "registries")
    assert "Changes since" not in render(".html", MIXED, "registries")


def test_a_page_without_registries_or_findings_has_no_empty_charts():
    text = render(".html", {**document(), "counts": {"total": 0}}, "registries")
    assert "<strong>0</strong> registries" in text
    assert "<figure" not in text
    assert "<p>None.</p>" in text
    assert "<strong>1</strong> registry<" in render(".html", document(row("one", "healthy")), "registries")


def test_the_gravest_findings_come_first_and_none_is_left_out():
    errors, info = [finding(f"Error{number:02}") for number in range(14)], finding("KeyShared", "info")
    one = row("one", findings=[*errors, info, finding("KeyUnknown", status="unknown")])
    text = render(".html", document(one, row("two", findings=[info])), "registries")
    codes = re.findall(r'<th scope="row">(\w+) \((\w+)\)</th><td>(\d)</td>', text)
    assert codes[:14] == [(f"Error{number:02}", "error", "1") for number in range(14)]
    assert codes[14:] == [("KeyUnknown", "unknown", "1"), ("KeyShared", "info", "2")]
    assert "<summary>4 more</summary>" in text


def test_a_time_is_in_words_if_it_is_one():
    for said, words in (("2026-11-01T08:00:59+02:00", "2026-11-01 06:00 UTC"), ("yesterday", "yesterday")):
        assert in_words(said) == words
    for other in ("0001-01-01T00:00:00+14:00", "2026-11-01T08:00:59"):
        assert in_words(other) == other


def test_two_subscriptions_of_one_name_are_two():
    ids = [f"{each * 8}-0000-4000-8000-000000000000" for each in "12"]
    text = render(".html", document(row("a", subscription=ids[0]), row("b", subscription=ids[1])), "registries")
    for each in ids:
        assert f'<th scope="row">Sub ({each})</th><td>1</td>' in text


def test_the_page_says_what_was_asked_for():
    def said(subscriptions, groups, resource_group=None):
        asked = {"subscriptions": subscriptions, "managementGroups": groups, "resourceGroup": resource_group}
        return render(".html", {**MIXED, "scope": asked}, "registries")

    assert "depth key. All subscriptions that could be read, resource group &lt;g&gt;." in said([], [], "<g>")
    assert "Management group mine." in said([], ["mine"])
    assert "Subscriptions a, b, c and 1 more." in said(list("abcd"), [])


def test_ten_thousand_registries_are_data_and_not_rows():
    text = render(".html", document(*(row(f"r{number}", "healthy") for number in range(10_000))), "registries")
    assert text.count("<tr>") < 20
    assert len(text) < 8_000_000
