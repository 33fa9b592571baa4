"""A fleet that was seeded: what is wrong with it is really wrong, and whoever looks sees the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.fleet import damages
from sandbox.fleet.seed import seed_fleet
from sandbox.registry.encryption import pull
from sandbox.resource_manager.access import allowed_data, identities_of
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION, World
from tests.harness.graph_queries import ask, send
from tests.harness.in_process_azure import Azure

SIZES = {"registries": 200, "vaults": 40, "keys": 120, "subscriptions": 4}
ABOVE_AND_BELOW = {"authorizationScopeFilter": "AtScopeAboveAndBelow"}
REGISTRIES = "where type == 'microsoft.containerregistry/registries'"


class Fleet:
    def __init__(self, **changes: Any):
        self.azure = Azure(graph_quota=0, clock_scale=0.001)
        self.world: World = self.azure.world
        self.summary = seed_fleet(self.world, **{**SIZES, **changes})
        self.damages: dict[str, list[str]] = self.summary["registries"]

    def registries(self, damage: str) -> list[Any]:
        return [self.world.registries[each.lower()] for each, found in self.damages.items() if damage in found]

    def shown(self, registry: Any) -> dict[str, Any]:
        return self.azure.get(f"{registry.id}?api-version=2025-11-01")

    def key(self, registry: Any) -> tuple[str, str]:
        """The ARM id of a registry's key, and the version in use."""
        uri = registry.encryption.versioned_identifier.split("/")
        vault = next(vault for vault in self.all_vaults() if vault.host == uri[2])
        return f"{vault.id}/keys/{uri[4]}", uri[5]

    def vault(self, registry: Any) -> dict[str, Any]:
        return self.azure.get(self.key(registry)[0].partition("/keys/")[0])["properties"]

    def all_vaults(self) -> list[Any]:
        return [*self.world.vaults.values(), *(each.vault for each in self.world.deleted_vaults.values())]

    def latest(self, registry: Any) -> dict[str, Any]:
        return self.azure.get(self.key(registry)[0])["properties"]

    def used(self, registry: Any) -> dict[str, Any]:
        return self.azure.get("/versions/".join(self.key(registry)))["properties"]

    def principal(self, registry: Any) -> str:
        return registry.encryption.credential.object_id

    def roles(self, registry: Any) -> list[str]:
        given = self.world.role_assignments.of(self.principal(registry))
        return [self.world.role_definitions[each.role_definition_id.rsplit("/", 1)[-1]]["roleName"] for each in given]

    def permissions(self, registry: Any) -> list[str]:
        policies = self.vault(registry)["accessPolicies"]
        own = [policy for policy in policies if policy["objectId"] == self.principal(registry)]
        return own[0]["permissions"]["keys"] if own else []

    def may_unwrap(self, registry: Any) -> bool:
        action = "Microsoft.KeyVault/vaults/keys/unwrap/action"
        return allowed_data(self.world, self.principal(registry), action, self.key(registry)[0])


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    """Nobody changes it."""
    return Fleet()


def test_has_every_kind_of_damage(fleet):
    assert set(fleet.summary["damages"]) == set(damages.ALL)
    assert fleet.summary["damages"]["key deleted"] == len(fleet.registries("key deleted"))


def test_begins_with_the_sandboxs_own_subscriptions(fleet):
    assert fleet.summary["subscriptions"][:2] == [SUBSCRIPTION, OTHER_SUBSCRIPTION]
    assert len(fleet.summary["subscriptions"]) == 4


def test_registries_that_can_not_use_their_key_serve_nothing_and_all_others_do(fleet):
    """The data key is really unwrapped, with the vault's rules, the grants and the key as they are."""
    served = {each: pull(fleet.world, each.rsplit("/", 1)[-1])["status"] == 200 for each in fleet.damages}
    locked_out = {each for each, found in fleet.damages.items() if damages.LOCKED_OUT & set(found)}
    assert {each for each, serves in served.items() if not serves} == locked_out


_DAY = 86_400
CHECKS: dict[str, Callable[[Fleet, Any], Any]] = {
    "vault firewall closed": lambda fleet, each: (
        (fleet.vault(each)["networkAcls"]["defaultAction"], fleet.vault(each)["networkAcls"]["bypass"])
        == ("Deny", "None")
    ),
    "vault access disabled": lambda fleet, each: fleet.vault(each)["publicNetworkAccess"] == "Disabled",
    "vault in a perimeter": lambda fleet, each: fleet.vault(each)["publicNetworkAccess"] == "SecuredByPerimeter",
    "vault without purge protection": lambda fleet, each: "enablePurgeProtection" not in fleet.vault(each),
    "vault with short retention": lambda fleet, each: fleet.vault(each)["softDeleteRetentionInDays"] == 7,
    "key disabled": lambda fleet, each: fleet.latest(each)["attributes"]["enabled"] is False,
    "key expired": lambda fleet, each: fleet.latest(each)["attributes"]["exp"] < fleet.world.now(),
    "key expires soon": lambda fleet, each: 0 < fleet.latest(each)["attributes"]["exp"] - fleet.world.now() < 30 * _DAY,
    "key not yet valid": lambda fleet, each: fleet.latest(each)["attributes"]["nbf"] > fleet.world.now(),
    "key elliptic": lambda fleet, each: fleet.latest(each)["kty"] == "EC",
    "key without wrapping": lambda fleet, each: fleet.latest(each)["keyOps"] == ["sign", "verify"],
    "key without rotation policy": lambda fleet, each: "rotationPolicy" not in fleet.latest(each),
    "new version not taken yet": lambda fleet, each: (
        fleet.used(each) != fleet.latest(each) and fleet.latest(each)["attributes"]["enabled"]
    ),
    "new version disabled": lambda fleet, each: fleet.latest(each)["attributes"]["enabled"] is False,
    "new version expired": lambda fleet, each: fleet.latest(each)["attributes"]["exp"] < fleet.world.now(),
    "version in use disabled": lambda fleet, each: (
        fleet.used(each)["attributes"]["enabled"] is False and fleet.latest(each)["attributes"]["enabled"]
    ),
    "identity deleted": lambda fleet, each: fleet.azure.send("GET", attached(each)).status == 404,
    "identity recreated": lambda fleet, each: (
        fleet.azure.get(attached(each))["properties"]["clientId"] != each.encryption.credential.client_id
    ),
    "identity detached": lambda fleet, each: "identity" not in fleet.shown(each),
    "system identity removed": lambda fleet, each: (
        each.encryption.credential.identity == "system" and "identity" not in fleet.shown(each)
    ),
    "grant denied": lambda fleet, each: any(
        denied.principals[0]["id"] == fleet.principal(each) for denied in fleet.world.deny_assignments.values()
    ),
    "grant through group": lambda fleet, each: (
        len(identities_of(fleet.world, fleet.principal(each))) == 2
        and not fleet.world.role_assignments.of(fleet.principal(each))
        and fleet.may_unwrap(each)
    ),
    "grant conditional": lambda fleet, each: all(
        given.condition for given in fleet.world.role_assignments.of(fleet.principal(each))
    ),
    "operation failed": lambda fleet, each: fleet.shown(each)["properties"]["provisioningState"] == "Failed",
    "operation under way": lambda fleet, each: fleet.shown(each)["properties"]["provisioningState"] == "Updating",
    "status message": lambda fleet, each: fleet.shown(each)["properties"]["status"]["message"],
    "content trust": lambda fleet, each: (
        fleet.shown(each)["properties"]["policies"]["trustPolicy"]["status"] == "enabled"
    ),
    "encrypted without Premium": lambda fleet, each: fleet.shown(each)["sku"]["name"] == "Standard",
    "not Premium": lambda fleet, each: fleet.shown(each)["sku"]["name"] in ("Basic", "Standard"),
    "not encrypted": lambda fleet, each: (
        fleet.shown(each)["properties"]["encryption"] == {"status": "disabled"}
        and fleet.shown(each)["sku"]["name"] == "Premium"
    ),
    "grant missing": lambda fleet, each: not fleet.roles(each) and not fleet.permissions(each),
    "grant partial": lambda fleet, each: (
        fleet.roles(each) == ["Key Vault Reader"] or fleet.permissions(each) == ["get"]
    ),
    "grant too wide": lambda fleet, each: (
        fleet.roles(each) == ["Key Vault Crypto Officer"] or fleet.permissions(each) == ["all"]
    ),
    "grant of the other kind": lambda fleet, each: (
        bool(fleet.permissions(each)) == fleet.vault(each)["enableRbacAuthorization"]
    ),
}


def attached(registry: Any) -> str:
    (identity,) = registry.identities
    return f"{identity}?api-version=2024-11-30"


# These have tests of their own.
GONE = {"vault deleted", "vault purged", "key deleted", "key purged", "version in use gone"}
OTHERS = {"pinned", "pinned to an old version", "vault in another region", damages.SHARED}


def test_every_damage_is_looked_for():
    assert set(CHECKS) | GONE | OTHERS == set(damages.ALL)


@pytest.mark.parametrize("damage", CHECKS)
def test_damage_is_seen_by_direct_reads(fleet, damage):
    for registry in fleet.registries(damage):
        assert CHECKS[damage](fleet, registry)


@pytest.mark.parametrize(("damage", "kept"), [("key deleted", True), ("key purged", False)])
def test_keys_are_gone(fleet, damage, kept):
    for registry in fleet.registries(damage):
        path, _ = fleet.key(registry)
        assert fleet.azure.send("GET", path).status == 404
        vault = fleet.world.vaults[path.partition("/keys/")[0].lower()]
        assert (path.rsplit("/", 1)[-1] in vault.deleted_keys) is kept


@pytest.mark.parametrize(("damage", "kept"), [("vault deleted", True), ("vault purged", False)])
def test_vaults_are_gone_with_the_roles_at_them(fleet, damage, kept):
    for registry in fleet.registries(damage):
        name = registry.encryption.key_identifier.split("/")[2].partition(".")[0]
        assert name not in {vault.name for vault in fleet.world.vaults.values()}
        assert (name in fleet.world.deleted_vaults) is kept
        assert not any(f"/vaults/{name}" in given.scope for given in fleet.world.role_assignments.values())


def test_versions_in_use_are_gone(fleet):
    for registry in fleet.registries("version in use gone"):
        path, version = fleet.key(registry)
        assert fleet.azure.send("GET", path).status == 200
        assert fleet.azure.send("GET", f"{path}/versions/{version}").status == 404


def test_pinned_registries_name_their_version(fleet):
    for registry in fleet.registries("pinned"):
        assert fleet.used(registry)["keyUriWithVersion"] == registry.encryption.key_identifier
        assert fleet.latest(registry)["keyUriWithVersion"] == registry.encryption.key_identifier
    for registry in fleet.registries("pinned to an old version"):
        assert fleet.used(registry)["keyUriWithVersion"] == registry.encryption.key_identifier
        assert fleet.latest(registry)["keyUriWithVersion"] != registry.encryption.key_identifier


def test_vaults_in_other_regions(fleet):
    for registry in fleet.world.registries.values():
        if registry.encryption and not {"vault deleted", "vault purged"} & set(fleet.damages[registry.id]):
            vault = fleet.azure.get(fleet.key(registry)[0].partition("/keys/")[0])
            apart = "vault in another region" in fleet.damages[registry.id]
            assert (vault["location"] not in (registry.location, *registry.replicas)) is apart


def test_some_have_replicas_and_some_of_these_are_away_from_their_vault(fleet):
    replicated = [each for each in fleet.world.registries.values() if each.replicas]
    assert replicated
    shown = ask(
        fleet.azure, "where type == 'microsoft.containerregistry/registries/replications' | project id, location"
    )
    assert {(row["id"].partition("/replications/")[0], row["location"]) for row in shown} == {
        (registry.id, region) for registry in replicated for region in registry.replicas
    }
    assert all(registry.location not in registry.replicas for registry in replicated)


def test_keys_are_shared_as_told(fleet):
    users: dict[str, list[str]] = {}
    for registry in fleet.world.registries.values():
        if registry.encryption:
            key = "/".join(registry.encryption.versioned_identifier.split("/")[:5])
            users.setdefault(key, []).append(registry.id)
    shared = {each for found in users.values() if len(found) > 1 for each in found}
    assert shared == {each for each, found in fleet.damages.items() if damages.SHARED in found}


class TestInTheGraph:
    """It shows what direct reads show."""

    @pytest.mark.parametrize(
        ("kind", "version"),
        [
            ("microsoft.containerregistry/registries", "2025-11-01"),
            ("microsoft.keyvault/vaults", "2026-02-01"),
            ("microsoft.managedidentity/userassignedidentities", "2024-11-30"),
        ],
    )
    def test_resources(self, fleet, kind, version):
        rows = ask(fleet.azure, f"where type == '{kind}'")
        assert len(rows) > 30
        for row in rows:
            direct = fleet.azure.get(f"{row['id']}?api-version={version}")
            assert (row["id"], row["name"], row["location"]) == (direct["id"], direct["name"], direct["location"])
            assert row["properties"] == direct["properties"]
            assert row["identity"] == direct.get("identity")
            assert row["sku"] == direct.get("sku")

    def test_no_more_and_no_less(self, fleet):
        shown = {row["id"] for row in ask(fleet.azure, "where type !endswith '/replications' | project id")}
        held = [fleet.world.registries, fleet.world.vaults, fleet.world.identities]
        assert shown == {resource.id for resources in held for resource in resources.values()}

    def test_role_assignments(self, fleet):
        query = "authorizationresources | where type == 'microsoft.authorization/roleassignments'"
        rows = ask(fleet.azure, query, options=ABOVE_AND_BELOW)
        assert {row["id"] for row in rows} == {given.id for given in fleet.world.role_assignments.values()}
        for row in rows[:50]:
            version = "?api-version=2022-04-01"
            direct = fleet.world.role_assignments[row["id"].lower()]
            assert row["properties"]["scope"] == direct.scope
            if not direct.scope.startswith("/providers"):
                read = fleet.azure.get(row["id"] + version)["properties"]
                assert row["properties"]["principalId"] == read["principalId"]

    def test_grants_from_management_groups_only_where_asked_for(self, fleet):
        query = "authorizationresources | where properties.scope startswith '/providers/Microsoft.Management'"
        assert ask(fleet.azure, query) == []
        assert ask(fleet.azure, query, options=ABOVE_AND_BELOW)

    def test_management_groups_hold_the_subscriptions(self, fleet):
        query = "resourcecontainers | where type == 'microsoft.resources/subscriptions' | project id"
        assert len(ask(fleet.azure, query, managementGroups=["fleet"])) == 4
        assert len(ask(fleet.azure, query, managementGroups=["fleet-corp"])) == 2


def test_is_the_same_for_the_same_seed():
    def made(seed: int) -> list[Any]:
        fleet = Fleet(seed=seed)
        world, own = fleet.world, Azure().world.now() - 1_000  # what a world has from its beginning is younger
        return [
            fleet.summary,
            sorted(key for key, given in world.role_assignments.items() if given.created < own),
            sorted(world.deny_assignments),
            sorted(each.encryption.versioned_identifier for each in world.registries.values() if each.encryption),
            sorted(each.principal_id for each in world.identities.values()),
        ]

    assert made(1) == made(1)
    assert made(1) != made(2)


def test_two_fleets_stand_side_by_side():
    fleet = Fleet()
    with pytest.raises(ValueError, match="There is a fleet 'fleet' already"):
        seed_fleet(fleet.world)
    more = seed_fleet(fleet.world, registries=10, vaults=3, keys=5, prefix="more", seed=2)
    assert len(more["registries"]) == 10
    assert len(fleet.world.registries) == 210


def test_new_versions_are_taken_when_it_is_time():
    fleet = Fleet()
    (registry, *_) = fleet.registries("new version not taken yet")
    fleet.azure.advance(3_600)
    fleet.shown(registry)
    registry = fleet.world.registries[registry.id.lower()]
    assert registry.encryption.versioned_identifier == fleet.latest(registry)["keyUriWithVersion"]


def test_of_ten_thousand_registries_is_listed_in_pages_and_has_few_key_pairs():
    fleet = Fleet(registries=10_000, vaults=3_000, keys=6_000, subscriptions=200)
    pairs = {
        id(version.private)
        for vault in fleet.all_vaults()
        for key in vault.keys.values()
        for version in key.versions
        if version.shape.kty == "RSA"
    }
    assert len(pairs) <= 10
    query = f"{REGISTRIES} | project id, properties.encryption.keyVaultProperties | order by id asc"
    answer = send(fleet.azure, query).body
    found = [row["id"] for row in answer["data"]]
    while token := answer.get("$skipToken"):
        answer = send(fleet.azure, query, options={"$skipToken": token}).body
        found += [row["id"] for row in answer["data"]]
    assert found == sorted(fleet.damages)
