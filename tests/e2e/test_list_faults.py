"""`az acr cmk list` when Azure throttles, loses pages, answers badly, refuses the token: right, or said to be partial.

What is partial never ends well with --fail-on.
"""

from __future__ import annotations

import json
import re

import pytest

from sandbox.world import OTHER_SUBSCRIPTION
from tests.harness.listed import wrong
from tests.harness.waiting import until

FLEET = {"registries": 60, "vaults": 12, "keys": 30, "subscriptions": 2, "seed": 3, "damaged": 0.6}
_SAID: dict[str, tuple] = {}
GRAPH = "/providers/Microsoft.ResourceGraph/resources"
LIST = "acr cmk list --all"


@pytest.fixture
def azure(azure):
    azure.settings(graph_quota=0)
    return azure


@pytest.fixture
def fleet(azure, quick_az) -> dict[str, tuple]:
    """What is said of each registry where nothing goes wrong, determined once: the fleet is always the same."""
    azure.seed_fleet(**FLEET)
    if not _SAID:
        _SAID.update(said(quick_az(LIST).json()))
    return _SAID


def said(document) -> dict[str, tuple]:
    """The health and the findings of each registry, without dates: those are of the moment the fleet is made."""
    return {
        row["id"]: (row["health"], frozenset(map(timeless, wrong(row["findings"])))) for row in document["registries"]
    }


def timeless(finding: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(re.sub(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\dZ)?)?", "", text) for text in finding)


def right(result, fleet) -> bool:
    """Whether nothing is missing or said otherwise."""
    document = result.json()
    assert document["notSeen"] == []
    return said(document) == fleet


def partial(result) -> list[str]:
    """What was not seen of a result that is partial, and so failed."""
    assert result.code == 1, result
    document = json.loads(result.out)
    assert document["partial"]
    return [each["what"] for each in document["notSeen"]]


def test_throttled_at_every_page_it_goes_on(azure, many_az):
    """Each page is a query, and none is let through before one was refused."""
    ids = azure.seed_fleet(**{**FLEET, "registries": 1100, "damaged": 0})["registries"]
    azure.settings(graph_quota=1, graph_quota_seconds=0.3)
    azure.clear_log()
    document = many_az([*LIST.split(), "--depth", "registry"]).json()
    assert (document["partial"], {row["id"] for row in document["registries"]}) == (False, set(ids))
    assert sum(each["path"] == GRAPH and each["status"] == 200 for each in azure.log()) >= 7


def test_a_registry_that_goes_between_two_pages_hides_no_other(azure, az, seed):
    """The pages are offsets: what begins the second one has moved into the first, which was read before."""
    ids = azure.seed_fleet(**{**FLEET, "registries": 1100, "damaged": 0})["registries"]
    gone = min(ids, key=str.lower)
    azure.clear_log()
    azure.fault("delay", method="POST", path=GRAPH, nth=2, times=9999, seconds=100)
    running = az.start(f"{LIST} --depth registry")
    until(lambda: asks_for_a_second_page(azure))
    seed.delete(gone)
    azure.clear_faults()
    azure.advance(100)
    document = running.wait().json()
    assert (document["partial"], {row["id"] for row in document["registries"]}) == (False, ids.keys() - {gone})


def asks_for_a_second_page(azure) -> bool:
    """Whether one is asked for and not answered yet; lets through what is asked before it."""
    waiting = [each for each in azure.log() if each["path"] == GRAPH and not each["status"]]
    if any({"$skip", "$skipToken"} & each["body"]["options"].keys() for each in waiting):
        return True
    if waiting:
        azure.advance(100)
    return False


def test_throttled_by_each_subscription_it_goes_on(azure, quick_az, fleet):
    azure.settings(arm_read_bucket=10, arm_read_rate=100.0)
    azure.clear_log()
    assert right(quick_az(f"{LIST} --depth live"), fleet)
    assert sum(each["status"] == 429 for each in azure.log()) < len(azure.log()) / 2


def test_reads_refused_with_a_time_are_tried_again_after_it(azure, quick_az, fleet):
    body = {"error": {"code": "SubscriptionRequestsThrottled", "message": "Number of 'read' requests exceeded."}}
    azure.fault("status", method="GET", path="/keys/", status=429, headers={"Retry-After": "1"}, body=body, times=20)
    assert right(quick_az(LIST), fleet)


def test_a_page_that_is_lost_is_asked_for_again(azure, many_az, fleet):
    for nth, action in ((1, "reset-before"), (3, "reset-after"), (5, "status")):
        azure.clear_faults()
        azure.fault(action, method="POST", path=GRAPH, nth=nth, times=2, status=503)
        assert right(many_az(LIST.split()), fleet), action


# A part of each query, and what is missed without it.
QUERIES = {
    "microsoft.resources/subscriptions'": "subscriptions",
    "managedhsms": "vaults",
    "userassignedidentities": "identities",
    "roleassignments": "role assignments",
    "registries/replications": "replicas",
}


def test_a_query_that_is_never_answered_makes_it_partial(azure, quick_az, fleet):
    """Each of the queries in turn. Nothing is said of a registry that is not so."""
    refused = {"status": 400, "body": {"error": {"code": "BadRequest", "message": "No."}}, "times": 99}
    for sent, missed in QUERIES.items():
        azure.clear_faults()
        azure.fault("status", method="POST", path=GRAPH, sent=sent, **refused)
        result = quick_az(f"{LIST} --fail-on error")
        assert missed in partial(result)
        for id_, (health, findings) in said(json.loads(result.out)).items():
            failed = {each for each in findings if each[2] == "failed"}
            assert failed <= fleet[id_][1], (missed, id_, health)


def test_nobody_is_said_to_lack_permission_where_only_resource_graph_does_not_answer(azure, quick_az, fleet):
    """Whether the subscriptions could be read, nothing tells then."""
    failure = {"status": 400, "body": {"error": {"code": "BadRequest", "message": "No."}}, "times": 99}
    azure.fault("status", method="POST", path=GRAPH, sent="microsoft.resources/subscriptions'", **failure)
    azure.fault("status", method="GET", path=".*/Microsoft.Authorization/permissions", **failure)
    missed = {each["what"]: each["why"] for each in quick_az(LIST).json()["notSeen"]}
    assert "did not answer" in missed["subscriptions"]
    assert [what for what, why in missed.items() if "permission" in why] == []


def test_what_is_not_there_is_looked_for_where_its_vault_is_now(azure, quick_az, fleet):
    """As after a vault was moved to another group, while Resource Graph still shows where it was."""
    rows = quick_az(LIST).json()["registries"]
    vault = next(row["vault"] for row in rows if row["health"] == "healthy" and row["vault"])
    gone = {"error": {"code": "ResourceNotFound", "message": "The resource was not found."}}
    for path in (f"{vault}$", f"{vault}/keys/[^/]+$"):
        azure.fault("status", method="GET", path=path, status=404, body=gone, each=True)
    assert right(quick_az(LIST), fleet)


def test_without_the_registries_nothing_is_listed(azure, quick_az, fleet):
    refused = {"status": 400, "body": {"error": {"code": "BadRequest", "message": "No."}}, "times": 99}
    azure.fault("status", method="POST", path=GRAPH, sent="registries'.*sku", **refused)
    result = quick_az(LIST)
    assert (result.code, "Nothing could be listed: No." in result.err) == (3, True), result


def test_what_is_asked_for_ahead_and_is_not_told_is_asked_for_again(azure, quick_az, fleet):
    for fault in ({"status": 400}, {"status": 200, "body": {"totalRecords": 9, "count": 0, "data": [], "facets": []}}):
        azure.clear_faults()
        azure.fault("status", method="POST", path=GRAPH, sent="managedhsms", **fault)
        assert right(quick_az(LIST), fleet), fault


@pytest.mark.parametrize("status", [403, 500])
def test_a_subscription_that_answers_badly_leaves_the_others_right(azure, many_az, fleet, status):
    body = {"error": {"code": "AuthorizationFailed" if status == 403 else "InternalServerError", "message": "No."}}
    azure.fault(
        "status",
        method="GET",
        path=f"/subscriptions/{OTHER_SUBSCRIPTION}/.*/vaults/",
        status=status,
        body=body,
        times=9999,
    )
    result = many_az([*LIST.split(), "--fail-on", "error"])
    assert partial(result)
    for id_, (health, findings) in said(json.loads(result.out)).items():
        new = findings - fleet[id_][1]
        assert {each[2] for each in new} <= {"unknown"}, (id_, new)
        assert health == fleet[id_][0] or health in ("unknown", "notLoaded")


def test_what_can_not_be_confirmed_is_not_said(azure, many_az, fleet):
    body = {"error": {"code": "InternalServerError", "message": "No."}}
    azure.fault("status", method="GET", path="/registries/[^/]+$", status=500, body=body, times=9999)
    result = many_az([*LIST.split(), "--fail-on", "error"])
    assert any("/registries/" in what for what in partial(result))
    now = said(json.loads(result.out))
    # Of the registry itself the graph tells enough; of its key nothing is said that was not read directly.
    assert {health for health, _ in now.values()} <= {"healthy", "attention", "notEncrypted", "notLoaded"}
    assert any(health == "broken" for health, _ in fleet.values())


def test_answers_without_sense_leave_the_others_right(azure, quick_az, fleet):
    azure.fault("alter", method="GET", path=f"/subscriptions/{OTHER_SUBSCRIPTION}/.*/keys/", body=[1], times=9999)
    result = quick_az(f"{LIST} --fail-on error")
    assert partial(result)
    for id_, (_, findings) in said(json.loads(result.out)).items():
        new = findings - fleet[id_][1]
        assert {each[2] for each in new if each[1] != "info"} <= {"unknown"}, (id_, new)


def test_a_token_that_expires_midway_is_renewed(azure, az, fleet):
    azure.settings(token_seconds=6)
    azure.fault("delay", method="POST", path=GRAPH, nth=3, seconds=6.2)
    azure.clear_log()
    assert right(az(LIST), fleet)
    of_keys = [each for each in azure.log() if "/keys/" in each["path"]]
    assert of_keys[-1]["time"] > azure.log()[0]["time"] + 6


def test_no_registry_is_judged_before_it_is_known_what_denies_access(azure, quick_az):
    """Keys are read, and all else is known, long before."""
    damages = azure.seed_fleet(**{**FLEET, "registries": 100, "keys": 60, "damaged": 0.9})["registries"]
    azure.fault("delay", method="GET", path="/denyAssignments", times=9999, seconds=3)
    found = said(quick_az(LIST).json())
    denied = {id_ for id_, (_, findings) in found.items() if "GrantDenied" in {each[0] for each in findings}}
    assert denied == {id_ for id_, some in damages.items() if "grant denied" in some} != set()


@pytest.mark.parametrize("nth", [1, 5], ids=["by an SDK", "in short"])
def test_a_token_that_is_rejected_midway_is_renewed(azure, quick_az, fleet, nth):
    expired = {"error": {"code": "ExpiredAuthenticationToken", "message": "It has expired."}}
    azure.fault("status", method="GET", path="/keys/", status=401, body=expired, nth=nth)
    assert right(quick_az(LIST), fleet)


@pytest.mark.parametrize("path", [GRAPH, "/keys/"])
def test_ctrl_c_at_any_time_gives_what_is_there(azure, az, fleet, path):
    azure.fault("hang", path=path, nth=3, times=9999)
    running = az.start(f"{LIST} --fail-on none")
    assert azure.held(20)
    result = running.interrupt()
    assert "everything else" in partial(result)
    document = json.loads(result.out)
    assert document["counts"]["total"] == (0 if document["registries"] == [] else len(fleet))
    for id_, (_, findings) in said(document).items():
        assert {each for each in findings if each[2] == "failed"} <= fleet[id_][1]


def test_ctrl_c_leaves_open_what_was_not_confirmed(azure, az, quick_az):
    """The graph still lacks the grant, and the registry is being read again."""
    fleet = azure.seed_fleet(**{**FLEET, "registries": 100, "keys": 60, "damaged": 0.9})["registries"]
    id_ = next(id_ for id_, some in fleet.items() if some == ["grant missing"])
    azure.settings(graph_seconds=3600)
    quick_az(f"acr cmk repair -n {id_.rsplit('/', 1)[-1]} --subscription {id_.split('/')[2]} --yes")
    azure.fault("hang", method="GET", path=f"{id_}$", times=9999)
    running = az.start(f"{LIST} --fail-on none")
    assert azure.held(20)
    result = running.interrupt()
    assert "everything else" in partial(result)
    (row,) = [row for row in json.loads(result.out)["registries"] if row["id"] == id_]
    assert (row["health"], row["findings"]) == ("notLoaded", [])
