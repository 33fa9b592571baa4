"""Which requests commands send, and how often they have to wait for answers before they can go on. Tokens aside."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from azext_acrcmk.model.ids import VAULT_TYPE, ArmId
from sandbox.server.traffic import repeated
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.harness.scene import Scene
from tests.harness.seed import ENABLE, GROUP, IDENTITY, KEY, LOCATION, REGISTRY, VAULT, bodies
from tests.harness.waiting import until

LONG = 100_000
SHOW = "acr cmk show -n myregistry -g rg"
CHECK = "acr cmk check -n myregistry -g rg"
THE_KEY = f"{VAULT}/keys/{KEY}"
# Longer ones first.
SHORT = {THE_KEY: "key", str(VAULT): "vault", str(IDENTITY): "identity", str(REGISTRY): "registry", GROUP: "group"}
SHOWN = ["identity", "vault", "key", "key/versions/*", "key/roleassignments", "key/denyassignments"]


@pytest.fixture
def scene(azure, seed) -> Scene:
    return Scene(azure, seed)


def sent(azure) -> list[dict]:
    return [entry for entry in azure.log() if entry["host"] == "management.azure.com"]


def short(entry: dict) -> str:
    path = entry["path"].lower()
    for id_, name in SHORT.items():
        path = path.replace(id_.lower(), name)
    path = re.sub(r"/(versions|operationstatuses|roleassignments)/[^/]+$", r"/\1/*", path)
    path = re.sub(r"^/subscriptions/[^/]+/providers/microsoft\.[a-z]+$", "/provider", path)
    path = re.sub(r"/providers/microsoft\.[a-z]+|/subscriptions/[0-9a-f-]{36}", "", path)
    return f"{entry['method']} {path.lstrip('/')}"


def requests(azure) -> list[str]:
    return sorted(map(short, sent(azure)))


def gets(*names: str) -> list[str]:
    return [f"GET {name}" for name in names]


def asked_twice(azure) -> list[str]:
    return list(map(short, repeated(sent(azure))))


# What `enable` asks beforehand where there is nothing, in one round: whether anything stands in the way.
AHEAD = [
    *gets("provider", "provider", "provider", "permissions", "locks"),
    *["POST checkpolicyrestrictions"] * 5,  # of the group, the identity, the vault, the key and the registry
    "POST checknameavailability",  # of the vault
]
# What it does: it looks, makes all but the grant, waits, and reads back what it made. The vault is read back by waiting
# for it; of an identity nothing is left to be told.
ALL_BUT_THE_GRANT = [
    *AHEAD,
    *gets("group", "registry", "deletedvaults"),
    "POST checknameavailability",
    *(f"PUT {name}" for name in ("group", "identity", "vault", "key", "registry")),
    *gets("vault", "registry/operationstatuses/*"),
    *gets("registry", *(each for each in SHOWN if each not in ("identity", "vault"))),
]
# By a role assignment, of which there may be no more, or which a policy may deny. In the end, who else has one.
OF_A_GRANT = [
    "GET roleassignmentsusagemetrics",
    "POST checkpolicyrestrictions",
    "PUT vault/roleassignments/*",
    "GET key/roleassignments",
    "GET roledefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635",  # Owner, inherited: whether it includes unwrapKey
]


class TestEnable:
    def test_of_everything(self, azure, az):
        az(f"{ENABLE} -l {LOCATION}").ok()
        assert requests(azure) == sorted([*ALL_BUT_THE_GRANT, *OF_A_GRANT])
        assert asked_twice(azure) == []

    def test_of_everything_with_access_policies(self, azure, az):
        az(f"{ENABLE} -l {LOCATION} --permission-model access-policy").ok()
        # The vault is created with its policy, after a look whether another run has created it meanwhile.
        assert Counter(requests(azure)) - Counter(ALL_BUT_THE_GRANT) == Counter(["GET vault"])
        assert bodies(azure, "PUT", str(VAULT))[0]["properties"]["accessPolicies"] != []

    def test_of_everything_with_access_policies_while_the_vault_is_waited_for(self, azure, az):
        azure.settings(vault_dns_seconds=LONG)
        running = az.start(f"{ENABLE} -l {LOCATION} --permission-model access-policy")
        until(
            lambda: (
                "PUT vault" in (answered := [short(e) for e in sent(azure) if e["status"]])
                and answered.count("GET vault") > 2
            )
        )
        azure.advance(LONG)
        assert running.wait().json()["health"] == "healthy"
        assert asked_twice(azure) == []

    def test_what_the_registry_uses_is_read_back_beside_the_registry_once_its_operation_has_ended(self, azure, az):
        azure.fault("delay", method="GET", path=f"{REGISTRY}$", nth=2, seconds=LONG)
        running = az.start(f"{ENABLE} -l {LOCATION}")
        until(lambda: "GET key/versions/*" in requests(azure))
        names = list(map(short, sent(azure)))
        assert names.index("GET registry/operationstatuses/*") < names.index("GET key/versions/*")
        assert [each["status"] for each in sent(azure) if short(each) == "GET registry"] == [404, None]
        azure.advance(LONG)
        assert running.wait().json()["health"] == "healthy"
        assert requests(azure) == sorted([*ALL_BUT_THE_GRANT, *OF_A_GRANT])

    def test_in_a_group_that_is_there(self, azure, az, seed):
        az(ENABLE).ok()
        counts = Counter(requests(azure))
        assert (counts["PUT group"], counts["GET identity"], counts["GET vault"]) == (0, 1, 2)
        assert asked_twice(azure) == []

    def test_with_parts_that_are_there(self, azure, az, seed):
        seed.parts()
        az(ENABLE).ok()
        looked_for = [*gets("group", *SHOWN), "POST checknameavailability"]
        looked_for.remove("GET key/versions/*")
        # Only of the registry, and of the identity that it is to have.
        ahead = gets("provider", "permissions", "group/permissions", "identity/permissions", "group/locks")
        ahead.append("POST group/checkpolicyrestrictions")
        made = [*gets("registry", "registry", "registry/operationstatuses/*"), "PUT registry"]
        assert requests(azure) == sorted([*looked_for, *ahead, *made])
        assert asked_twice(azure) == []

    @pytest.mark.parametrize("model", ["rbac", "access-policy"])
    def test_again(self, azure, az, model):
        az(f"{ENABLE} -l {LOCATION} --permission-model {model}").ok()
        azure.clear_log()
        az(f"{ENABLE} -l {LOCATION}").ok()
        assert requests(azure) == sorted(gets("registry", "group", *SHOWN))


class TestRotate:
    BEFORE = gets("registry", "resources", *SHOWN)

    def test_to_a_new_version(self, azure, az, scene):
        scene.officer()
        scene.encrypt()
        az("acr cmk rotate -n myregistry -g rg").ok()
        # The version that the data plane makes is read back, and that the registry uses it. At the end its note goes.
        made = [*gets("registry", "registry/operationstatuses/*", "key", "key/versions/*"), *["PATCH registry"] * 2]
        # Before that, whether anything stands in the way of the registry's change. A policy sees none.
        ahead = gets("registry/permissions", "registry/locks")
        assert Counter(requests(azure)) - Counter([*self.BEFORE, *ahead, *made]) == Counter()
        assert asked_twice(azure) == ["GET key"]  # which has another latest version since

    def test_to_another_key_and_identity(self, azure, az, scene):
        scene.officer()
        scene.encrypt()
        az("acr cmk rotate -n myregistry -g rg --key otherkey --identity otheridentity").ok()
        assert asked_twice(azure) == []

    def test_to_another_identity(self, azure, az, scene):
        scene.encrypt()
        az("acr cmk rotate -n myregistry -g rg --identity otheridentity --no-new-version").ok()
        # For the new identity.
        assert asked_twice(azure) == ["GET key/denyassignments"]


class TestRepair:
    def test_looks_for_the_vault_once_and_reads_the_registry_once_after_its_change(self, azure, az, scene):
        scene.encrypt().ungrant()
        azure.clear_log()
        az("acr cmk repair -n myregistry -g rg --yes").ok()
        seen = [each for each in requests(azure) if each.split(" ", 1)[1].startswith(("registry", "resources"))]
        assert seen == [
            "GET registry",
            "GET registry",
            "GET registry/locks",
            "GET registry/operationstatuses/*",
            "GET registry/permissions",
            "GET resources",
            "PATCH registry",
        ]

    def test_of_a_version_reads_all_once_more_as_proof(self, azure, az, scene):
        scene.officer()
        scene.encrypt().change_version(attributes={"enabled": False})
        azure.clear_log()
        az("acr cmk repair -n myregistry -g rg --yes").ok()
        assert sorted(asked_twice(azure)) == sorted(gets("registry", *SHOWN))


class TestRestore:
    def test_of_a_version_lists_its_versions_once(self, azure, az, scene):
        scene.officer()
        scene.encrypt()
        az("acr cmk revoke -n myregistry -g rg --by key --yes").ok()
        azure.clear_log()
        az("acr cmk restore -n myregistry -g rg").ok()
        in_vault = [entry for entry in azure.log() if entry["host"] == f"{VAULT.name}.vault.azure.net"]
        answered = [entry["method"] for entry in in_vault if entry["status"] != 401]
        assert answered == ["GET", "PATCH"]


class TestList:
    @pytest.mark.parametrize("depth", ["key", "live"])
    def test_it_asks_no_query_and_for_no_registry_or_vault_twice(self, azure, az, depth):
        azure.settings(graph_quota=0)
        fleet = azure.seed_fleet(registries=40, vaults=10, keys=20, subscriptions=2, seed=5, damaged=0.9)
        az(f"acr cmk list --all --depth {depth}").ok()
        directly = {id_.lower() for id_ in fleet["registries"]} & {each["path"].lower() for each in sent(azure)}
        assert len(directly) > 5
        own = re.compile(r"POST .*|GET .*/(registries|vaults)/[^/]+", re.IGNORECASE)
        assert [each for each in asked_twice(azure) if own.fullmatch(each)] == []


class TestLooking:
    def test_show_asks_for_the_registry_and_each_part(self, azure, az, scene):
        scene.encrypt()
        az(SHOW).ok()
        # And where the vault is, in case that it is not beside the registry.
        assert requests(azure) == sorted(gets("registry", "resources", *SHOWN))
        assert asked_twice(azure) == []

    def test_show_asks_once_more_to_find_the_registry_by_its_name(self, azure, az, scene):
        scene.encrypt()
        az("acr cmk show -n myregistry").ok()
        assert requests(azure) == sorted(gets("registry", "resources", "resources", *SHOWN))
        assert asked_twice(azure) == []

    def test_show_asks_for_nothing_else_where_there_is_no_key(self, azure, az, seed):
        seed.registry()
        az(SHOW).ok()
        assert requests(azure) == ["GET registry"]

    def test_show_looks_for_a_vault_that_is_not_at_hand_in_the_other_subscriptions(self, azure, az, scene):
        scene.encrypt_elsewhere()
        az(SHOW).ok()
        looked = [entry["path"] for entry in sent(azure) if entry["path"].endswith("/resources")]
        assert looked == [f"/subscriptions/{each}/resources" for each in (SUBSCRIPTION, OTHER_SUBSCRIPTION)]

    def test_check_also_lists_the_registries_that_may_share_the_key(self, azure, az, scene):
        scene.encrypt()
        az(CHECK).ok()
        looked = [*gets("registry", "resources", *SHOWN, "registries", "registries"), "POST resources"]
        assert sorted(requests(azure)) == sorted(looked)
        assert asked_twice(azure) == []


class TestRounds:
    """No request is answered before all of its round have come: else the command would wait for ever."""

    @pytest.fixture
    def answered_in_rounds(self, azure, az):
        def run(command: str, *sizes: int) -> list[list[str]]:
            azure.clear_log()
            azure.fault("delay", method="GET", path="management", times=99, seconds=LONG)
            running, seen = az.start(command), 0
            for size in sizes:
                seen += size
                until(lambda expected=seen: len(sent(azure)) >= expected)
                azure.advance(LONG)
            running.wait().ok()
            assert len(sent(azure)) == sum(sizes)
            names = list(map(short, sent(azure)))
            return [sorted(names[sum(sizes[:n]) : sum(sizes[: n + 1])]) for n in range(len(sizes))]

        return run

    @pytest.mark.parametrize("by_policy", [False, True])
    def test_show_has_two(self, scene, answered_in_rounds, by_policy):
        scene.encrypt_by_policy() if by_policy else scene.encrypt()
        assert answered_in_rounds(SHOW, 1, 7) == [["GET registry"], sorted(gets("resources", *SHOWN))]

    def test_show_has_three_where_the_registry_must_be_found(self, scene, answered_in_rounds):
        scene.encrypt()
        first, second, third = answered_in_rounds("acr cmk show -n myregistry", 1, 1, 7)
        assert (first, second) == (["GET resources"], ["GET registry"])
        assert third == sorted(gets("resources", *SHOWN))

    def test_show_has_three_where_the_vault_must_be_found(self, scene, seed, answered_in_rounds):
        elsewhere = ArmId(SUBSCRIPTION, seed.group("elsewhere").rsplit("/", 1)[-1], VAULT_TYPE, "othervault")
        scene.identity = seed.identity()
        seed.key(seed.vault(elsewhere))
        seed.grant(scene.identity["principalId"], elsewhere)
        scene.use_key(elsewhere)
        rounds = answered_in_rounds(SHOW, 1, 7, 5)
        assert rounds[0] == ["GET registry"]
        assert len([each for each in rounds[2] if "/elsewhere/" in each]) == 5

    def test_check_has_two(self, scene, answered_in_rounds):
        scene.encrypt()
        second = answered_in_rounds(CHECK, 1, 10)[1]
        assert second.count("GET registries") == 2
        assert "POST resources" in second

    def test_enable_has_two_where_all_is_there(self, scene, answered_in_rounds):
        scene.encrypt()
        assert answered_in_rounds(ENABLE, 2, 6) == [gets("group", "registry"), sorted(gets(*SHOWN))]
