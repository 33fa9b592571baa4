"""A change that Azure accepts and that no read shows is an error of `revoke` and `restore`, not a success."""

from __future__ import annotations

import pytest

from tests.harness.revoke import BY_KEY, RESTORE, REVOKE, pulled
from tests.harness.seed import KEY

# The wait for a read to show the change, a minute, is over in a fraction of a second.
FAST = 300
MADE = {"status": 201, "body": {"id": "lost", "properties": {}}}
SET = {"status": 200, "body": {"key": {"kid": f"https://x.vault.azure.net/keys/{KEY}/{'a' * 32}"}, "attributes": {}}}


@pytest.mark.parametrize(
    ("before", "command", "lost", "answer", "shown", "pull"),
    [
        (
            [],
            f"{REVOKE} --yes",
            ("DELETE", "roleAssignments/"),
            {"status": 200, "body": {}},
            "a read still shows the role",
            200,
        ),
        ([], BY_KEY, ("PATCH", f"/keys/{KEY}/"), SET, "is enabled", 200),
        (
            [f"{REVOKE} --yes"],
            RESTORE,
            ("PUT", "roleAssignments/"),
            MADE,
            "not everything that was revoked is granted again",
            403,
        ),
        ([BY_KEY], RESTORE, ("PATCH", f"/keys/{KEY}/"), SET, "is disabled", 403),
    ],
    ids=["revoke", "revoke-by-key", "restore", "restore-by-key"],
)
def test_what_does_not_show_fails_and_a_second_run_makes_it_good(
    azure, az, seed, officer, before, command, lost, answer, shown, pull
):
    seed.encrypted()
    for each in before:
        az(each).ok()
    azure.fault("status", method=lost[0], path=lost[1], times=100, **answer)
    failed = az(command, pace=FAST)
    assert failed.code == 1
    for words in ("Azure accepted the", shown, "run the same command again"):
        assert words in failed.err.replace("Run", "run")
    if "role" not in shown:
        for words in (
            "a read still does not show it",
            "Completed so far",
            "az acr cmk check --name myregistry --subscription",
        ):
            assert words in failed.err
    assert pulled(azure) == pull
    azure.clear_faults()
    az(command).ok()
    assert pulled(azure) != pull
