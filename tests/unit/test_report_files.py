"""Files of reports: read as what they must be, written whole or not at all."""

import json

import pytest
from azure.cli.core.azclierror import AzCLIError

from azext_acrcmk._validators import _check_report
from azext_acrcmk.operations.report_files import read_report, write_all, write_reports
from azext_acrcmk.output.fleet_compare import compare
from tests.unit.output.test_reports import MIXED, document, row

COMPARED = {**MIXED, "comparison": compare(document(row("one", "healthy"), row("four", "broken")), MIXED)}


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "fleet.json"
    write_all([(str(path), json.dumps(MIXED))])
    assert read_report(str(path)) == MIXED
    assert [each.name for each in tmp_path.iterdir()] == ["fleet.json"]


def test_a_report_of_what_changed_is_read_too(tmp_path):
    path = tmp_path / "fleet.json"
    path.write_text(json.dumps(COMPARED))
    assert read_report(str(path)) == COMPARED


def test_where_one_can_not_be_written_none_is(tmp_path):
    old = tmp_path / "old.csv"
    old.write_text("before")
    with pytest.raises(AzCLIError, match="Could not write"):
        write_all([(str(old), "after"), (str(tmp_path / "nosuch" / "x.csv"), "x")])
    assert old.read_text() == "before"
    assert list(tmp_path.iterdir()) == [old]


def test_one_that_is_there_stays_where_it_is_for_whom_it_is(tmp_path):
    """Through a link, with a name as long as a name can be."""
    old, link = tmp_path / f"{'x' * 250}.csv", tmp_path / "link.csv"
    old.write_text("before")
    old.chmod(0o600)
    link.symlink_to(old)
    write_all([(str(link), "after")])
    assert (old.read_text(), old.stat().st_mode & 0o777, link.is_symlink()) == ("after", 0o600, True)
    assert sorted(tmp_path.iterdir()) == sorted([old, link])


class Context:
    """Of the CLI: what it calls once the result is written."""

    def register_event(self, _name, handler):
        self.then = handler

    def unregister_event(self, _name, handler):
        assert handler is self.then


def test_where_one_can_not_be_written_after_all_the_command_fails_after_its_result(tmp_path, caplog):
    context = Context()
    write_reports(context, [(str(tmp_path / "nosuch" / "x.csv"), "x")])
    assert "Could not write the reports" in caplog.text
    with pytest.raises(SystemExit):
        context.then(context)


@pytest.mark.parametrize("path", ["/proc/x.md", "/sys/x.md"])
def test_a_directory_in_which_nothing_can_be_written_is_told_at_once(path):
    with pytest.raises(AzCLIError, match="can't be written"):
        _check_report(path, (".md",))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "[" * 100_000,
        json.dumps({**MIXED, "schema": "other"}),
        json.dumps({**MIXED, "registries": [1]}),
        json.dumps({**MIXED, "registries": [{**MIXED["registries"][0], "health": "fine"}]}),
        json.dumps({**MIXED, "registries": [{**MIXED["registries"][0], "findings": [{}]}]}),
        json.dumps({**MIXED, "registries": [{**MIXED["registries"][0], "expires": 2027}]}),
        json.dumps({**MIXED, "registries": [{k: v for k, v in MIXED["registries"][0].items() if k != "key"}]}),
        json.dumps({**MIXED, "listed": 1}),
        json.dumps({**MIXED, "counts": {}}),
        json.dumps({**MIXED, "counts": {"total": "3"}}),
        json.dumps({**MIXED, "notSeen": [{"what": 1}]}),
        json.dumps({**MIXED, "portal": "javascript:alert(1)//"}),
        json.dumps({**MIXED, "fleetFindings": [{"code": "KeyOfSeveral"}]}),
        json.dumps({**MIXED, "comparison": []}),
        json.dumps({**MIXED, "comparison": {**COMPARED["comparison"], "since": 1}}),
        json.dumps({**MIXED, "comparison": {**COMPARED["comparison"], "gone": ["/subscriptions/x"]}}),
        json.dumps({**MIXED, "comparison": {**COMPARED["comparison"], "new": [{"id": "x", "before": "fine"}]}}),
    ],
)
def test_anything_else_is_refused(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(AzCLIError):
        read_report(str(path))


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(AzCLIError, match="Could not read"):
        read_report(str(tmp_path / "nosuch.json"))
