"""The result of `list`: rows, counts, and what only a fleet as a whole shows."""

from dataclasses import replace
from datetime import datetime, timezone

import pytest

from azext_acrcmk._format import list_table
from azext_acrcmk.model.defaults import HEALTHS
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.model.state import Encryption, State, Unknown
from azext_acrcmk.output.fleet import FleetReport, fails, fleet_document, listing, said_of_missing, unseen_parts
from azext_acrcmk.output.fleet_compare import compare
from azext_acrcmk.rules import examine
from tests.harness import make
from tests.harness.encrypted import HEALTHY, encrypted

NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)


def named(name: str, **changes) -> State:
    registry = HEALTHY.registry
    own = ArmId(registry.id.subscription, registry.id.group, registry.id.type, name)
    return replace(HEALTHY, registry=replace(registry, id=own, **changes), sharing=())


def document(*states: State, not_seen=()) -> dict:
    report = FleetReport(NOW, "key", {}, not_seen=list(not_seen))
    for state in states:
        report.add(state, examine(state, NOW))
    return fleet_document(report)


PLAIN = Encryption("disabled")
FINDING = {"code", "severity", "status", "subject", "message", "fix"}


def test_the_worst_come_first_and_all_are_counted():
    broken = replace(named("bbb"), roles=())
    result = document(named("aaa"), broken, named("ccc", encryption=PLAIN))
    assert [row["name"] for row in result["registries"]] == ["bbb", "ccc", "aaa"]
    assert result["counts"]["total"] == 3
    assert (result["counts"]["broken"], result["counts"]["notEncrypted"]) == (1, 1)
    assert result["registries"][0]["findings"][0]["code"] == "GrantMissing"
    assert result["partial"] is False


def test_a_row_has_all_that_one_wants_to_know_of_a_registry():
    expires = datetime(2026, 11, 20, tzinfo=timezone.utc)
    used = replace(encrypted(pinned=True, behind=True), roles=())
    used = replace(used, version_in_use=replace(used.version_in_use, expires=expires))
    report = FleetReport(NOW, "key", {used.registry.id.subscription: "Images"})
    report.add(used, examine(used, NOW))
    (row,) = fleet_document(report)["registries"]
    assert row.pop("health") == "broken"
    assert "GrantMissing" in [each["code"] for each in row["findings"]]
    assert all(each.keys() == FINDING for each in row.pop("findings"))
    assert row == {
        "id": str(used.registry.id),
        "name": "myregistry",
        "subscription": make.SUBSCRIPTION,
        "subscriptionName": "Images",
        "resourceGroup": "images",
        "location": "westeurope",
        "sku": "Premium",
        "key": used.key.id.versionless,
        "versionInUse": make.VERSION,
        "upToDate": False,
        "expires": "2026-11-20T00:00:00+00:00",
        "rotation": "manual",
        "vault": str(used.vault.id),
        "vaultLocation": "westeurope",
        "identity": str(used.identity.id),
    }


def test_what_only_the_fleet_shows_names_its_registries():
    found = {each["code"]: each for each in document(named("two"), named("one"))["fleetFindings"]}
    assert found["KeyOfSeveral"] == {
        "code": "KeyOfSeveral",
        "severity": "info",
        "subject": HEALTHY.registry.encryption.key.versionless,
        "message": "2 registries use this key: all stop working without it.",
        "fix": None,
        "registries": [str(named(name).registry.id) for name in ("one", "two")],
    }


def test_what_is_not_seen_is_said_in_the_table_too():
    result = listing(document(named("aaa"), not_seen=[("/subscriptions/x", "No permission.")]), ["broken"])
    assert result["listed"] == ["broken"]
    assert result["partial"] is True
    assert ends(result) == [("total", "1 registry: 1 healthy"), ("partial", "Could not be read: /subscriptions/x")]
    several = document(
        named("aaa"), not_seen=[(f"/subscriptions/{'x' * 36}", "No permission."), ("y", "z"), ("u", "v")]
    )
    kinds, texts = zip(*ends(several), strict=True)
    assert "".join(kinds) == "partial"
    assert " ".join(texts) == f"Could not be read: /subscriptions/{'x' * 36} and 2 more"


@pytest.mark.parametrize(
    ("not_seen", "said"),
    [
        ([], None),
        ([("x", "No permission.")], "The result is partial. Could not be read: x. No permission."),
        ([("x", "No.")] * 3, "The result is partial. Could not be read: x. No. 2 more: see 'notSeen'."),
        ([("x\n\x1b[31m", "No.\x07")], "The result is partial. Could not be read: x  [31m. No. "),
    ],
)
def test_what_is_not_seen_is_said_whatever_becomes_of_the_result(not_seen, said):
    assert said_of_missing(document(named("aaa"), not_seen=not_seen)) == said


def ends(result: dict) -> list[tuple[str, str]]:
    """The lines of the table that are about no registry."""
    return [(line["Health"], line["Findings"]) for line in list_table(result) if not line["Name"]]


def test_the_table_says_what_has_changed():
    before, now = document(named("aaa"), named("bbb")), document(replace(named("bbb"), roles=()), named("ccc"))
    for earlier, said, changes in (
        (before, "1 worse, 1 new, 1 gone", ["worse", "new"]),
        (now, "nothing changed", ["", ""]),
    ):
        compared = {**now, "comparison": compare(earlier, now)}
        assert ends(compared)[-1] == ("compared", f"Since {earlier['generatedAt'][:10]}: {said}")
        assert [line["Change"] for line in list_table(compared) if line["Name"]] == changes
    assert not any("Change" in line for line in list_table(now))


def test_the_table_says_how_many_there_are_unless_one_row_does():
    both = document(replace(named("bbb"), roles=()), named("aaa"))
    assert ends(both) == [("total", "2 registries: 1 broken, 1 healthy")]
    assert ends(listing(both, ["unknown"])) == [("total", "2 registries: 1 broken, 1 healthy")]
    assert ends(document()) == [("total", "0 registries")]
    assert ends(document(named("aaa"))) == []


def test_the_table_fits_whatever_the_names():
    long = document(*(named(letter * 50) for letter in "abcd"))
    states = {health: 1000 + number for number, health in enumerate(HEALTHS)}
    long["counts"] = {"total": 6015, **states}
    long["comparison"] = compare(document(*(named(letter * 50) for letter in "efgh")), long)
    long["comparison"]["notComparable"] = long["comparison"]["new"]
    assert " ".join(text for _, text in ends(long)).startswith(
        "6015 registries: 1000 broken, 1001 unknown, 1002 attention, 1003 notLoaded, 1004 notEncrypted, 1005 healthy "
    )
    for line in list_table(long):
        assert sum(len(value) + 2 for value in line.values()) <= 120


def test_unseen_parts_are_those_that_could_not_be_read():
    assert unseen(named("aaa")) == []
    ((what, why),) = unseen(replace(named("aaa"), key=Unknown("Microsoft.KeyVault/vaults/keys/read", "/x", "denied")))
    assert what == HEALTHY.registry.encryption.key.versionless
    assert "Microsoft.KeyVault/vaults/keys/read" in why
    hidden = Unknown("Microsoft.Authorization/denyAssignments/read", "/x")
    roles = tuple(replace(role, unseen_denials=hidden) for role in HEALTHY.roles)
    ((what, why),) = unseen(replace(named("aaa"), roles=roles))
    assert what == f"deny assignments on {HEALTHY.registry.encryption.key.versionless}"
    assert "Requires permission 'Microsoft.Authorization/denyAssignments/read' on /x." in why


def unseen(state):
    return list(unseen_parts(state, examine(state, NOW)))


def test_only_listed_registries_fail_it_and_what_is_partial_always_does():
    result = document(replace(named("bbb"), roles=()), named("aaa"))
    assert (fails(result, "error"), fails(result, "none")) == (True, False)
    assert not fails(listing(result, ["healthy"]), "error")
    partial = document(named("aaa"), not_seen=[("x", "y")])
    assert (fails(partial, "error"), fails(partial, "warning"), fails(partial, "none")) == (True, True, False)
