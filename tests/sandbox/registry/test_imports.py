"""Import of images from another registry."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.core.web import Reply
from sandbox.entra import tokens
from sandbox.registry.import_faults import ImportFault
from sandbox.registry.login_server import AUDIENCE
from sandbox.registry.record import named_registry
from sandbox.registry.seeding import list_content, push_image, seed_content
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION, Principal
from tests.harness.in_process_azure import Azure, registry_path
from tests.harness.in_process_scene import Scene
from tests.harness.registry_client import RegistryClient, error

SOURCE, TARGET = registry_path("source1"), registry_path("target1")
IMPORTER = "577a9874-89fd-4f24-9dbd-b5034d0ad23a"
CONTRIBUTOR, READER = "b24988ac-6180-42a0-ab88-20f7382dd24c", "acdd72a7-3385-48ef-bd42-f606fba81ae7"
REPOSITORY = "app/service0001"


class Importer:
    """Imports from one registry into another."""

    def __init__(self, azure: Azure):
        self.azure = azure

    def start(self, image: str, *tags: str, as_: Principal | None = None, **body: Any) -> Reply:
        given = {"source": {"resourceId": SOURCE, "sourceImage": image}, "targetTags": list(tags), **body}
        return self.azure.send("POST", f"{TARGET}/importImage", given, as_=as_)

    def poll(self, started: Reply, as_: Principal | None = None) -> Reply:
        return self.azure.send("GET", started.headers["Location"], as_=as_)

    def run(self, image: str, *tags: str, **body: Any) -> tuple[int, Any]:
        """Status and error code of an import that is over."""
        started = self.start(image, *tags, **body)
        assert started.status == 202, started
        ended = self.poll(started)
        return ended.status, ended.body and ended.body["error"]

    def stored(self, name: str = "target1") -> dict[str, Any]:
        return list_content(named_registry(self.azure.world, name))

    def digests(self) -> list[str]:
        return list(self.stored("source1")[REPOSITORY]["manifests"])


@pytest.fixture
def azure() -> Azure:
    azure = Azure()
    azure.registry("source1")
    azure.registry("target1")
    return azure


@pytest.fixture
def importer(azure) -> Importer:
    return Importer(azure)


def seed(azure: Azure, **content: Any) -> None:
    seed_content(azure.world, named_registry(azure.world, "source1"), **content)


def test_a_whole_exchange(azure, importer):
    azure.world.settings = azure.world.settings.with_changes(import_seconds=30.0)
    seed(azure, images=1)
    started = importer.start(f"{REPOSITORY}:v1", "copied:v1")
    assert (started.status, started.body, started.headers["Retry-After"]) == (202, None, "10")
    location = started.headers["Location"]
    assert "/providers/Microsoft.ContainerRegistry/locations/WESTUS/operationResults/registries-" in location
    assert "resourceGroups" not in location
    polled = importer.poll(started)
    assert (polled.status, polled.headers["Location"], polled.headers["Retry-After"]) == (202, location, "10")
    assert importer.stored() == {}
    azure.advance(31)
    assert (importer.poll(started).status, importer.poll(started).body) == (200, None)
    assert list(importer.stored()["copied"]["tags"]) == ["v1"]


class TestWhatIsCopied:
    def test_by_digest_to_several_tags(self, azure, importer):
        seed(azure, images=1)
        (digest,) = importer.digests()
        assert importer.run(f"{REPOSITORY}@{digest}", "a:1", "a:2", "b:1") == (200, None)
        assert importer.stored()["a"]["tags"] == {"1": digest, "2": digest}
        assert importer.stored()["b"]["tags"] == {"1": digest}
        pulled = RegistryClient(azure, host="target1.azurecr.io").pull("a", "1")
        assert pulled.body == RegistryClient(azure, host="source1.azurecr.io").pull(REPOSITORY, digest).body

    def test_untagged_and_again(self, azure, importer):
        seed(azure, images=1)
        (digest,) = importer.digests()
        for _ in range(2):
            assert importer.run(f"{REPOSITORY}@{digest}", untaggedTargetRepositories=["a"]) == (200, None)
        assert importer.stored()["a"]["tags"] == {}
        assert list(importer.stored()["a"]["manifests"]) == [digest]

    def test_one_that_is_there_may_be_refused(self, azure, importer):
        azure.world.settings = azure.world.settings.with_changes(import_of_existing_fails=True)
        seed(azure, images=1)
        (digest,) = importer.digests()
        assert importer.run(f"{REPOSITORY}@{digest}", untaggedTargetRepositories=["a"]) == (200, None)
        assert importer.run(f"{REPOSITORY}@{digest}", untaggedTargetRepositories=["a"])[1]["code"] == "Conflict"
        assert importer.run(f"{REPOSITORY}@{digest}", "a:1") == (200, None)

    def test_an_index_with_its_images_but_without_referrers(self, azure, importer):
        seed(azure, images=0, indexes=1, index_size=3, signatures=1, nested=True)
        assert importer.run(f"{REPOSITORY}:m1", f"{REPOSITORY}:m1") == (200, None)
        assert len(importer.digests()) == 7
        assert len(importer.stored()[REPOSITORY]["manifests"]) == 4

    def test_layers_come_along(self, azure, importer):
        seed(azure, images=1)
        importer.run(f"{REPOSITORY}:v1", "a:1")
        source, target = (named_registry(azure.world, name).content for name in ("source1", "target1"))
        assert target.blobs == source.blobs
        assert target.repositories["a"].blobs == source.repositories[REPOSITORY].blobs

    def test_within_one_registry(self, azure):
        seed(azure, images=1)
        body = {"source": {"resourceId": SOURCE, "sourceImage": f"{REPOSITORY}:v1"}, "targetTags": ["other:v1"]}
        assert azure.send("POST", f"{SOURCE}/importImage", body).status == 202
        azure.get(SOURCE)
        assert "other" in list_content(named_registry(azure.world, "source1"))


class TestRefusals:
    def test_a_tag_that_exists_fails_before_anything_is_copied(self, azure, importer):
        seed(azure, images=2)
        assert importer.run(f"{REPOSITORY}:v1", "a:1") == (200, None)
        status, failed = importer.run(f"{REPOSITORY}:v2", "a:1", "b:1")
        assert (status, failed) == (400, {"code": "Conflict", "message": "Tag a:1 already exists in target registry."})
        assert list(importer.stored()) == ["a"]
        assert importer.run(f"{REPOSITORY}:v2", "a:1", mode="Force") == (200, None)
        assert importer.stored()["a"]["tags"]["1"] == importer.stored("source1")[REPOSITORY]["tags"]["v2"]

    def test_versions_of_the_api(self, azure):
        code = azure.error("POST", f"{TARGET}/importImage?api-version=2017-03-01", {})[1]["code"]
        assert code == "InvalidResourceType"

    def test_a_target_must_be_named(self, importer):
        started = importer.start(f"{REPOSITORY}:v1")
        assert started.status == 400
        assert "Missing property parameters.TargetTags" in started.body["error"]["message"]

    @pytest.mark.parametrize(("size", "status"), [(50, 200), (51, 400)])
    def test_at_most_fifty_images_in_an_index(self, azure, importer, size, status):
        seed(azure, images=0, indexes=1, index_size=size)
        assert importer.run(f"{REPOSITORY}:m1", "a:1")[0] == status

    @pytest.mark.parametrize("image", ["nowhere:v1", f"{REPOSITORY}:nothing", f"{REPOSITORY}@sha256:0"])
    def test_an_image_that_is_not_there(self, azure, importer, image):
        seed(azure, images=1)
        status, failed = importer.run(image, "a:1")
        assert (status, failed["code"]) == (400, "InvalidParameters")
        assert "manifest unknown" in failed["message"]

    def test_a_registry_that_is_not_there(self, azure):
        missing = {"source": {"resourceId": registry_path("nowhere"), "sourceImage": "a:1"}, "targetTags": ["a:1"]}
        assert azure.error("POST", f"{TARGET}/importImage", missing)[0] == 400
        assert azure.error("POST", f"{registry_path('nowhere')}/importImage", missing)[0] == 404

    def test_exports_are_disabled(self, azure, importer):
        seed(azure, images=1)
        closed = {"publicNetworkAccess": "Disabled", "policies": {"exportPolicy": {"status": "disabled"}}}
        azure.ok("PATCH", SOURCE, {"properties": closed})
        assert "Exports" in importer.run(f"{REPOSITORY}:v1", "a:1")[1]["message"]

    @pytest.mark.parametrize("which", [SOURCE, TARGET])
    @pytest.mark.parametrize(("bypass", "status"), [("AzureServices", 200), ("None", 400)])
    def test_a_network_takes_the_bypass(self, azure, importer, which, bypass, status):
        seed(azure, images=1)
        rules = {"networkRuleSet": {"defaultAction": "Deny"}, "networkRuleBypassOptions": bypass}
        azure.ok("PATCH", which, {"properties": rules})
        ended, failed = importer.run(f"{REPOSITORY}:v1", "a:1")
        assert ended == status
        assert status == 200 or "Error copying blobs" in failed["message"]

    def test_a_network_with_service_endpoints_does_not_let_it_in(self, azure, importer):
        seed(azure, images=1)
        rules = {"defaultAction": "Deny", "virtualNetworkRules": [{"id": "/subscriptions/s/subnets/one"}]}
        azure.ok("PATCH", f"{SOURCE}?api-version=2026-03-01-preview", {"properties": {"networkRuleSet": rules}})
        assert importer.run(f"{REPOSITORY}:v1", "a:1")[0] == 400


class TestByLoginServer:
    """A source that is named by its login server, as one of another tenant must be."""

    @pytest.fixture(autouse=True)
    def _content(self, azure):
        seed(azure, images=1)

    def status(self, azure: Azure, credentials: dict[str, str] | None, host: str = "source1.azurecr.io") -> int:
        source = {"registryUri": host, "sourceImage": f"{REPOSITORY}:v1", "credentials": credentials}
        return azure.send("POST", f"{TARGET}/importImage", {"source": source, "targetTags": ["a:1"]}).status

    def test_with_the_admin_users_password(self, azure):
        azure.ok("PATCH", SOURCE, {"properties": {"adminUserEnabled": True}})
        (password, _) = azure.ok("POST", f"{SOURCE}/listCredentials")["passwords"]
        assert self.status(azure, {"username": "source1", "password": password["value"]}) == 202
        assert self.status(azure, {"username": "source1", "password": "wrong"}) == 400
        azure.ok("PATCH", SOURCE, {"properties": {"publicNetworkAccess": "Disabled"}})
        assert self.status(azure, {"username": "source1", "password": password["value"]}) == 400

    def test_with_a_token_of_entra(self, azure):
        token = tokens.issue(azure.world, azure.owner, AUDIENCE)["access_token"]
        assert self.status(azure, {"password": token}) == 202
        nobody = tokens.issue(azure.world, azure.principal(), AUDIENCE)["access_token"]
        assert self.status(azure, {"password": nobody}) == 400

    def test_without_credentials_where_everybody_may_pull(self, azure):
        assert self.status(azure, None) == 400
        azure.ok("PATCH", SOURCE, {"properties": {"anonymousPullEnabled": True}})
        assert self.status(azure, None) == 202

    def test_one_that_is_not_known(self, azure):
        assert self.status(azure, None, "docker.io") == 400

    def test_another_tenants_must_be(self, azure, importer):
        azure.world.tenants[OTHER_SUBSCRIPTION] = "33333333-3333-4333-8333-333333333333"
        resource = SOURCE.replace(SUBSCRIPTION, OTHER_SUBSCRIPTION)
        body = {"source": {"resourceId": resource, "sourceImage": "a:1"}, "targetTags": ["a:1"]}
        status, error = azure.error("POST", f"{TARGET}/importImage", body)
        assert (status, error["code"]) == (403, "LinkedAuthorizationFailed")
        assert "is not authorized to access linked subscription" in error["message"]


class TestRights:
    def test_to_import_and_to_pull(self, azure, importer):
        seed(azure, images=1)
        nobody = azure.principal()
        assert importer.start(f"{REPOSITORY}:v1", "a:1", as_=nobody).body["error"]["code"] == "AuthorizationFailed"
        azure.world.grant(nobody.object_id, CONTRIBUTOR, TARGET)
        refused = importer.start(f"{REPOSITORY}:v1", "a:1", as_=nobody)
        assert refused.body["error"]["code"] == "LinkedAuthorizationFailed"
        azure.world.grant(nobody.object_id, READER, SOURCE)
        started = importer.start(f"{REPOSITORY}:v1", "a:1", as_=nobody)
        assert (started.status, importer.poll(started, as_=nobody).status) == (202, 200)

    def test_by_the_role_for_it_in_both_modes(self, azure, importer):
        seed(azure, images=2)
        who = azure.principal(IMPORTER)
        assert importer.start(f"{REPOSITORY}:v1", "a:1", as_=who).status == 202
        azure.ok("PATCH", SOURCE, {"properties": {"roleAssignmentMode": "AbacRepositoryPermissions"}})
        assert importer.start(f"{REPOSITORY}:v2", "a:2", as_=who).status == 202
        assert importer.start(f"{REPOSITORY}:v2", "a:3").status == 403

    def test_polling_may_take_a_right_on_the_subscription(self, azure, importer):
        seed(azure, images=1)
        who = azure.principal(IMPORTER)
        started = importer.start(f"{REPOSITORY}:v1", "a:1", as_=who)
        azure.world.settings = azure.world.settings.with_changes(import_polls_need_subscription=True)
        assert importer.poll(started, as_=who).status == 403


class TestTheKey:
    def test_no_import_into_a_registry_that_cannot_use_it(self):
        scene = Scene()
        scene.azure.registry("source1")
        seed(scene.azure, images=1)
        body = {"source": {"resourceId": SOURCE, "sourceImage": f"{REPOSITORY}:v1"}, "targetTags": ["a:1"]}
        path = f"{registry_path()}/importImage"
        assert scene.azure.send("GET", scene.azure.send("POST", path, body).headers["Location"]).status == 200
        scene.world.role_assignments.pop(scene.grant.id.lower())
        body["targetTags"] = ["a:2"]
        assert scene.azure.error("GET", scene.azure.send("POST", path, body).headers["Location"])[0] == 400
        assert list(list_content(named_registry(scene.world, "registry1"))["a"]["tags"]) == ["1"]

    def test_that_stops_working_midway(self):
        scene = Scene(import_seconds=60.0)
        scene.azure.registry("source1")
        seed(scene.azure, images=1)
        body = {"source": {"resourceId": SOURCE, "sourceImage": f"{REPOSITORY}:v1"}, "targetTags": ["a:1"]}
        started = scene.azure.send("POST", f"{registry_path()}/importImage", body)
        scene.world.role_assignments.pop(scene.grant.id.lower())
        scene.azure.advance(61)
        assert scene.azure.error("GET", started.headers["Location"])[1]["code"] == "Forbidden"
        assert list_content(named_registry(scene.world, "registry1")) == {}


def test_a_tag_that_moves_meanwhile_points_to_nothing(azure, importer):
    azure.world.settings = azure.world.settings.with_changes(import_seconds=30.0)
    seed(azure, images=1)
    started = importer.start(f"{REPOSITORY}:v1", "a:1")
    push_image(azure.world, named_registry(azure.world, "source1"), REPOSITORY, "v1", "next")
    azure.advance(31)
    assert importer.poll(started).status == 200
    reply = RegistryClient(azure, host="target1.azurecr.io").pull("a", "1")
    assert error(reply) == (404, "MANIFEST_UNKNOWN")


class TestFaults:
    """Imports that go wrong on demand."""

    @pytest.fixture(autouse=True)
    def _content(self, azure):
        seed(azure, images=2)

    def strike(self, azure: Azure, action: str, **fault: Any) -> None:
        azure.world.import_faults.append(ImportFault(action, **fault))

    def test_one_fails(self, azure, importer):
        self.strike(azure, "fail", source=f"source1/{REPOSITORY}:v2")
        assert importer.run(f"{REPOSITORY}:v1", "a:1") == (200, None)
        failed = {"code": "InvalidParameters", "message": "Error copying blobs."}
        assert importer.run(f"{REPOSITORY}:v2", "a:2") == (400, failed)
        assert list(importer.stored()["a"]["tags"]) == ["1"]
        assert importer.run(f"{REPOSITORY}:v2", "a:2") == (200, None)

    def test_one_fails_with_a_status(self, azure, importer):
        azure.world.settings = azure.world.settings.with_changes(import_failure_in_body=True)
        self.strike(azure, "fail", code="Strange")
        ended = importer.poll(importer.start(f"{REPOSITORY}:v1", "a:1"))
        assert (ended.status, ended.body["status"], ended.body["error"]["code"]) == (200, "Failed", "Strange")

    @pytest.mark.parametrize(("arrives", "status"), [(True, 200), (False, 400)])
    def test_one_hangs(self, azure, importer, arrives, status):
        self.strike(azure, "hang", seconds=3000, arrives=arrives)
        started = importer.start(f"{REPOSITORY}:v1", "a:1")
        assert importer.poll(started).status == 202
        assert bool(importer.stored()) == arrives
        azure.advance(2999)
        assert importer.poll(started).status == 202
        azure.advance(2)
        assert importer.poll(started).status == status
        assert bool(importer.stored()) == arrives

    def test_one_is_lost(self, azure, importer):
        self.strike(azure, "lose", nth=2)
        assert importer.run(f"{REPOSITORY}:v1", "a:1") == (200, None)
        assert importer.run(f"{REPOSITORY}:v2", "a:2") == (200, None)
        assert list(importer.stored()["a"]["tags"]) == ["1"]

    def test_its_tag_moves(self, azure, importer):
        self.strike(azure, "move")
        assert importer.run(f"{REPOSITORY}:v1", "a:1") == (200, None)
        assert importer.stored()["a"]["tags"]["1"] not in importer.stored()["a"]["manifests"]

    def test_mistakes_in_tests(self):
        with pytest.raises(ValueError, match="explode"):
            ImportFault("explode")


def test_no_more_at_once_than_the_limit(azure, importer):
    azure.world.settings = azure.world.settings.with_changes(import_limit=1, import_seconds=30.0)
    seed(azure, images=2)
    first = importer.start(f"{REPOSITORY}:v1", "a:1")
    refused = importer.start(f"{REPOSITORY}:v2", "a:2")
    assert (first.status, refused.status, refused.headers["Retry-After"]) == (202, 429, "5")
    azure.advance(31)
    assert importer.start(f"{REPOSITORY}:v2", "a:2").status == 202
