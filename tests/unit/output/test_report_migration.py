"""The report of a migration shows what Azure says as text, in both forms."""

from __future__ import annotations

from html.parser import HTMLParser

from azext_acrcmk.output.report.migration import MOST, migration_html, migration_markdown
from tests.unit.test_format_migrate import DONE

ODD = "<script>alert(1)</script> | `x` *y* [z](http://e)"
STEPS = [{"what": ODD, "command": "az acr x --name 'y'"}]
DOCUMENT = {
    **DONE,
    "differences": [{**DONE["differences"][0], "what": ODD}] * (MOST + 1),
    "cutOver": {**DONE["cutOver"], "notSeen": ODD, "steps": STEPS, "goBack": STEPS},
}


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags: set[str] = set()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)


def test_html_has_no_markup_of_azure():
    page = migration_html(DOCUMENT)
    seen = Tags()
    seen.feed(page)
    assert "script" not in seen.tags
    assert "a" not in seen.tags
    assert "&lt;script&gt;" in page
    assert "az acr x --name &#x27;y&#x27;" in page


def test_markdown_has_no_markup_of_azure():
    page = migration_markdown(DOCUMENT)
    assert "<script>" not in page
    assert r"\<script\>alert(1)\</script\> \| \`x\` \*y\*" in page
    assert "   az acr x --name 'y'\n" in page
    assert "And 1 more" in page


def test_both_say_whether_it_was_verified():
    for write in (migration_html, migration_markdown):
        assert "NO: see below" in write(DONE)
        assert "digests, tags and sizes are the same" in write({**DONE, "verified": True})
        assert "Different" in write(DONE)
