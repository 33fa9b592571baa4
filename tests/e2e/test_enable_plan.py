"""What the command says before and while it acts: --what-if, the question, progress, and what runs side by side."""

from __future__ import annotations

import pytest

from tests.harness.seed import ENABLE, IDENTITY, KEY, LOCATION, REGISTRY, VAULT, changes, outcomes

STEPS = ["group", "identity", "vault", "key", "grant", "registry"]


def test_what_if_returns_the_plan_and_changes_nothing(azure, az):
    plan = az(f"{ENABLE} -l {LOCATION} --what-if").json()
    assert changes(azure) == []
    assert [(row["step"], row["symbol"], row["action"]) for row in plan] == [(step, "+", "create") for step in STEPS]
    assert [row["step"] for row in plan if row["irreversible"]] == ["vault", "registry"]
    assert [row["resource"] for row in plan[1:3]] == [str(IDENTITY), str(VAULT)]
    assert all(row["reason"] for row in plan)
    assert set(plan[0]) == {"step", "symbol", "action", "resource", "reason", "irreversible"}


def test_what_if_of_a_goal_that_is_reached_has_nothing_to_do(azure, az, seed):
    seed.encrypted()
    assert {(row["symbol"], row["action"]) for row in az(f"{ENABLE} -w").json()} == {("=", "reuse")}


@pytest.mark.parametrize("reached", [False, True])
def test_what_if_as_a_table_fits_the_screen(azure, az, seed, reached):
    if reached:
        seed.encrypted()
    table = az(f"{ENABLE} --what-if -o table").ok().out
    head, *rows = table.splitlines()
    assert head.split() == ["Symbol", "Action", "Resource", "Irreversible", "Reason"]
    assert max(len(line) for line in table.splitlines()) <= 120
    assert len([row for row in rows if row.startswith("=" if reached else "+")]) >= 5


def test_what_if_asks_nothing(azure, az, seed):
    seed.vault(enablePurgeProtection=None)
    (row,) = [row for row in az(f"{ENABLE} -w").json() if row["step"] == "purge-protection"]
    assert (row["symbol"], row["action"], row["irreversible"]) == ("~", "update", True)
    assert changes(azure) == []


def test_what_if_finds_what_stands_in_the_way(azure, az, seed):
    seed.registry()
    assert az(f"{ENABLE} -w").code == 1


def test_the_result_as_a_table_is_the_steps(azure, az, seed):
    table = az(f"{ENABLE} -o table").ok().out
    head, _, *rows = table.splitlines()
    assert head.split() == ["Step", "Resource", "Outcome", "Seconds"]
    assert [row.split()[0] for row in rows] == STEPS
    assert max(len(line) for line in table.splitlines()) <= 120


def test_purge_protection_is_not_turned_on_unasked(azure, az, seed):
    seed.vault(enablePurgeProtection=None)
    refused = az(ENABLE)
    assert refused.code == 1
    assert "--yes" in refused.err
    assert changes(azure) == []


def test_says_one_line_a_step(azure, az, seed):
    lines = az(ENABLE).ok().err.splitlines()
    assert lines[0].startswith("= Using resource group rg")
    assert sorted(lines[1:3]) == [
        f"+ Creating identity {IDENTITY.name}",
        f"+ Creating key vault {VAULT.name} (irreversible)",
    ]
    assert sorted(lines[3:5]) == [f"+ Creating key {VAULT.name}/{KEY}", f"+ Granting access to key vault {VAULT.name}"]
    assert lines[5:] == ["+ Creating registry myregistry (irreversible)"]


@pytest.mark.parametrize(
    ("options", "environment"), [("--only-show-errors", {}), ("", {"AZURE_CORE_DISABLE_PROGRESS_BAR": "true"})]
)
def test_says_nothing_where_told_so(azure, az, seed, options, environment):
    assert az(f"{ENABLE} {options}", environment=environment).ok().err == ""


def test_says_each_step_in_words_with_verbose(azure, az, seed):
    err = az(f"{ENABLE} --verbose").ok().err
    assert f"Creating key vault {VAULT}: Key vault (standard, Azure RBAC) with purge protection" in err
    assert f"Creating registry {REGISTRY}: Premium registry encrypted with the key" in err
    assert "Step 'registry' ended after" in err


def test_identity_and_vault_are_made_side_by_side(azure, az, seed):
    azure.settings(identity_answer_seconds=0.5, vault_answer_seconds=0.5)
    az(ENABLE).ok()
    assert overlap(azure, IDENTITY.name, VAULT.name)


def test_key_and_grant_are_made_side_by_side(azure, az, seed):
    azure.settings(key_answer_seconds=0.5)
    azure.fault("delay", method="PUT", path="roleAssignments", seconds=0.5)
    result = az(ENABLE).json()
    assert overlap(azure, f"keys/{KEY}", "roleAssignments/")
    assert list(outcomes(result)) == STEPS


def overlap(azure, *names: str) -> bool:
    """Whether each of the PUTs began before the other was answered."""
    one, other = (
        next(each for each in azure.log() if each["method"] == "PUT" and name in "/".join(each["path"].split("/")[-2:]))
        for name in names
    )
    ends = [each["time"] + each["seconds"] for each in (one, other)]
    return one["time"] < ends[1] and other["time"] < ends[0]
