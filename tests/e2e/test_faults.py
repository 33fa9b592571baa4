"""Every request meets every fault: a command ends well, or with a clear error from which a second run ends well."""

from __future__ import annotations

import pytest

from tests.harness.scenarios import CHANGES, SCENARIOS, picture, undisturbed

# All but the sign-in: it knows no such answers, and one that hangs goes on in a thread (see test_sign_in.py).
AZURE = "^(?!login)"


def refused(status, code, **headers):
    return {
        "action": "status",
        "status": status,
        "body": {"error": {"code": code, "message": code}},
        "headers": headers,
    }


FAULTS = {
    "throttled": refused(429, "TooManyRequests", **{"Retry-After": "2"}),
    "internal-error": refused(500, "InternalServerError"),
    "unavailable": refused(503, "ServiceUnavailable"),
    "reset-before": {"action": "reset-before"},
    "reset-after": {"action": "reset-after"},
    "conflict": {"method": CHANGES, "path": AZURE, **refused(409, "Conflict")},
    "token-refused": {"path": AZURE, **refused(401, "ExpiredAuthenticationToken")},
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_every_request_meets_it_once(azure, many_az, prepared, scenario, fault, record_property):
    survived(azure, many_az, prepared, scenario, FAULTS[fault])
    met = [entry for entry in azure.log() if entry["status"] in (None, FAULTS[fault].get("status"))]
    assert met
    record_property("survived", f"{scenario}, {fault}: met by {len(met)} requests")


@pytest.mark.parametrize("fault", ["hang", "hang-after"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_every_request_times_out_once(azure, impatient_az, prepared, scenario, fault, record_property):
    """Each is waited for in vain for a while, so those that read, where the two are the same, meet one of them."""
    method = {"method": CHANGES} if fault == "hang-after" else {}
    survived(azure, impatient_az, prepared, scenario, {"action": fault, "path": AZURE, **method})
    met = [entry for entry in azure.log() if entry.get("held")]
    assert met
    record_property("survived", f"{scenario}, {fault}: met by {len(met)} requests")


@pytest.mark.parametrize("fault", ["throttled", "unavailable", "reset-after"])
def test_as_a_shell_starts_it(azure, az, prepared, fault):
    """At the pace of the wall clock, so it meets fewer."""
    scenario = SCENARIOS[0]
    expected = undisturbed(azure, prepared, scenario, lambda each: az(each.command))
    azure.fault(method="PUT", path="(identities|keys)/myregistry-cmk$", each=True, **FAULTS[fault])
    az(scenario.command, fresh=True).ok()
    assert picture(azure) == expected


def survived(azure, many_az, prepared, scenario, fault):
    expected = undisturbed(azure, prepared, scenario, lambda each: many_az(each.command.split()))
    azure.fault(each=True, **fault)
    until_well(many_az, scenario)
    azure.clear_faults()
    assert picture(azure) == expected


def until_well(many_az, scenario, most=50):
    """Runs it until it ends well, and sees that it tells clearly why it did not."""
    for _ in range(most):
        result = many_az(scenario.command.split())
        if result.code == 0:
            return
        assert result.err.count("ERROR: ") == 1, result
        assert "Traceback" not in result.err
        assert "unexpected error" not in result.err
    raise AssertionError(f"Not well after {most} runs:\n{result}")
