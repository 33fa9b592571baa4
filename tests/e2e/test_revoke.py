"""The registry's key is taken from it and given back: nothing more and nothing less than what there was."""

from __future__ import annotations

import uuid

import pytest

from azext_acrcmk.model.access import ENCRYPTION_USER
from azext_acrcmk.model.ids import IDENTITY_TYPE, REGISTRY_TYPE, ArmId
from azext_acrcmk.plan.revoke import JOURNAL_TAG
from sandbox.world import OWNER_OBJECT_ID, SUBSCRIPTION, TENANT
from tests.e2e.seed import CRYPTO_OFFICER, GROUP, IDENTITY, KEY, LOCATION, REGISTRY, VAULT, changes, outcomes

REVOKE = "acr cmk revoke -n myregistry"
RESTORE = "acr cmk restore -n myregistry"
BY_KEY = f"{REVOKE} --by key --yes"
KEY_URI = f"https://{VAULT.name}.vault.azure.net/keys/{KEY}"
ON_KEY = f"{VAULT}/keys/{KEY}"
AGAIN = "Run the same command again"
USUAL = ["get", "wrapKey", "unwrapKey"]
HSM_HOST = "https://myhsm.managedhsm.azure.net"
HSM_ENCRYPTION_USER = "33413926-3206-4cdd-b39a-83574fe37a17"
HSM_CRYPTO_USER = "21dbd100-6940-42c2-9190-5d6cb909625b"


@pytest.fixture
def officer(seed):
    """The signed-in owner may also use the vault's data plane."""
    seed.grant(OWNER_OBJECT_ID, VAULT, CRYPTO_OFFICER)


def pulled(azure, name="myregistry") -> int:
    return azure.pull(name)["status"]


def roles(seed) -> set[tuple[str, str]]:
    """The registry's identity's roles at and below the vault, as GUID and scope."""
    principal = seed.get(IDENTITY)["properties"]["principalId"]
    return {
        (each["properties"]["roleDefinitionId"].rsplit("/", 1)[-1], each["properties"]["scope"].lower())
        for each in seed.assignments()
        if each["properties"]["principalId"] == principal
    }


def permissions(seed) -> dict[str, set[str]]:
    """The key permissions of the vault's access policies by object id."""
    policies = seed.get(VAULT)["properties"]["accessPolicies"]
    return {each["objectId"]: {p.lower() for p in each["permissions"]["keys"]} for each in policies}


def with_roles(seed, *given) -> None:
    """A registry whose identity has these roles (GUID, scope), and no other."""
    identity = seed.encrypted()
    for each in seed.assignments():
        if each["properties"]["principalId"] == identity["principalId"]:
            seed.delete(each["id"])
    for role, scope in given:
        seed.grant(identity["principalId"], scope, role)


def with_policy(seed, *given, **others) -> dict:
    """A registry whose identity has these permissions on the vault; returns the identity."""
    identity = seed.identity()
    policy = {"tenantId": TENANT, "objectId": identity["principalId"], "permissions": {"keys": USUAL}}
    rest = [{"tenantId": TENANT, "objectId": id_, "permissions": {"keys": keys}} for id_, keys in others.items()]
    seed.vault(enableRbacAuthorization=False, accessPolicies=[policy, *rest])
    seed.key()
    encryption(seed, identity, KEY_URI)
    policy = {**policy, "permissions": {"keys": list(given)}}
    seed.patch(VAULT, {"properties": {"accessPolicies": [policy, *rest]}})
    return identity


def encryption(seed, identity, key) -> None:
    chosen = {"keyIdentifier": key, "identity": identity["clientId"]}
    seed.registry(identity["id"], encryption={"status": "enabled", "keyVaultProperties": chosen})


def another_registry(seed, identity, key=KEY_URI, name="second") -> None:
    """A second registry; without a key where that is None."""
    body = {
        "location": LOCATION,
        "sku": {"name": "Premium"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity["id"]: {}}},
    }
    if key:
        chosen = {"keyIdentifier": key, "identity": identity["clientId"]}
        body["properties"] = {"encryption": {"status": "enabled", "keyVaultProperties": chosen}}
    seed.put(ArmId(SUBSCRIPTION, "rg", REGISTRY_TYPE, name), body)


def version_in_use(seed) -> str:
    return seed.get(REGISTRY)["properties"]["encryption"]["keyVaultProperties"]["versionedKeyIdentifier"]


def enabled(azure, uri) -> bool:
    return version(azure, uri)["attributes"]["enabled"]


def version(azure, uri) -> dict:
    """A version as the list of versions shows it."""
    all_keys = azure.principal((CRYPTO_OFFICER, f"/subscriptions/{SUBSCRIPTION}"))
    found = azure.vault("GET", f"{uri.rsplit('/', 1)[0]}/versions", as_=all_keys).json()["value"]
    return next(each for each in found if each["kid"] == uri)


def set_tags(seed, **tags) -> None:
    seed.patch(REGISTRY, {"tags": tags})


def tags(seed) -> dict:
    return seed.get(REGISTRY).get("tags") or {}


def refuses(azure, az, command, *words, code=1) -> None:
    """The command is refused, saying all of `words`, before anything is changed."""
    result = az(command)
    assert result.code == code, result
    for word in words:
        assert word in result.err
    assert changes(azure) == []


class TestByGrant:
    @pytest.mark.parametrize(
        "given",
        [
            [(ENCRYPTION_USER, VAULT)],
            [(CRYPTO_OFFICER, VAULT)],
            [(ENCRYPTION_USER, VAULT), (ENCRYPTION_USER, ON_KEY), (CRYPTO_OFFICER, ON_KEY)],
        ],
        ids=["usual", "officer", "several"],
    )
    def test_roles_are_removed_and_made_again_as_they_were(self, azure, az, seed, given):
        with_roles(seed, *given)
        set_tags(seed, team="images")
        before = roles(seed)
        assert before == {(role, str(scope).lower()) for role, scope in given}
        assert pulled(azure) == 200
        result = az(f"{REVOKE} --yes").json()
        assert pulled(azure) == 403
        assert roles(seed) == set()
        assert result["access"]["granted"] is False
        assert "removed" in outcomes(result).values()
        result = az(RESTORE).json()
        assert pulled(azure) == 200
        assert roles(seed) == before
        assert result["access"]["granted"] is True
        assert tags(seed) == {"team": "images"}

    @pytest.mark.parametrize(
        "given",
        [[*USUAL, "list", "sign"], ["all", "unwrapKey"], ["get", "unwrapKey"]],
        ids=["more", "all", "less"],
    )
    def test_an_access_policy_is_narrowed_and_widened_again(self, azure, az, seed, given):
        other = str(uuid.uuid4())
        identity = with_policy(seed, *given, **{other: ["get", "wrapKey"]})
        before = permissions(seed)
        assert pulled(azure) == 200
        az(f"{REVOKE} --yes").ok()
        assert pulled(azure) == 403
        kept = permissions(seed)
        assert kept[other] == {"get", "wrapkey"}
        assert kept.get(identity["principalId"], set()) == before[identity["principalId"]] & {"list", "sign"}
        az(RESTORE).ok()
        assert pulled(azure) == 200
        assert permissions(seed) == before

    def test_on_another_machine_the_grants_come_back_just_the_same(self, azure, az, seed, tmp_path):
        with_roles(seed, (CRYPTO_OFFICER, ON_KEY), (ENCRYPTION_USER, VAULT))
        before = roles(seed)
        az(f"{REVOKE} --yes").ok()
        directory = tmp_path / "another machine"
        directory.mkdir()
        az(RESTORE, environment=azure.login(directory)).ok()
        assert roles(seed) == before
        assert pulled(azure) == 200

    def test_a_user_who_may_not_write_the_registry_can_do_it(self, azure, az_as, seed):
        seed.encrypted()
        before = roles(seed)
        guard = az_as(azure.principal(("Reader", GROUP), ("User Access Administrator", str(VAULT))))
        guard(f"{REVOKE} --yes").ok()
        assert pulled(azure) == 403
        guard(RESTORE).ok()
        assert roles(seed) == before
        assert pulled(azure) == 200

    def test_the_system_identity(self, azure, az, seed):
        seed.encrypted()
        az("acr cmk rotate -n myregistry --no-new-version --identity [system] --revoke-old").ok()
        before = {(each["properties"]["principalId"], each["properties"]["scope"]) for each in seed.assignments()}
        az(f"{REVOKE} --yes").ok()
        assert (pulled(azure), seed.assignments()) == (403, [])
        az(RESTORE).ok()
        assert pulled(azure) == 200
        assert {(e["properties"]["principalId"], e["properties"]["scope"]) for e in seed.assignments()} == before

    @pytest.mark.parametrize(
        "given",
        [[(HSM_ENCRYPTION_USER, f"/keys/{KEY}")], [(HSM_CRYPTO_USER, "/keys"), (HSM_ENCRYPTION_USER, "/")]],
        ids=["usual", "others"],
    )
    def test_local_roles_of_a_managed_hsm(self, azure, az, seed, given):
        identity, hsm = seed.identity(), seed.hsm()
        key = seed.key(hsm, kty="RSA-HSM")["keyUri"]
        for role, scope in given:
            grant_in_hsm(azure, identity["principalId"], role, scope)
        encryption(seed, identity, key)
        assert hsm_roles(azure, identity) == set(given)
        az(f"{REVOKE} --yes").ok()
        assert (pulled(azure), hsm_roles(azure, identity)) == (403, set())
        az(RESTORE).ok()
        assert pulled(azure) == 200
        assert hsm_roles(azure, identity) == set(given)

    def test_a_role_from_above_is_refused_with_the_way_out(self, azure, az, seed):
        identity = seed.encrypted()
        seed.grant(identity["principalId"], GROUP)
        words = ("reach it from elsewhere", GROUP, "--by key", "Nothing was changed")
        refuses(azure, az, f"{REVOKE} --yes", *words)
        assert pulled(azure) == 200

    def test_a_role_through_a_group_is_refused_with_the_way_out(self, azure, az, seed):
        identity = seed.encrypted()
        seed.grant(azure.add_to_group(identity["principalId"]).object_id)
        refuses(azure, az, f"{REVOKE} --yes", "reach it from elsewhere", "--by key")
        assert pulled(azure) == 200

    def test_grants_of_others_stay(self, azure, az, seed):
        seed.encrypted()
        other = seed.identity(ArmId(SUBSCRIPTION, "rg", IDENTITY_TYPE, "other"))["principalId"]
        seed.grant(other)
        az(f"{REVOKE} --yes").ok()
        assert [each["properties"]["principalId"] for each in seed.assignments()] == [other]

    def test_after_the_grant_was_made_again_by_hand_restore_adds_nothing(self, azure, az, seed):
        with_roles(seed, (CRYPTO_OFFICER, VAULT))
        az(f"{REVOKE} --yes").ok()
        seed.grant(seed.get(IDENTITY)["properties"]["principalId"])
        az(f"{REVOKE} --yes").ok()
        assert pulled(azure) == 403
        az(RESTORE).ok()
        assert roles(seed) == {(ENCRYPTION_USER, str(VAULT).lower())}


class TestByKey:
    def test_the_version_in_use_is_disabled_and_on_another_machine_enabled_again(
        self, azure, az, seed, officer, tmp_path
    ):
        seed.encrypted()
        seed.change_key("PATCH", version_in_use(seed), {"tags": {"team": "images"}})
        before, grants = version(azure, version_in_use(seed)), roles(seed)
        result = az(BY_KEY).json()
        assert pulled(azure) == 403
        assert enabled(azure, version_in_use(seed)) is False
        assert result["key"]["enabled"] is False
        assert outcomes(result) == {"key": "updated"}
        assert roles(seed) == grants
        directory = tmp_path / "another machine"
        directory.mkdir()
        az(RESTORE, environment=azure.login(directory)).ok()
        assert pulled(azure) == 200
        after = version(azure, version_in_use(seed))
        assert after["attributes"]["enabled"] is True
        assert after["tags"] == before["tags"] == {"team": "images"}

    def test_other_versions_are_left_alone(self, azure, az, seed, officer):
        seed.encrypted()
        seed.change_key("POST", f"{KEY_URI}/rotate")
        newer = seed.get(ON_KEY)["properties"]["keyUriWithVersion"]
        az(BY_KEY).ok()
        assert enabled(azure, newer) is True
        assert enabled(azure, version_in_use(seed)) is False
        assert pulled(azure) == 403

    def test_no_key_is_ever_deleted(self, azure, az, seed, officer):
        seed.encrypted()
        az(BY_KEY).ok()
        az(f"{REVOKE} --yes").ok()
        assert not [change for change in changes(azure) if change.startswith("DELETE") and "/keys/" in change]
        assert version(azure, version_in_use(seed))

    def test_one_that_somebody_else_disabled_is_left_alone(self, azure, az, seed, officer):
        seed.encrypted()
        seed.change_key("PATCH", version_in_use(seed), {"attributes": {"enabled": False}})
        rows = {row["step"]: row for row in az(f"{RESTORE} --what-if").json()}
        assert "not by `revoke`" in rows["key"]["reason"]
        assert "az keyvault key set-attributes" in rows["key"]["reason"]
        az(RESTORE).ok()
        assert enabled(azure, version_in_use(seed)) is False
        assert changes(azure) == []

    def test_both_ways_at_once_are_undone_at_once(self, azure, az, seed, officer):
        with_roles(seed, (CRYPTO_OFFICER, VAULT))
        az(BY_KEY).ok()
        az(f"{REVOKE} --yes").ok()
        az(RESTORE).ok()
        assert pulled(azure) == 200
        assert roles(seed) == {(CRYPTO_OFFICER, str(VAULT).lower())}

    def test_of_a_managed_hsm(self, azure, az, seed):
        identity, hsm = seed.identity(), seed.hsm()
        key = seed.key(hsm, kty="RSA-HSM")["keyUri"]
        grant_in_hsm(azure, identity["principalId"], HSM_ENCRYPTION_USER, f"/keys/{KEY}")
        grant_in_hsm(azure, OWNER_OBJECT_ID, HSM_CRYPTO_USER, "/keys")
        encryption(seed, identity, key)
        az(BY_KEY).ok()
        assert pulled(azure) == 403
        az(RESTORE).ok()
        assert pulled(azure) == 200

    def test_takes_a_right_on_the_vault(self, azure, az, seed):
        seed.encrypted()
        failed = az(BY_KEY)
        assert failed.code == 1
        assert "Only the vault itself can change" in failed.err
        assert "Key Vault Crypto Officer" in failed.err
        assert "Nothing has been changed" in failed.err
        assert pulled(azure) == 200

    def test_takes_a_way_past_the_firewall(self, azure, az, seed, officer):
        seed.encrypted()
        seed.patch(VAULT, {"properties": {"networkAcls": {"bypass": "AzureServices", "defaultAction": "Deny"}}})
        failed = az(BY_KEY)
        assert failed.code == 1
        assert "firewall does not let you in" in failed.err
        assert pulled(azure) == 200


@pytest.mark.parametrize("by", ["grant", "key"])
class TestBothWays:
    @pytest.fixture(autouse=True)
    def registry(self, seed, officer):
        return seed.encrypted()

    def test_asks_before_anything_is_changed(self, azure, az, by):
        refuses(azure, az, f"{REVOKE} --by {by}", "--yes")
        assert pulled(azure) == 200

    def test_run_twice_is_nothing_to_do(self, azure, az, by):
        az(f"{REVOKE} --by {by} --yes").ok()
        azure.clear_log()
        again = az(f"{REVOKE} --by {by}").json()
        assert (outcomes(again), changes(azure)) == ({"key" if by == "key" else "grant": "reused"}, [])
        az(RESTORE).ok()
        azure.clear_log()
        again = az(RESTORE).json()
        assert (set(outcomes(again).values()), changes(azure)) == ({"reused"}, [])
        assert pulled(azure) == 200

    def test_what_if_changes_nothing(self, azure, az, by):
        rows = az(f"{REVOKE} --by {by} --what-if").json()
        assert [row["action"] for row in rows] == ["update" if by == "key" else "delete"]
        assert (pulled(azure), changes(azure)) == (200, [])
        az(f"{REVOKE} --by {by} --yes").ok()
        azure.clear_log()
        rows = az(f"{RESTORE} --what-if").json()
        assert [row["action"] for row in rows if row["action"] != "reuse"] == ["update" if by == "key" else "create"]
        assert (pulled(azure), changes(azure)) == (403, [])

    def test_says_which_others_it_hits(self, azure, az, seed, registry, by):
        another_registry(seed, registry)
        another_registry(seed, registry, key=None, name="third")
        (row,) = az(f"{REVOKE} --by {by} --what-if").json()
        assert "second" in row["reason"]
        # An identity that is attached, for whatever, loses nothing when the key is disabled.
        assert ("third" in row["reason"]) is (by == "grant")
        az(f"{REVOKE} --by {by} --yes").ok()
        assert (pulled(azure), pulled(azure, "second"), pulled(azure, "third")) == (403, 403, 200)

    @pytest.mark.parametrize("action", ["reset-before", "reset-after"])
    def test_a_lost_connection_is_made_good_by_a_second_run(self, azure, az, seed, by, action):
        where = ("PATCH", f"/keys/{KEY}/") if by == "key" else ("DELETE", "roleAssignments/")
        before = roles(seed)
        azure.fault(action, method=where[0], path=where[1])
        made_good(azure, az, f"{REVOKE} --by {by} --yes")
        assert pulled(azure) == 403
        where = where if by == "key" else ("PUT", "roleAssignments/")
        azure.fault(action, method=where[0], path=where[1])
        made_good(azure, az, RESTORE)
        assert pulled(azure) == 200
        assert roles(seed) == before


def made_good(azure, az, command) -> None:
    """A run whose connection is lost ends well, or tells so and a second one does."""
    first = az(command)
    if first.code:
        assert "connection" in first.err
        assert AGAIN in first.err
        az(command).ok()


class TestCutShort:
    @pytest.mark.parametrize("nth", [1, 2])
    def test_a_revoke_of_several_roles_goes_on_and_forgets_none(self, azure, az, seed, nth):
        with_roles(seed, (CRYPTO_OFFICER, ON_KEY), (ENCRYPTION_USER, ON_KEY))
        before = roles(seed)
        body = {"error": {"code": "InternalServerError", "message": "Not now."}}
        azure.fault("status", method="DELETE", path="roleAssignments/", nth=nth, times=100, status=400, body=body)
        failed = az(f"{REVOKE} --yes")
        assert failed.code == 1
        assert AGAIN in failed.err
        azure.clear_faults()
        assert len(roles(seed)) == 3 - nth
        az(f"{REVOKE} --yes").ok()
        assert pulled(azure) == 403
        az(RESTORE).ok()
        assert roles(seed) == before
        assert JOURNAL_TAG not in tags(seed)

    def test_a_restore_of_several_roles_goes_on(self, azure, az, seed):
        with_roles(seed, (CRYPTO_OFFICER, ON_KEY), (ENCRYPTION_USER, ON_KEY))
        before = roles(seed)
        az(f"{REVOKE} --yes").ok()
        body = {"error": {"code": "InternalServerError", "message": "Not now."}}
        azure.fault("status", method="PUT", path="roleAssignments/", nth=2, times=100, status=400, body=body)
        assert az(RESTORE).code == 1
        azure.clear_faults()
        az(RESTORE).ok()
        assert roles(seed) == before
        assert JOURNAL_TAG not in tags(seed)

    def test_nothing_is_removed_that_could_not_be_noted(self, azure, az, seed):
        with_roles(seed, (CRYPTO_OFFICER, VAULT))
        azure.deny_assignment(str(REGISTRY), actions=["Microsoft.ContainerRegistry/registries/write"])
        before = roles(seed)
        failed = az(f"{REVOKE} --yes")
        assert failed.code == 1
        assert "Microsoft.ContainerRegistry/registries/write" in failed.err
        assert roles(seed) == before
        assert pulled(azure) == 200


class TestRefusals:
    @pytest.mark.parametrize("command", [f"{REVOKE} --yes", BY_KEY, RESTORE])
    def test_not_encrypted(self, azure, az, seed, command):
        seed.registry()
        refuses(azure, az, command, "is not encrypted with a customer-managed key")

    def test_not_there(self, azure, az, seed):
        refuses(azure, az, f"{REVOKE} --yes", "No registry 'myregistry' was found", code=3)
        refuses(azure, az, f"{RESTORE} -g rg", "There is no registry 'myregistry'", code=3)

    @pytest.mark.parametrize("command", ["revoke -n my_registry", "revoke -n myregistry --by force", "restore -n x"])
    def test_bad_input(self, azure, az, command):
        result = az(f"acr cmk {command}")
        assert result.code in (1, 2)
        assert "Traceback" not in result.err
        assert azure.log() == []

    def test_one_who_may_not_see_the_grants(self, azure, az_as, seed):
        seed.encrypted()
        azure.deny_assignment(str(VAULT), actions=["Microsoft.Authorization/roleAssignments/read"])
        az = az_as(azure.principal(("Contributor", GROUP)))
        refuses(azure, az, f"{REVOKE} --yes", "can't be seen", "Microsoft.Authorization/roleAssignments/read")

    def test_one_who_may_not_see_the_vault(self, azure, az_as, seed):
        seed.encrypted()
        az = az_as(azure.principal(("Contributor", str(REGISTRY)), ("Reader", str(IDENTITY))))
        for command in (f"{REVOKE} --yes -g rg", f"{RESTORE} -g rg"):
            refuses(azure, az, command, "can't be looked at")

    def test_one_who_may_not_remove_or_make_grants(self, azure, az_as, az, seed):
        seed.encrypted()
        weak = az_as(azure.principal(("Contributor", GROUP)))
        failed = weak(f"{REVOKE} --yes")
        assert failed.code == 1
        assert "Microsoft.Authorization/roleAssignments/delete" in failed.err
        assert "Nothing has been changed" in failed.err
        assert pulled(azure) == 200
        az(f"{REVOKE} --yes").ok()
        failed = weak(RESTORE)
        assert failed.code == 1
        assert "Microsoft.Authorization/roleAssignments/write" in failed.err
        az(RESTORE).ok()
        assert pulled(azure) == 200


def grant_in_hsm(azure, principal_id, role, scope) -> None:
    """A local role of a managed HSM, by its administrator."""
    definition = f"Microsoft.KeyVault/providers/Microsoft.Authorization/roleDefinitions/{role}"
    body = {"properties": {"roleDefinitionId": definition, "principalId": principal_id}}
    at = "" if scope == "/" else scope
    _hsm(azure, "PUT", f"{at}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}", body)
    azure.clear_log()


def hsm_roles(azure, identity) -> set[tuple[str, str]]:
    """An identity's local roles, as GUID and scope."""
    found = {}
    for at in ("", "/keys", f"/keys/{KEY}"):
        for each in _hsm(azure, "GET", f"{at}/providers/Microsoft.Authorization/roleAssignments")["value"]:
            found[each["name"]] = each["properties"]
    mine = [each for each in found.values() if each["principalId"] == identity["principalId"]]
    return {(each["roleDefinitionId"].rsplit("/", 1)[-1], each["scope"]) for each in mine}


def _hsm(azure, method, path, body=None) -> dict:
    query = {"api-version": "7.5"}
    answer = azure.request(method, HSM_HOST + path, "https://managedhsm.azure.net", body, query)
    assert answer.ok, answer.text
    return answer.json()
