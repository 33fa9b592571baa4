"""The HTML report in Chromium: it asks nobody for anything, and serves eyes, keyboards, screen readers and printers."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from azext_acrcmk.output.fleet_compare import compare
from azext_acrcmk.output.report import render
from tests.unit.output.test_reports import EVIL, HOSTILE, document, finding, row

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = (
    "--disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update "
    "--disable-sync"
)
CHANGES = "Changes since 2026-10-01 08:00 UTC"
HEALTHS = ("healthy", "broken", "attention", "unknown", "notLoaded", "notEncrypted")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium here: apt-get install chromium")


def fleet(size: int) -> dict[str, Any]:
    """A document with all that a report can have."""
    rows = []
    for number in range(size):
        health = HEALTHS[number % len(HEALTHS)]
        found = [finding(), finding("KeyExpiresSoon", "warning", fix=None)] if health == "broken" else []
        each = row(f"registry{number:05}", health, found)
        each["subscriptionName"] = f"Sub {number % 9}"
        each["key"] = f"https://vault{number % 40}.vault.azure.net/keys/key{number % 100}"
        each["expires"] = f"2027-{number % 12 + 1:02}-01T00:00:00+00:00"
        rows.append(each)
    made = document(*rows, not_seen=[("/subscriptions/x", "No permission.")])
    counts = {health: sum(each["health"] == health for each in rows) for health in HEALTHS}
    several = {
        "code": "KeyOfSeveral",
        "severity": "info",
        "subject": rows[0]["key"],
        "message": "All stop.",
        "fix": None,
    }
    now = {
        **made,
        "counts": {"total": size, **counts},
        "fleetFindings": [{**several, "registries": [each["id"] for each in rows[:3]]}],
    }
    return {**now, "comparison": compare(_a_month_before(now), now)}


def _a_month_before(now: dict[str, Any]) -> dict[str, Any]:
    """A report in which all registries but the last are, each in a worse or better health, and one more."""
    others = {"healthy": "broken", "broken": "healthy", "attention": "healthy", "notEncrypted": "healthy"}
    rows = [{**each, "health": others.get(each["health"], "broken"), "findings": []} for each in now["registries"]]
    return {**document(*rows[:-1], row("old")), "generatedAt": "2026-10-01T08:00:00+00:00"}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        flags = [*FLAGS.split(), *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def show(browser, tmp_path):
    """Opens the report of a document from disk. Whatever it asks for or complains of fails the test."""
    pages, complaints = [], []

    def open_report(made: dict[str, Any], **how: Any) -> Page:
        path = tmp_path / "report of a fleet.html"
        path.write_text(render(".html", made, "registries"), encoding="utf-8", errors="replace")
        page = browser.new_page(**how)
        pages.append(page)
        page.on("request", lambda asked: None if asked.url == path.as_uri() else complaints.append(asked.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(dialog.message))
        page.goto(path.as_uri())
        return page

    yield open_report
    for page in pages:
        page.close()
    assert complaints == []


def names(page: Page) -> list[str]:
    return page.locator("#registries tbody button").all_inner_texts()


def violations(page: Page) -> list[tuple[str, str]]:
    found = Axe().run(page).response["violations"]
    return [(each["id"], each["nodes"][0]["html"]) for each in found]


def test_ten_thousand_rows_are_filtered_sorted_and_paged(show):
    page = show(fleet(10_000))
    assert page.locator("#shown").inner_text() == "10000 of 10000 registries"
    assert len(names(page)) == 200
    # The worst first.
    first = page.locator("#registries tbody tr").first.locator("td").all_inner_texts()
    assert (first[0], first[6]) == ("broken", "2027-02-01")
    page.locator("#search").fill("REGISTRY0999")
    assert page.locator("#shown").inner_text() == "10 of 10000 registries"
    page.locator("#health").select_option("healthy")
    assert names(page) == ["registry09990", "registry09996"]
    page.locator("#search").fill("")
    page.locator("#health").select_option("")
    page.locator("#change").select_option("worse")
    assert page.locator("#shown").inner_text() == "5000 of 10000 registries"
    page.locator("#change").select_option("")
    # All that changed is there, and is opened at once.
    worse = page.locator("[aria-label=Worse]")
    assert not worse.is_visible()
    page.locator("summary").first.click()
    assert (worse.is_visible(), worse.locator("tbody tr").count()) == (True, 5000)
    page.locator("summary").first.click()
    heading = page.locator("#registries th[data-name=name]")
    heading.locator("button").click()
    assert (names(page)[0], heading.get_attribute("aria-sort")) == ("registry00000", "ascending")
    heading.locator("button").click()
    assert (names(page)[0], heading.get_attribute("aria-sort")) == ("registry09999", "descending")
    page.locator("#next").click()
    assert (names(page)[0], page.locator("#page").inner_text()) == ("registry09799", "Page 2 of 50")
    page.locator("#previous").click()
    assert page.locator("#previous").is_disabled()


def test_a_row_opens_and_closes_by_mouse_and_keyboard(show):
    page = show(fleet(12))
    page.locator("#search").focus()
    first = page.locator("#registries tbody button").first
    for _ in range(30):
        page.keyboard.press("Tab")
        if first.evaluate("each => each === document.activeElement"):
            break
    page.keyboard.press("Enter")
    assert first.get_attribute("aria-expanded") == "true"
    opened = page.locator("#registries tbody tr").nth(1)
    assert "GrantMissing: It has none." in opened.inner_text()
    assert opened.locator("pre").inner_text() == "az do --it"
    link = opened.get_by_role("link", name="Open in the Azure portal").get_attribute("href")
    assert link.startswith("https://portal.azure.com/#resource/subscriptions/11111111-")
    first.click()
    assert first.get_attribute("aria-expanded") == "false"
    assert len(names(page)) == page.locator("#registries tbody tr").count()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_keeps_anyone_out(show, scheme):
    """By axe, with all opened that can be."""
    page = show(fleet(60), color_scheme=scheme)
    page.locator("#registries tbody button").first.click()
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert violations(page) == []
    back = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert back == {"light": "rgb(255, 255, 255)", "dark": "rgb(27, 26, 25)"}[scheme]


def test_it_is_read_on_a_phone_and_printed(show):
    page = show(fleet(12), viewport={"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert violations(page) == []
    page.emulate_media(media="print")
    assert not page.locator("#search").is_visible()
    assert page.locator("#registries").is_visible()
    assert page.get_by_role("heading", name="This report is partial").is_visible()
    assert page.get_by_role("region", name="Worse").is_visible()


def test_health_is_a_ring_and_a_table_also_where_it_is_printed(show):
    page = show(fleet(60))
    page.emulate_media(media="print")
    ring, table = page.locator(".donut > svg"), page.get_by_role("table", name="Registries by health")
    assert (ring.is_visible(), table.is_visible()) == (True, True)
    rows = [each.split() for each in table.locator("tbody tr").all_inner_texts()]
    said = ", ".join(f"{number} {health}" for health, number, _ in rows)
    assert ring.get_attribute("aria-label") == f"Registries by health: {said}"
    assert sum(int(number) for _, number, _ in rows) == 60
    colors = [each.get_attribute("stroke") for each in ring.locator("circle").all()]
    assert [each.get_attribute("fill") for each in table.locator("rect").all()] == colors


def test_what_changed_is_counted_and_opens_by_keyboard(show):
    """What became worse is open from the beginning where it is not too much to read."""
    page = show(fleet(60))
    section = page.get_by_role("region", name=CHANGES, exact=True)
    counts = section.get_by_role("list", name="Registries by change").get_by_role("listitem").all_inner_texts()
    assert [each.split(maxsplit=1) for each in counts] == [
        ["29", "worse"],
        ["10", "better"],
        ["20", "unclear"],
        ["1", "new"],
        ["1", "not comparable"],
    ]
    worse, better = (section.get_by_role("region", name=name, exact=True) for name in ("Worse", "Better"))
    assert (worse.is_visible(), better.is_visible()) == (True, False)
    first = worse.locator("tbody tr").first.inner_text().split("\t")
    assert (first[0], first[3:6]) == ("registry00001", ["healthy", "broken", "GrantMissing, KeyExpiresSoon"])
    section.locator("summary").nth(1).focus()
    page.keyboard.press("Enter")
    assert better.is_visible()


def test_what_hangs_on_what_is_a_picture_and_a_table(show):
    page = show(fleet(60))
    assert page.locator("svg.tree").get_attribute("aria-label").startswith("Registries by vault and key: vault0 2")
    page.get_by_text("The same as a table").click()
    assert page.get_by_role("cell", name="key0", exact=True).first.is_visible()


def test_hostile_texts_do_nothing(show):
    page = show({**EVIL, "comparison": compare({**document(row()), "generatedAt": HOSTILE}, EVIL)})
    page.locator("#registries tbody button").first.click()
    assert page.locator("script").count() == 2
    assert "<script>alert(1)</script>" in page.locator("#registries tbody").inner_text()
    assert violations(page) == []


def test_its_own_policy_holds_in_a_browser(browser, tmp_path):
    """A script that got into the file all the same is not run."""
    path = tmp_path / "report.html"
    text = render(".html", fleet(3), "registries")
    path.write_text(text.replace("</main>", "<script>document.title = 'run'</script></main>"), encoding="utf-8")
    page = browser.new_page()
    page.goto(Path(path).as_uri())
    assert page.title() == "Customer-managed keys of container registries"
    assert page.locator("#shown").inner_text() == "3 of 3 registries"
    page.close()
