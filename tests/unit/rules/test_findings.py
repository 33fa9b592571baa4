from dataclasses import replace
from datetime import timedelta

import pytest

from azext_acrcmk.model.state import Encryption
from azext_acrcmk.output.documents import registry_document
from azext_acrcmk.rules import examine
from azext_acrcmk.rules.catalogue import CATALOGUE
from tests.harness import make
from tests.harness.encrypted import HEALTHY, HIDDEN, changed
from tests.harness.findings import CASES, newer, used


def test_a_good_registry_is_healthy_and_has_no_findings():
    health = examine(HEALTHY, make.NOW)
    assert health.status == "healthy"
    # A key that never expires is only remarked.
    assert [finding.code for finding in health.findings if finding.status != "passed"] == ["KeyNeverExpires"]


@pytest.mark.parametrize(
    ("code", "status", "changes"), CASES, ids=[f"{code}-{n}" for n, (code, _, _) in enumerate(CASES)]
)
def test_findings(code, status, changes):
    health = examine(changed(**changes), make.NOW)
    found = next(finding for finding in health.findings if finding.code == code)
    assert health.status == status
    hidden = code.endswith("Unknown") or code == "SecuredByPerimeter"
    assert found.status == ("unknown" if hidden else "failed")
    assert found.message[0].isupper() or found.message[0] == "'"
    assert found.fix is None or found.fix.startswith("az ")


def test_every_rule_is_among_them():
    assert {code for code, _, _ in CASES} == {each.code for each in CATALOGUE}


def test_a_registry_that_is_being_created_is_not_yet_said_to_be_without_a_key():
    state = changed(registry__encryption=Encryption("disabled"), registry__provisioning_state="Creating")
    health = examine(state, make.NOW)
    assert (health.status, [(each.code, each.status, each.fix) for each in health.findings]) == (
        "unknown",
        [("NotEncrypted", "unknown", None)],
    )


def test_a_pinned_registry_that_is_behind():
    state = make.reached(make.goal(rotation="manual"))
    state = replace(state, key=replace(state.key, id=state.key.id.with_version(make.NEWER)))
    codes = {finding.code for finding in examine(state, make.NOW).findings if finding.status == "failed"}
    assert codes >= {"NotLatestVersion", "ManualRotation"}
    assert "RotationLag" not in codes


@pytest.mark.parametrize("rotation", ["auto", "manual"])
def test_a_latest_version_that_cannot_be_taken_is_not_said_to_be_taken_at_once(rotation):
    state = replace(make.reached(make.goal(rotation=rotation)), key=newer(enabled=False))
    found = {each.code: each for each in examine(state, make.NOW).findings if each.status == "failed"}
    assert not found.keys() & {"RotationLag", "NotLatestVersion"}
    # It may have been disabled because it leaked, so enabling it is not advised.
    assert found["LatestVersionUnusable"].fix.startswith("az acr cmk rotate --name myregistry")


def test_the_fix_of_missing_operations_takes_none_away():
    operations = frozenset({"wrapkey", "verify", "sign"})
    for state in (changed(version_in_use=used(operations=operations)), changed(key=newer(operations=operations))):
        (fix,) = (each.fix for each in examine(state, make.NOW).findings if each.fix and "--ops" in each.fix)
        assert fix.endswith("--ops wrapKey unwrapKey sign verify")


def test_the_latest_version_does_not_stand_for_another_that_is_in_use_and_cannot_be_read():
    state = changed(key__id=HEALTHY.key.id.with_version(make.NEWER), version_in_use=HIDDEN)
    health = examine(state, make.NOW)
    assert health.status == "unknown"
    assert make.VERSION in next(each.message for each in health.findings if each.code == "KeyUnknown")
    key = registry_document(state, make.NOW)["key"]
    assert (key["latestVersion"], key["enabled"], key["expires"]) == (make.NEWER, None, None)


def test_the_latest_version_stands_for_the_one_in_use_where_it_is_the_same():
    state = changed(version_in_use=HIDDEN)
    assert examine(state, make.NOW).status == "healthy"
    assert registry_document(state, make.NOW)["key"]["enabled"] is True


def test_an_expiry_far_away_is_no_finding():
    state = changed(version_in_use=used(expires=make.NOW + timedelta(days=31)))
    assert examine(state, make.NOW).status == "healthy"
    assert examine(state, make.NOW, expiry_days=31).status == "attention"


def test_the_gravest_comes_first():
    health = examine(changed(key__rotation_policy=None, vault__purge_protection=False, roles=()), make.NOW)
    failures = [finding.severity for finding in health.findings if finding.status == "failed"]
    assert failures == ["error", "warning", "info", "info"]
    assert [finding.status for finding in health.findings[:4]] == ["failed"] * 4
