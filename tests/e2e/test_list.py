"""`az acr cmk list` on a fleet with every kind of damage: as `check` sees each registry, and never silently partial."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from azext_acrcmk.rules import CATALOGUE
from azext_acrcmk.rules.fleet import FLEET_CATALOGUE
from sandbox.fleet import damages
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.harness.listed import wrong

FLEET = {"registries": 150, "vaults": 30, "keys": 90, "subscriptions": 2, "seed": 5, "damaged": 0.9}
SMALL = {"registries": 20, "vaults": 5, "keys": 10, "subscriptions": 2, "seed": 3}
GRAPH = "/providers/Microsoft.ResourceGraph/resources"
VERSION = re.search(r'^VERSION = "(.+)"$', (Path(__file__).parents[2] / "setup.py").read_text(), re.MULTILINE)[1]
# The rules that need neither a key nor deny assignments, which Resource Graph does not have.
OF_THE_GRAPH = {rule.code for rule in CATALOGUE if not {"key", "version_in_use"} & set(rule.needs)} - {"GrantDenied"}
READER = "acdd72a7-3385-48ef-bd42-f606fba81ae7"


@pytest.fixture
def azure(azure):
    """Without a quota of queries, where a test does not set one."""
    azure.settings(graph_quota=0)
    return azure


def test_it_says_of_each_registry_what_check_says(azure, quick_az):
    """Of one with each kind of damage, and at the depth at which it is seen."""
    fleet = azure.seed_fleet(**FLEET)
    assert set(fleet["damages"]) == set(damages.ALL)
    listed = quick_az("acr cmk list --all --fail-on error")
    assert listed.code == 1, listed
    result = json.loads(listed.out)
    assert (result["partial"], result["notSeen"]) == (False, [])
    rows = {row["name"]: row for row in result["registries"]}
    assert {row["id"].lower() for row in rows.values()} == {id_.lower() for id_ in fleet["registries"]}
    sample = {found: id_ for id_, some in fleet["registries"].items() for found in some}
    ids = sorted(set(sample.values()))
    azure.clear_log()
    checked = json.loads(quick_az(f"acr cmk check --fail-on none --ids {' '.join(ids)}").out)
    # For many, Resource Graph is asked once who uses which key.
    asked = [request["body"]["query"] for request in azure.log() if request["path"] == GRAPH]
    assert sum("keyIdentifier" in query for query in asked) == 1
    for id_ in ids:
        name = id_.rsplit("/", 1)[-1]
        by_check = wrong(row for row in checked if row["registry"] == name)
        assert wrong(rows[name]["findings"]) == by_check, fleet["registries"][id_]
    # What needs no key is found at a depth at which those without a doubt are not read.
    for row in quick_az("acr cmk list --all --depth registry").json()["registries"]:
        assert of_the_graph(row) == of_the_graph(rows[row["name"]]), row["name"]
    several = {each["code"] for each in result["fleetFindings"]}
    assert several == {rule.code for rule in FLEET_CATALOGUE}
    away = [id_ for id_, some in fleet["registries"].items() if "vault in another region" in some]
    named = [each["registries"] for each in result["fleetFindings"] if each["code"] == "VaultInAnotherRegion"]
    assert sorted(id_ for some in named for id_ in some) == sorted(away)
    for id_, some in fleet["registries"].items():
        if damages.LOCKED_OUT & set(some):
            assert rows[id_.rsplit("/", 1)[-1]]["health"] in ("broken", "unknown"), (id_, some)


def of_the_graph(row) -> set[tuple[str, ...]]:
    return {each for each in wrong(row["findings"]) if each[0] in OF_THE_GRAPH}


def test_without_the_keys_their_health_is_left_open(azure, quick_az):
    azure.seed_fleet(**SMALL, damaged=0)
    azure.clear_log()
    result = quick_az("acr cmk list --all --depth registry --fail-on error --health notLoaded").json()
    assert result["counts"]["notLoaded"] == len(result["registries"]) > 10
    assert {request["method"] for request in azure.log() if "/keys/" in request["path"]} == set()
    live = quick_az("acr cmk list --all --depth live --query counts").json()
    assert live["healthy"] + live["attention"] == result["counts"]["notLoaded"]


def test_scopes(azure, quick_az):
    fleet = azure.seed_fleet(**SMALL, damaged=0)
    by_subscription = {
        each: [id_ for id_ in fleet["registries"] if each in id_] for each in (SUBSCRIPTION, OTHER_SUBSCRIPTION)
    }

    scopes: list[tuple] = []

    def listed(options: str) -> set[str]:
        result = quick_az(f"acr cmk list {options}").json()
        assert not result["partial"], result["notSeen"]
        scopes.append(tuple(result["scope"][name] for name in ("subscriptions", "managementGroups", "resourceGroup")))
        return {row["id"] for row in result["registries"]}

    mine = by_subscription[SUBSCRIPTION]
    group = mine[0].split("/")[4]
    azure.management_group("mine", subscriptions=[OTHER_SUBSCRIPTION])
    assert listed("") == set(mine) == listed(f"-g {group.upper()}")
    assert listed("--all -g nosuch") == set()
    assert listed(f"--subscriptions {OTHER_SUBSCRIPTION}") == set(by_subscription[OTHER_SUBSCRIPTION])
    assert listed("--management-groups mine") == set(by_subscription[OTHER_SUBSCRIPTION])
    assert listed("--all") == set(fleet["registries"])
    assert scopes[:3] == [([SUBSCRIPTION], [], None), ([SUBSCRIPTION], [], group.upper()), ([], [], "nosuch")]
    assert scopes[3:] == [([OTHER_SUBSCRIPTION], [], None), ([], ["mine"], None), ([], [], None)]
    for scope, code, words in (
        ("-g nosuch", 3, "There is no resource group 'nosuch'"),
        ("--management-groups nosuch mine", 3, "Nothing could be listed: "),
        (f"--subscriptions {'9' * 8}-9999-4999-8999-{'9' * 12}", 3, "Nothing could be listed: "),
    ):
        result = quick_az(f"acr cmk list {scope}")
        assert (result.code, words in result.err, "for support" in result.err) == (code, True, False), result
    both = quick_az("acr cmk list --all --management-groups mine")
    assert (both.code, "can't be used together" in both.err) == (1, True)


def test_a_subscription_that_can_not_be_read_makes_it_partial(azure, az_as):
    azure.seed_fleet(**SMALL, damaged=0)
    az = az_as(azure.principal((READER, f"/subscriptions/{SUBSCRIPTION}")))
    command = f"acr cmk list --subscriptions {SUBSCRIPTION} {OTHER_SUBSCRIPTION}"
    result = az(command).json()
    assert result["partial"]
    assert f"/subscriptions/{OTHER_SUBSCRIPTION}" in [each["what"] for each in result["notSeen"]]
    # A vault in the other subscription is unknown, and nobody's fault.
    assert result["counts"]["broken"] == 0
    strict = az(f"{command} --fail-on error -o table")
    assert strict.code == 1
    assert "Could not be read:" in strict.out
    assert all(len(line) <= 120 for line in strict.out.splitlines())


def test_who_can_read_only_two_groups_is_told_all_about_what_is_in_them(azure, az_as):
    """Also what denies access to a key: deny assignments are readable at its vault, not for the subscription."""
    fleet = azure.seed_fleet(registries=120, vaults=24, keys=70, subscriptions=2, seed=11, damaged=0.9)["registries"]
    groups = (f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{name}" for name in ("fleet-registries", "fleet-keys"))
    az = az_as(azure.principal(*((READER, group) for group in groups)))
    listed = az("acr cmk list --resource-group fleet-registries").json()
    places = [each["what"] for each in listed["notSeen"]]
    assert places
    assert not any(what.startswith(("/subscriptions/", "deny assignments")) for what in places)
    rows = {row["id"]: row for row in listed["registries"]}
    denied = [id_ for id_, some in fleet.items() if "grant denied" in some and id_ in rows and rows[id_]["vault"]]
    assert denied
    ids = [*denied, *[id_ for id_, row in rows.items() if row["vault"]][:8]]
    checked = json.loads(az(f"acr cmk check --fail-on none --ids {' '.join(ids)}").out)
    for id_ in ids:
        name = rows[id_]["name"]
        assert wrong(rows[id_]["findings"]) == wrong(row for row in checked if row["registry"] == name), fleet[id_]
    for id_ in denied:
        assert "GrantDenied" in [each["code"] for each in rows[id_]["findings"]], id_


def test_who_can_read_registries_but_not_their_subscription_is_told_all_about_them(azure, az_as):
    """Also which others use the same key."""
    ids = azure.seed_fleet(**SMALL, damaged=0)["registries"]
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/{'7' * 8}{READER[8:]}"
    permissions = [{"actions": ["*/read"], "notActions": ["Microsoft.Resources/subscriptions/read"]}]
    role = {"roleName": "Nearly a reader", "type": "CustomRole", "permissions": permissions}
    role["assignableScopes"] = [f"/subscriptions/{SUBSCRIPTION}"]
    azure.unseen("PUT", path, {"properties": role}, "2022-04-01")
    az = az_as(azure.principal(("Nearly a reader", f"/subscriptions/{SUBSCRIPTION}")))
    listed = az("acr cmk list").json()
    assert {row["id"] for row in listed["registries"]} == {id_ for id_ in ids if SUBSCRIPTION in id_}
    assert not [each for each in listed["notSeen"] if each["what"].startswith("/subscriptions/")]
    assert {
        each["status"] for row in listed["registries"] for each in row["findings"] if each["code"] == "KeyShared"
    } == {"failed"}


def test_rows_that_resource_graph_counts_and_does_not_give_are_missed(azure, quick_az):
    azure.seed_fleet(**SMALL, damaged=0)
    body = {"totalRecords": 3, "count": 0, "data": [], "facets": [], "resultTruncated": "true"}
    azure.fault("status", method="POST", path=GRAPH, sent="registries'.*sku", status=200, body=body, times=2)
    result = quick_az("acr cmk list --all --fail-on error")
    assert result.code == 1
    missed = {"what": "registries", "why": "Resource Graph counts 3 more than it returned."}
    assert missed in json.loads(result.out)["notSeen"]


def test_what_the_graph_still_shows_is_not_held_against_a_registry(azure, quick_az):
    """The grant is made after what Resource Graph shows."""
    fleet = azure.seed_fleet(**{**FLEET, "registries": 100, "keys": 60, "damaged": 0.9})
    id_ = next(id_ for id_, some in fleet["registries"].items() if some == ["grant missing"])
    azure.settings(graph_seconds=3600)
    name = id_.rsplit("/", 1)[-1]
    quick_az(f"acr cmk repair -n {name} --subscription {id_.split('/')[2]} --yes")
    (row,) = [row for row in quick_az("acr cmk list --all").json()["registries"] if row["id"] == id_]
    assert "GrantMissing" not in [each["code"] for each in row["findings"]]


def test_reports_are_written_and_made_again_of_one(azure, quick_az, tmp_path):
    azure.seed_fleet(**SMALL)
    whole, csv, xml, page = (tmp_path / f"fleet.{ending}" for ending in ("json", "csv", "xml", "html"))
    command = f"acr cmk list --all --report {whole} --report {csv} --report {xml} --report {page}"
    result = quick_az(command).json()
    assert json.loads(whole.read_text()) == result
    assert result["extension"] == VERSION
    azure.clear_log()
    again = tmp_path / "again.csv"
    made = quick_az(f"acr cmk list --from {whole} --report {again} --compare {whole}").json()
    assert azure.log() == []
    assert [line.removesuffix(",,") for line in again.read_text().splitlines()[1:]] == csv.read_text().splitlines()[1:]
    assert len(again.read_text().splitlines()) == 21
    assert [made["comparison"][kind] for kind in ("worse", "better", "new", "gone")] == [[], [], [], []]
    assert len(list(tmp_path.iterdir())) == 5
    how = "--all --subscription other --depth live --expiry-days 60"
    refused = quick_az(f"acr cmk list --from {whole} {how}")
    assert (refused.code, azure.log()) == (1, [])
    assert "--from can't be used with --all or --subscription or --depth or --expiry-days: " in refused.err
    wrong = quick_az(f"acr cmk list --report {tmp_path / 'fleet.pdf'}")
    assert (wrong.code, azure.log()) == (1, [])
    assert "must end with one of .json, .csv, .sarif, .xml, .html" in wrong.err


def test_ctrl_c_gives_what_is_there(azure, az):
    azure.seed_fleet(**SMALL, damaged=0)
    azure.fault("hang", method="GET", path="/keys/", times=1000)
    running = az.start("acr cmk list --all")
    assert azure.held(20)
    result = running.interrupt()
    assert result.code == 1, result
    document = json.loads(result.out)
    assert document["partial"]
    assert "The result is partial. Could not be read: everything else. Interrupted before it was read." in result.err
    assert {"what": "everything else", "why": "Interrupted before it was read."} in document["notSeen"]
    assert document["counts"]["total"] == 20
    assert document["counts"]["notLoaded"] > 5
    assert document["counts"]["broken"] == 0


def test_deleted_vaults_are_found_where_only_the_graph_knows_the_subscription(azure, quick_az):
    fleet = azure.seed_fleet(registries=40, vaults=20, keys=40, subscriptions=9, seed=7, damaged=1)
    ids = [id_ for id_, some in fleet["registries"].items() if "vault deleted" in some]
    rows = {row["id"]: row for row in quick_az("acr cmk list --all").json()["registries"]}
    assert ids
    for id_ in ids:
        (found,) = [each for each in rows[id_]["findings"] if each["code"] == "VaultDeleted"]
        assert set(re.findall(r"--subscription (\S+)", found["fix"])) <= set(fleet["subscriptions"][2:]), found


def test_a_vault_that_the_graph_does_not_show_yet_is_not_missing(azure, quick_az):
    """It was recovered after what Resource Graph shows."""
    fleet = azure.seed_fleet(registries=40, vaults=20, keys=40, subscriptions=2, seed=7, damaged=1)
    id_ = next(id_ for id_, some in fleet["registries"].items() if some == ["vault deleted"])
    azure.settings(graph_seconds=3600)
    listed = {row["id"]: row for row in quick_az("acr cmk list --all").json()["registries"]}
    (found,) = [each for each in listed[id_]["findings"] if each["code"] == "VaultDeleted"]
    quick_az(found["fix"].removeprefix("az ")).ok()
    (row,) = [row for row in quick_az("acr cmk list --all").json()["registries"] if row["id"] == id_]
    assert not {"VaultDeleted", "VaultNotFound", "VaultUnknown"} & {each["code"] for each in row["findings"]}, row
    assert row["vault"]
