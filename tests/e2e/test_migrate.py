"""A registry comes to a new one with a customer-managed key: all of it, by digest, and the old one stays as it is."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from sandbox.world import SUBSCRIPTION
from tests.harness.migrate import MIGRATE, NEW, OLD, old_registry, same_images
from tests.harness.scene import HERE
from tests.harness.seed import GROUP, changes, outcomes


@pytest.fixture
def old(azure, seed) -> None:
    """An old registry with images, indexes, untagged manifests, signatures and SBOMs."""
    old_registry(seed, tags={"team": "red"})
    azure.seed_content(
        "oldregistry", repositories=3, images=3, tags=2, indexes=1, untagged=1, signatures=2, nested=True, cosign=1
    )


def test_copies_everything_and_says_that_it_is_the_same(azure, az, old):
    before = azure.content("oldregistry")
    result = az(MIGRATE).json()
    assert result["verified"], result
    assert same_images(azure)
    assert azure.content("oldregistry") == before
    assert azure.pull("newregistry")["status"] == 200
    assert outcomes(result)["registry"] == "created"
    assert result["target"]["loginServer"] == "newregistry.azurecr.io"


def test_what_if_tells_what_there_is_and_changes_nothing(azure, az, old):
    azure.clear_log()
    result = az(f"{MIGRATE} --what-if").json()
    assert changes(azure) == []
    assert result["inventory"] == {
        "repositories": 3,
        "manifests": 45,
        "tags": 27,
        "untagged": 30,
        "indexes": 3,
        "referrers": 18,
        "sizeInBytes": result["inventory"]["sizeInBytes"],
        "settings": result["inventory"]["settings"],
    }
    assert (result["toImport"], result["alreadyThere"]) == (36, 0)
    assert result["timeToExpect"] == {"leastSeconds": 8, "mostSeconds": 36}
    assert [row["step"] for row in result["plan"]] == ["group", "identity", "vault", "key", "grant", "registry"]


def test_run_again_copies_what_is_new_and_a_tag_that_moved(azure, az, old):
    az(MIGRATE).ok()
    first = azure.content("oldregistry")["app/service0001"]["tags"]["v1"]
    moved = azure.push_image("oldregistry", "app/service0001", "v1", "later")
    azure.push_image("oldregistry", "brandnew", "v1", "later")
    result = az(MIGRATE).json()
    assert (result["imported"], result["tagsSet"], result["verified"]) == (2, 2, True)
    assert azure.content("newregistry")["app/service0001"]["tags"]["v1"] == moved != first
    assert same_images(azure)


def test_a_tag_of_somebody_else_is_a_conflict_until_it_is_forced(azure, az, old):
    """In the new registry one was set to an image that the old registry does not have, and one to an image that it has,
    before it moved in the old registry too."""
    az(MIGRATE).ok()
    first = azure.content("oldregistry")["app/service0001"]["tags"]
    azure.advance(3600)
    azure.push_image("newregistry", "app/service0001", "v1", "theirs")
    theirs = f"--source oldregistry.azurecr.io/app/service0001@{first['v3']} --image app/service0001:v2 --force"
    az(f"acr import --name newregistry {theirs}").ok()
    azure.advance(3600)
    azure.push_image("oldregistry", "app/service0001", "v2", "later")
    moved = azure.push_image("oldregistry", "app/service0001", "v3", "last")
    result = az(MIGRATE)
    assert result.code == 1
    report = json.loads(result.out)
    assert [row["tag"] for row in report["conflicts"]] == ["v1", "v2"]
    assert [row["kind"] for row in report["differences"]] == ["extraManifest", "otherTag", "otherTag"]
    assert not report["verified"]
    force, keep, *_ = report["cutOver"]["steps"]
    assert "--force" in force["what"]
    (extra,) = (row["what"] for row in report["differences"] if row["kind"] == "extraManifest")
    assert f"az acr repository delete --name newregistry --subscription {SUBSCRIPTION} --image" in keep["command"]
    assert keep["command"].endswith(f" app/service0001@{extra}")
    foreseen = az(f"{MIGRATE} --what-if")
    assert (foreseen.code, json.loads(foreseen.out)["conflicts"]) == (1, report["conflicts"])
    assert report["tagsMoved"] == [
        {"repository": "app/service0001", "tag": "v3", "from": first["v3"], "to": moved},
    ]
    assert azure.content("newregistry")["app/service0001"]["tags"]["v2"] == first["v3"]
    forced = json.loads(az(f"{MIGRATE} --force").out)
    assert [row["kind"] for row in forced["differences"]] == ["extraManifest"]
    assert [row["tag"] for row in forced["tagsMoved"]] == ["v1", "v2"]
    old_tags, new_tags = (azure.content(name)["app/service0001"]["tags"] for name in ("oldregistry", "newregistry"))
    assert all(new_tags[tag] == old_tags[tag] for tag in ("v1", "v2", "v3"))
    # What is printed makes them the same.
    (keep, *_) = forced["cutOver"]["steps"]
    az(f"{keep['command'].removeprefix('az ')} --yes").ok()
    assert az(MIGRATE).json()["verified"]


def test_what_is_attached_may_be_there_already_where_it_is_not_to_be_copied(azure, many_az, old):
    many_az(MIGRATE.split()).ok()
    result = many_az([*MIGRATE.split(), "--no-referrers"]).json()
    assert (result["imported"], result["differences"]) == (0, [])


def test_only_some_repositories_and_without_what_is_attached(azure, az, old):
    result = az(f"{MIGRATE} --repository '*2' --no-referrers").json()
    assert result["inventory"]["repositories"] == 1
    assert result["inventory"]["referrers"] == 0
    assert list(azure.content("newregistry")) == ["app/service0002"]
    assert not any(
        tag.startswith("sha256-") and "." not in tag for tag in azure.content("newregistry")["app/service0002"]["tags"]
    )


def test_a_repository_that_does_not_exist_is_told_before_anything_is_made(old, refused):
    refused(f"{MIGRATE} --repository 'app/*' typo", "matches --repository typo. Nothing", "az acr repository list")


def test_an_index_of_more_than_50_manifests(azure, az, seed):
    old_registry(seed)
    azure.seed_content("oldregistry", images=0, indexes=1, index_size=51)
    result = az(MIGRATE).json()
    assert (result["imported"], result["written"], result["verified"]) == (51, 1, True)
    assert same_images(azure)


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        (
            {"publicNetworkAccess": "Disabled", "policies": {"exportPolicy": {"status": "disabled"}}},
            "--allow-exports true",
        ),
        (
            {"networkRuleSet": {"defaultAction": "Deny"}, "networkRuleBypassOptions": "None"},
            "--allow-trusted-services true",
        ),
    ],
)
def test_is_refused_before_anything_is_made(seed, refused, properties, words):
    old_registry(seed, **properties)
    refused(MIGRATE, words, "Nothing was changed")


def test_a_new_registry_in_another_group_is_found_by_its_name(azure, quick_az, old, seed):
    seed.group("elsewhere")
    quick_az("acr cmk enable -n newregistry -g elsewhere -l westeurope").ok()
    assert quick_az(f"{MIGRATE} --freeze").json()["verified"]
    assert quick_az(f"{MIGRATE} --what-if").json()["target"]["id"] == str(NEW).replace("/rg/", "/elsewhere/")
    assert "'elsewhere'.\nTo use it: --resource-group elsewhere" in quick_az(f"{MIGRATE} -g rg").err
    back = quick_az(f"{MIGRATE} --query cutOver.goBack[0].command").json()
    assert "--to newregistry --resource-group elsewhere --unfreeze" in back
    assert len(quick_az(back.removeprefix("az ")).json()["opened"]) == 3


def test_a_name_that_is_taken_is_refused(azure, seed, refused):
    old_registry(seed)
    seed.registry()
    refused(f"{MIGRATE.rpartition(' ')[0]} myregistry", "not encrypted with a customer-managed key")


def test_an_old_registry_that_does_not_exist(refused, seed):
    refused(MIGRATE, "No registry 'oldregistry' was found", code=3)


def test_without_permission_to_read_the_old_registry_nothing_is_made(azure, az_as, seed):
    seed.group("elsewhere")
    body = {"location": "westeurope", "sku": {"name": "Basic"}, "properties": {}}
    seed.put(f"{GROUP[:-2]}elsewhere/providers/{OLD.type}/oldregistry", body)
    looker = seed.role(actions=(f"{OLD.type}/read", "Microsoft.Resources/subscriptions/resources/read"))
    account = azure.principal(("Owner", GROUP), (looker, GROUP.partition("/resourceGroups")[0]))
    azure.clear_log()
    result = az_as(account)(f"{MIGRATE} -g rg")
    assert result.code == 1
    assert f"You don't have permission '{OLD.type}/pull/read' on" in result.err
    assert changes(azure) == []


IMPORTER, WRITER = "Container Registry Data Importer and Data Reader", "Container Registry Repository Writer"


def test_repository_permissions_are_required_also_of_owners(azure, az_as, seed):
    old_registry(seed, api_version="2025-11-01", roleAssignmentMode="AbacRepositoryPermissions")
    azure.seed_content("oldregistry", images=1, signatures=1)
    owner = azure.principal(("Owner", HERE))
    az = az_as(owner)
    for command in (MIGRATE, f"{MIGRATE} --what-if"):
        result = az(command)
        assert result.code == 1
        assert f"'{IMPORTER}'" in result.err
        assert f"'{WRITER}'" in result.err
        assert "Nothing was changed" in result.err


def test_with_the_roles_that_are_named_it_works(azure, az_as, seed):
    old_registry(seed, api_version="2025-11-01", roleAssignmentMode="AbacRepositoryPermissions")
    azure.seed_content("oldregistry", images=1, signatures=1)
    account = azure.principal(("Owner", HERE), (IMPORTER, GROUP), (WRITER, GROUP))
    result = az_as(account)(MIGRATE).json()
    assert result["verified"]
    assert same_images(azure)
    assert (
        azure.unseen("GET", str(NEW), None, "2025-11-01")["properties"]["roleAssignmentMode"]
        == "AbacRepositoryPermissions"
    )


def test_only_what_has_changed_since(azure, az, old):
    az(MIGRATE).ok()
    azure.advance(100_000)
    azure.push_image("oldregistry", "app/service0001", "v9", "later")
    since = datetime.now(timezone.utc) + timedelta(seconds=50_000)
    result = az(f"{MIGRATE} --since {since.isoformat(timespec='seconds')}").json()
    assert (result["inventory"]["manifests"], result["imported"], result["verified"]) == (1, 1, True)
    assert same_images(azure)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("--name oldregistry --to oldregistry", "the name of another registry"),
        ("--name oldregistry --to x", "'x' is not a valid registry name"),
        ("--name oldregistry --to NewRegistry", "must be lowercase"),
        ("--name oldregistry --to newregistry --since yesterday", "'yesterday' is not a date"),
        ("--name oldregistry --to newregistry --since 2062-01-01", "in the future"),
        ("--name oldregistry --to newregistry --since 0001-01-01T00:00:00+05:00", "is not a date"),
        ("--name oldregistry --to newregistry --what-if --report x.md", "can't be used with --what-if"),
        ("--name oldregistry --to newregistry --report /proc/x.md", "can't be written"),
        ("--name oldregistry --to newregistry --repository app/* ''", "'' is not the name of a repository"),
        ("--name oldregistry --to newregistry --concurrency 51", "a number from 1 to 50"),
        ("--name oldregistry --to newregistry --concurrency 0", "a number from 1 to 50"),
    ],
)
def test_options_that_make_no_sense(azure, quick_az, command, words):
    result = quick_az(f"acr cmk migrate {command}")
    assert result.code == 1
    assert words in result.err
    assert azure.log() == []
