"""What goes wrong while images are imported: it is tried again, reported, or ends with what to do."""

from __future__ import annotations

import json
import shlex
import time

import pytest

from tests.harness.migrate import MIGRATE, NEW, old_registry, same_images
from tests.harness.waiting import until

LONG = 100_000
COMMAND = shlex.split(MIGRATE)


@pytest.fixture
def old(azure, seed) -> dict:
    """An old registry; returns what it stores."""
    old_registry(seed)
    azure.seed_content("oldregistry", repositories=2, images=4, indexes=1, untagged=1, signatures=1)
    return azure.content("oldregistry")


def attempts(azure, image: str) -> int:
    """How often a manifest was imported."""
    sent = [each["body"]["source"]["sourceImage"] for each in azure.log() if each["path"].endswith("/importImage")]
    return sum(image in each for each in sent)


def digest(old: dict, tag: str = "v1", repository: str = "app/service0001") -> str:
    return old[repository]["tags"][tag]


def test_blobs_that_could_not_be_copied_are_tried_again_twice(azure, many_az, old):
    azure.import_fault("fail", source=digest(old), times=2, code="InvalidParameters", message="Error copying blobs.")
    result = many_az(COMMAND).json()
    assert result["verified"]
    assert attempts(azure, digest(old)) == 3


def test_what_fails_for_good_is_named_and_the_rest_is_copied(azure, many_az, old):
    """Where the result of a failed operation is a success with a status, too."""
    azure.settings(import_failure_in_body=True)
    azure.import_fault("fail", source=digest(old), times=9, code="InvalidParameters", message="Error copying blobs.")
    result = many_az(COMMAND)
    assert result.code == 1
    report = json.loads(result.out)
    (failure,) = report["failures"]
    assert (failure["what"], failure["tags"], failure["error"], failure["tries"]) == (
        digest(old),
        ["v1"],
        "Error copying blobs.",
        3,
    )
    assert {row["what"] for row in report["differences"]} == {digest(old), "v1"}
    azure.clear_faults()
    assert many_az(COMMAND).json()["imported"] == 1
    assert same_images(azure)


def test_where_every_import_fails_all_are_named(azure, many_az, old):
    azure.import_fault(
        "fail", source="oldregistry", times=9999, code="InvalidParameters", message="Error copying blobs."
    )
    result = many_az(COMMAND)
    assert result.code == 1
    report = json.loads(result.out)
    failed = [row for row in report["failures"] if row["what"].startswith("sha256:")]
    assert len(failed) == 16
    assert {row["error"] for row in failed} == {"Error copying blobs."}
    # After some in a row each is tried only once.
    assert {row["tries"] for row in failed} >= {3}


def test_a_registry_that_is_not_known_everywhere_yet_is_waited_for(azure, many_az, old):
    missing = {
        "code": "ResourceNotFound",
        "message": f"The Resource '{NEW.type}/{NEW.name}' under resource group 'rg' was not found.",
    }
    azure.fault("status", path="/importImage$", status=404, body={"error": missing}, times=3)
    assert many_az(COMMAND).json()["verified"]


@pytest.mark.parametrize("arrives", [True, False])
def test_an_import_that_never_ends_is_looked_for_and_begun_again(azure, many_az, old, arrives):
    azure.import_fault("hang", source=digest(old), arrives=arrives, seconds=100_000)
    assert many_az(COMMAND).json()["verified"]
    assert same_images(azure)
    assert attempts(azure, digest(old)) == (1 if arrives else 2)


def test_an_import_whose_result_is_lost_is_begun_again(azure, many_az, old):
    azure.import_fault("lose", source=digest(old))
    assert many_az(COMMAND).json()["verified"]
    assert same_images(azure)


def test_limits_of_the_service_are_respected(azure, many_az, old):
    azure.settings(import_limit=2, import_seconds=0.05)
    assert many_az(COMMAND).json()["verified"]
    refused = [each for each in azure.log() if each["path"].endswith("/importImage") and each["status"] == 429]
    assert refused
    assert len(refused) < 30


def test_limits_of_the_registry_are_waited_for(azure, az, old):
    """Each minute has a few requests: the sandbox's minutes are as short as those of the command."""

    def throttled() -> int:
        return sum(each["status"] == 429 for each in azure.log())

    azure.settings(registry_limits=0.002)
    running = az.start(MIGRATE, pace=100)
    until(throttled)
    while running.poll() is None:
        azure.advance(20)
        time.sleep(0.2)
    assert running.wait().json()["verified"]
    assert throttled() < len(azure.log()) / 3


def test_tokens_that_expire_are_replaced(azure, many_az, old):
    azure.settings(registry_token_seconds=1, import_seconds=1.5)
    assert many_az(COMMAND).json()["verified"]
    assert same_images(azure)


def test_a_tag_that_moves_meanwhile_stays_as_it_was_listed_until_the_next_run(azure, az, old):
    azure.fault("delay", path="/importImage$", seconds=LONG, times=99)
    running = az.start(MIGRATE)
    until(lambda: any(each["path"].endswith("/importImage") for each in azure.log()))
    moved = azure.push_image("oldregistry", "app/service0001", "v1", "later")
    azure.clear_faults()
    azure.advance(LONG)
    assert running.wait().json()["verified"]
    assert azure.content("newregistry")["app/service0001"]["tags"]["v1"] == digest(old) != moved
    assert az(MIGRATE).json()["verified"]
    assert same_images(azure)


def test_what_may_not_be_read_is_left_with_the_command_that_allows_it(azure, many_az, old):
    update(many_az, f"--image app/service0001@{digest(old)} --read-enabled false")
    update(many_az, "--repository app/service0002 --read-enabled false")
    result = many_az(COMMAND)
    assert result.code == 1
    report = json.loads(result.out)
    assert [row["what"] for row in report["notCopied"]] == [f"app/service0001@{digest(old)}", "app/service0002"]
    assert report["differences"] == []
    assert not report["verified"]
    assert all("--read-enabled true" in row["command"] for row in report["notCopied"])


def test_what_is_hidden_from_lists_is_copied_if_something_names_it_and_else_no_success(azure, many_az, old):
    """A manifest with a tag, one of an index, one that nothing names; a tag; and a repository."""
    tagged, index = digest(old), digest(old, "m1")
    show = f"acr manifest show --registry oldregistry --name app/service0001@{index} --output json"
    parts = [each["digest"] for each in many_az(shlex.split(show)).json()["manifests"]]
    part = parts[0]
    has = old["app/service0001"]
    others = has["manifests"].keys() - {*has["tags"].values(), *parts}
    lonely = min(others, key=lambda each: has["manifests"][each][1])  # signatures are longer
    for each in (tagged, part, lonely):
        update(many_az, f"--image app/service0001@{each} --list-enabled false")
    update(many_az, "--image app/service0001:v2 --list-enabled false")
    update(many_az, "--repository app/service0002 --list-enabled false")
    result = many_az([*COMMAND, "--repository", "*1", "app/service0002"])
    report = json.loads(result.out)
    assert (result.code, report["verified"], report["inventory"]["repositories"]) == (1, False, 2)
    (left,) = report["notCopied"]
    assert (left["what"], "1 manifest is not listed" in left["why"]) == ("app/service0001", True)
    assert "--image app/service0001@DIGEST --list-enabled true" in left["command"]
    hidden = azure.content("newregistry")["app/service0001"]["attributes"]
    assert hidden == {each: {"listEnabled": False} for each in (tagged, part, "v2")}
    update(many_az, f"--image app/service0001@{lonely} --list-enabled true")
    assert many_az(COMMAND).json()["verified"]
    assert same_images(azure)


def test_locked_repositories_of_the_old_registry_are_copied(azure, many_az, old):
    update(many_az, "--repository app/service0001 --write-enabled false --delete-enabled false")
    assert many_az(COMMAND).json()["verified"]


def update(many_az, options: str) -> None:
    many_az(shlex.split(f"acr repository update --name oldregistry {options}")).ok()


def test_a_key_that_does_not_work_is_told_before_anything_is_imported(azure, many_az, old, seed):
    many_az([*COMMAND, "--repository", "app/service0001"]).ok()
    disable_key(seed)
    azure.advance(4000)
    azure.clear_log()
    for more in ([], ["--what-if"]):
        result = many_az([*COMMAND, *more])
        assert result.code == 1
        assert "The key of registry 'newregistry' does not work" in result.err
        assert "az acr cmk check" in result.err
    assert not attempts(azure, "")


def test_a_key_that_stops_working_midway_is_the_cause_that_is_told(azure, az, old, seed):
    azure.fault("delay", path="/importImage$", seconds=LONG, nth=3, times=99)
    running = az.start(MIGRATE)
    until(lambda: attempts(azure, "") > 3)
    disable_key(seed)
    azure.clear_faults()
    azure.advance(LONG)
    result = running.wait()
    assert result.code == 1
    assert "The key of registry 'newregistry' stopped working while images were imported" in result.err
    assert "disabled" in result.err
    assert "it continues where it stopped" in result.err
    assert "Traceback" not in result.err


def disable_key(seed) -> None:
    key = seed.get(str(NEW))["properties"]["encryption"]["keyVaultProperties"]["versionedKeyIdentifier"]
    seed.change_key("PATCH", key, {"attributes": {"enabled": False}})


def test_locks_come_over_and_a_later_pass_opens_and_closes_them(azure, many_az, old):
    update(many_az, "--image app/service0001:v1 --write-enabled false --delete-enabled false")
    update(many_az, "--repository app/service0002 --write-enabled false")
    assert many_az(COMMAND).json()["attributesSet"] == 2
    first, second = (azure.content(name) for name in ("oldregistry", "newregistry"))
    assert {name: each["attributes"] for name, each in first.items()} == {
        name: each["attributes"] for name, each in second.items()
    }
    assert first["app/service0001"]["attributes"]["v1"] == {"deleteEnabled": False, "writeEnabled": False}
    azure.clear_log()
    many_az(COMMAND).ok()
    assert not [each for each in azure.log() if each["method"] == "PATCH"]

    update(many_az, "--repository app/service0002 --write-enabled true")
    azure.push_image("oldregistry", "app/service0002", "v1", "later")
    update(many_az, "--repository app/service0002 --write-enabled false")
    assert many_az(COMMAND).json()["verified"]
    assert same_images(azure)
    assert azure.content("newregistry")["app/service0002"]["attributes"] == {"": {"writeEnabled": False}}
