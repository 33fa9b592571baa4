"""A new version of the key, or another key: the registry uses it in the end, and serves its images all the while."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from azext_acrcmk.model.ids import REGISTRY_TYPE, VAULT_TYPE, ArmId
from sandbox.world import OTHER_SUBSCRIPTION, OWNER_OBJECT_ID, SUBSCRIPTION
from tests.e2e.seed import CRYPTO_OFFICER, GROUP, KEY, LOCATION, REGISTRY, VAULT, bodies, changes, outcomes

ROTATE = "acr cmk rotate -n myregistry"
KEY_URI = f"https://{VAULT.name}.vault.azure.net/keys/{KEY}"
OTHER_VAULT = ArmId(SUBSCRIPTION, "rg", VAULT_TYPE, "other-vault")
OFFICER = "Key Vault Crypto Officer"
AGAIN = "Run the same command again"


@pytest.fixture
def officer(seed):
    """The signed-in owner may also use the vault's data plane."""
    seed.grant(OWNER_OBJECT_ID, VAULT, CRYPTO_OFFICER)


@pytest.fixture
def refused(azure, az):
    """Runs a command that must be refused, saying all of `words`, before anything is changed."""

    def check(command, *words, code=1):
        result = az(command)
        assert result.code == code, result
        for word in words:
            assert word in result.err
        assert done(azure) == []
        assert "Traceback" not in result.err

    return check


def done(azure) -> list[str]:
    """The requests that changed something; not those refused, as each first one to a vault is: it has no token yet."""
    refused = {f"{entry['method']} {entry['path']}" for entry in azure.log() if entry["status"] >= 400}
    granted = {f"{entry['method']} {entry['path']}" for entry in azure.log() if entry["status"] < 400}
    return [change for change in dict.fromkeys(changes(azure)) if change not in refused - granted]


def serves(azure, name="myregistry") -> bool:
    return azure.pull(name)["status"] == 200


def used(seed, registry=REGISTRY) -> dict:
    """What the registry says it uses."""
    return seed.get(registry)["properties"]["encryption"]["keyVaultProperties"]


def latest(seed, vault=VAULT, name=KEY) -> str:
    return seed.get(f"{vault}/keys/{name}")["properties"]["keyUriWithVersion"]


def versions(azure, uri=KEY_URI) -> dict[str, bool]:
    """The versions of a key, in order, and whether they are enabled."""
    all_keys = azure.principal((CRYPTO_OFFICER, f"/subscriptions/{SUBSCRIPTION}"))
    found = azure.vault("GET", f"{uri}/versions", as_=all_keys).json()["value"]
    return {each["kid"]: each["attributes"]["enabled"] for each in found}


def disable(seed, uri) -> None:
    seed.change_key("PATCH", uri, {"attributes": {"enabled": False}})


def another_registry(seed, identity_id, **chosen) -> ArmId:
    """A second registry with a key of its own choice."""
    id_ = ArmId(SUBSCRIPTION, "rg", REGISTRY_TYPE, "second")
    body = {
        "location": LOCATION,
        "sku": {"name": "Premium"},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity_id: {}}},
        "properties": {"encryption": {"status": "enabled", "keyVaultProperties": chosen}},
    }
    seed.put(id_, body)
    return id_


def kill_when(running, condition, seconds: float = 40) -> None:
    """Kills an `az` that is under way as soon as a condition holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert running.poll() is None, running.err
        assert time.monotonic() < end
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()


class TestNewVersion:
    @pytest.mark.parametrize("pinned", [False, True], ids=["auto", "manual"])
    def test_is_made_by_the_vault_and_taken_by_the_registry(self, azure, az, seed, officer, pinned):
        seed.encrypted(pinned)
        old = latest(seed)
        result = az(ROTATE).json()
        new = latest(seed)
        assert versions(azure) == {old: True, new: True}
        assert serves(azure)
        in_use = used(seed)
        assert in_use["versionedKeyIdentifier"] == new
        assert in_use["keyIdentifier"] == (new if pinned else KEY_URI)
        assert in_use["keyRotationEnabled"] is not pinned
        assert done(azure) == [f"POST /keys/{KEY}/rotate", f"PATCH {REGISTRY}"]
        assert outcomes(result) == {
            "identity": "reused",
            "vault": "reused",
            "key": "reused",
            "grant": "reused",
            "version": "created",
            "registry": "updated",
            "journal": "updated",
        }
        assert result["key"]["upToDate"] is True
        assert result["health"] == "healthy"

    def test_only_what_changes_is_sent_to_the_registry(self, azure, az, seed, officer):
        identity = seed.encrypted()
        seed.patch(REGISTRY, {"tags": {"team": "blue"}})
        old = latest(seed)
        az(ROTATE).ok()
        take, forget = bodies(azure, "PATCH", str(REGISTRY))
        chosen = {"keyIdentifier": KEY_URI, "identity": identity["clientId"]}
        note = f"{old} {identity['clientId']}"
        assert take == {
            "properties": {"encryption": {"status": "enabled", "keyVaultProperties": chosen}},
            "tags": {"team": "blue", "acrcmk-rotated-from": note},
        }
        assert forget == {"tags": {"team": "blue"}}
        assert azure.log()[-1]["body"] == forget

    @pytest.mark.parametrize("mode", ["auto", "manual"])
    def test_with_the_mode_switched(self, azure, az, seed, officer, mode):
        seed.encrypted(pinned=mode == "auto")
        az(f"{ROTATE} --rotation {mode}").ok()
        in_use = used(seed)
        assert in_use["keyRotationEnabled"] is (mode == "auto")
        assert in_use["versionedKeyIdentifier"] == latest(seed)
        assert len(versions(azure)) == 2
        assert serves(azure)

    def test_that_was_made_but_not_taken_by_a_run_that_was_killed_is_taken_by_the_next(self, azure, az, seed, officer):
        seed.encrypted()
        azure.fault("hang", method="PATCH", path="registries/myregistry$")
        killed = az.start(ROTATE)
        kill_when(killed, lambda: any(entry["method"] == "PATCH" for entry in azure.log()))
        azure.clear_faults()
        made = latest(seed)
        assert used(seed)["versionedKeyIdentifier"] != made
        result = az(ROTATE).json()
        assert outcomes(result)["version"] == "reused"
        assert used(seed)["versionedKeyIdentifier"] == made
        assert len(versions(azure)) == 2

    def test_of_a_run_killed_while_the_vault_made_it_is_taken_by_the_next(self, azure, az, seed, officer):
        seed.encrypted()
        azure.settings(key_answer_seconds=2.0)
        killed = az.start(ROTATE)
        kill_when(killed, lambda: len([e for e in azure.log() if e["path"].endswith("/rotate")]) == 2)
        azure.settings(key_answer_seconds=0.0)
        az(ROTATE).ok()
        assert len(versions(azure)) == 2
        assert used(seed)["versionedKeyIdentifier"] == latest(seed)

    @pytest.mark.parametrize("pinned", [False, True], ids=["auto", "manual"])
    def test_of_a_run_whose_connection_was_lost_when_the_registry_took_it_is_the_last(
        self, azure, az, seed, officer, pinned
    ):
        seed.encrypted(pinned)
        azure.fault("reset-after", method="PATCH", path="registries/myregistry$")
        lost = az(ROTATE)
        assert lost.code == 1
        assert AGAIN in lost.err
        assert used(seed)["versionedKeyIdentifier"] == latest(seed)
        assert "journal" in outcomes(az(ROTATE).json())
        assert len(versions(azure)) == 2
        assert seed.get(REGISTRY)["tags"] == {}
        az(ROTATE).ok()
        assert len(versions(azure)) == 3

    def test_of_an_expired_key(self, azure, az, seed, officer):
        seed.encrypted()
        seed.change_key("PATCH", latest(seed), {"attributes": {"exp": 1_600_000_000}})
        az(ROTATE).ok()
        assert used(seed)["versionedKeyIdentifier"] == latest(seed)
        assert serves(azure)

    def test_takes_a_role_that_is_named(self, azure, az, seed, refused):
        seed.encrypted()
        refused(ROTATE, "A new version of the key could not be made", OFFICER, "--no-new-version", AGAIN)
        assert len(versions(azure)) == 1

    def test_takes_a_permission_on_a_vault_with_policies(self, azure, az, seed, refused):
        seed.encrypted()
        (grant,) = seed.assignments()
        principal = grant["properties"]["principalId"]
        mine = {"tenantId": seed.get(VAULT)["properties"]["tenantId"], "objectId": principal}
        policy = {**mine, "permissions": {"keys": ["get", "wrapKey", "unwrapKey"]}}
        seed.vault(enableRbacAuthorization=False, accessPolicies=[policy])
        refused(ROTATE, "A new version of the key could not be made", "('rotate')", "--key-permissions get rotate")

    def test_takes_a_way_past_the_firewall(self, azure, az, seed, officer):
        seed.encrypted()
        seed.patch(VAULT, {"properties": {"networkAcls": {"bypass": "AzureServices", "defaultAction": "Deny"}}})
        result = az(ROTATE)
        assert result.code == 1
        assert "firewall does not let you in" in result.err
        assert "a network that the vault allows" in result.err
        assert used(seed)["versionedKeyIdentifier"] == latest(seed)

    def test_of_a_key_in_a_managed_hsm(self, azure, az, seed):
        identity, hsm = seed.identity(), seed.hsm()
        key = seed.key(hsm, kty="RSA-HSM")
        for principal, role in ((identity["principalId"], HSM_USER), (OWNER_OBJECT_ID, HSM_CRYPTO_USER)):
            grant_in_hsm(azure, principal, role)
        chosen = {"keyIdentifier": key["keyUri"], "identity": identity["clientId"]}
        seed.registry(identity["id"], encryption={"status": "enabled", "keyVaultProperties": chosen})
        az(ROTATE).ok()
        assert used(seed)["versionedKeyIdentifier"] == latest(seed, hsm) != key["keyUriWithVersion"]
        assert serves(azure)


class TestUnderLoad:
    @pytest.mark.parametrize("command", [ROTATE, f"{ROTATE} --key-vault other-vault --identity [system]"])
    def test_every_pull_gets_its_image(self, azure, az, seed, officer, command):
        seed.encrypted()
        seed.vault(OTHER_VAULT)
        azure.settings(registry_patch_seconds=1.0, registry_retry_after=1)
        answers, done = set(), threading.Event()

        def pull_all_the_time():
            while not done.is_set():
                answers.add(azure.pull("myregistry")["status"])

        puller = threading.Thread(target=pull_all_the_time)
        puller.start()
        try:
            az(f"{command} --revoke-old --disable-old-version").ok()
        finally:
            done.set()
            puller.join()
        assert answers == {200}
        assert serves(azure)


class TestLatestVersion:
    @pytest.mark.parametrize("pinned", [False, True], ids=["auto", "manual"])
    def test_is_taken_where_the_registry_is_behind(self, azure, az, seed, pinned):
        seed.encrypted(pinned)
        seed.change_key("POST", f"{KEY_URI}/rotate")
        new = latest(seed)
        assert used(seed)["versionedKeyIdentifier"] != new
        result = az(f"{ROTATE} --no-new-version").json()
        assert used(seed)["versionedKeyIdentifier"] == new
        assert used(seed)["keyRotationEnabled"] is not pinned
        assert outcomes(result)["registry"] == "updated"
        assert len(versions(azure)) == 2
        assert serves(azure)

    @pytest.mark.parametrize(
        ("pinned", "options"), [(False, "--revoke-old --disable-old-version"), (True, "")], ids=["auto", "manual"]
    )
    def test_in_use_already_is_nothing_to_do(self, azure, az, seed, pinned, options):
        seed.encrypted(pinned)
        result = az(f"{ROTATE} --no-new-version {options}").json()
        assert set(outcomes(result).values()) == {"reused"}
        assert changes(azure) == []

    def test_is_set_again_where_the_last_operation_failed(self, azure, az, seed):
        seed.encrypted()
        azure.change_registry("myregistry", provisioning_state="Failed")
        result = az(f"{ROTATE} --no-new-version").json()
        assert result["provisioningState"] == "Succeeded"


class TestTidyingCutShort:
    def test_is_finished_by_a_second_run(self, azure, az, seed, officer):
        seed.encrypted()
        seed.patch(REGISTRY, {"tags": {"team": "blue"}})
        old = used(seed)["versionedKeyIdentifier"]
        azure.fault("status", method="PATCH", path="vault.azure.net/keys/", times=50, status=403, body={"error": {}})
        failed = az(f"{ROTATE} --disable-old-version")
        assert failed.code == 1
        assert AGAIN in failed.err
        azure.clear_faults()
        result = az(f"{ROTATE} --disable-old-version").json()
        assert outcomes(result)["old-version"] == "updated"
        assert versions(azure) == {old: False, latest(seed): True}
        assert used(seed)["versionedKeyIdentifier"] == latest(seed)
        assert seed.get(REGISTRY)["tags"] == {"team": "blue"}
        assert serves(azure)

    def test_leaves_nothing_for_a_third(self, azure, az, seed, officer):
        seed.encrypted()
        az(f"{ROTATE} --disable-old-version").ok()
        assert seed.get(REGISTRY)["tags"] == {}


class TestAnotherKey:
    @pytest.mark.parametrize("version", [False, True], ids=["versionless", "version"])
    def test_by_its_uri(self, azure, az, seed, version):
        seed.encrypted()
        key = seed.key(name="other")["keyUriWithVersion" if version else "keyUri"]
        az(f"{ROTATE} --key-encryption-key {key}").ok()
        assert (used(seed)["keyIdentifier"], used(seed)["keyRotationEnabled"]) == (key, not version)
        assert serves(azure)
        azure.clear_log()
        again = az(f"{ROTATE} --key-encryption-key {key}").json()
        assert set(outcomes(again).values()) == {"reused"}
        assert changes(azure) == []

    def test_in_a_managed_hsm(self, azure, az, seed):
        seed.encrypted()
        key = seed.key(seed.hsm(), kty="RSA-HSM")["keyUri"]
        result = az(f"{ROTATE} --key-encryption-key {key}").json()
        assert used(seed)["keyIdentifier"] == key
        assert outcomes(result)["grant"] == "created"
        assert serves(azure)

    def test_an_older_version_of_the_same_key(self, azure, az, seed):
        seed.encrypted()
        old = latest(seed)
        seed.change_key("POST", f"{KEY_URI}/rotate")
        az(f"{ROTATE} --no-new-version").ok()
        az(f"{ROTATE} --key-encryption-key {old}").ok()
        assert used(seed)["versionedKeyIdentifier"] == old
        azure.clear_log()
        again = az(f"{ROTATE} --key-encryption-key {old}").json()
        assert changes(azure) == []
        assert outcomes(again)["registry"] == "reused"

    @pytest.mark.parametrize(("there", "mode"), [(True, "manual"), (False, "auto")], ids=["existing", "absent"])
    def test_by_its_name(self, azure, az, seed, there, mode):
        seed.encrypted()
        if there:
            seed.key(name="other")
        result = az(f"{ROTATE} --key other --rotation {mode}").json()
        assert outcomes(result)["key"] == ("reused" if there else "created")
        assert used(seed)["versionedKeyIdentifier"] == latest(seed, name="other")
        assert used(seed)["keyRotationEnabled"] is (mode == "auto")
        assert serves(azure)

    @pytest.mark.parametrize("there", [True, False], ids=["existing", "absent"])
    def test_in_another_vault(self, azure, az, seed, there):
        seed.encrypted()
        if there:
            seed.key(seed.vault(OTHER_VAULT), "other")
        result = az(f"{ROTATE} --key-vault other-vault --key other").json()
        made = outcomes(result)
        expected = "reused" if there else "created"
        assert (made["vault"], made["key"], made["grant"]) == (expected, expected, "created")
        assert used(seed)["versionedKeyIdentifier"] == latest(seed, OTHER_VAULT, "other")
        assert seed.get(OTHER_VAULT)["properties"]["enablePurgeProtection"] is True
        assert len(seed.assignments(VAULT)) == 1
        assert serves(azure)

    def test_in_a_vault_of_the_other_subscription(self, azure, az, seed):
        seed.encrypted()
        seed.group("elsewhere", subscription=OTHER_SUBSCRIPTION)
        vault = ArmId(OTHER_SUBSCRIPTION, "elsewhere", VAULT_TYPE, "shared-vault")
        seed.vault(vault)
        result = az(f"{ROTATE} --key-vault shared-vault --key other").json()
        assert outcomes(result)["vault"] == "reused"
        assert result["vault"]["id"].lower() == str(vault).lower()
        assert serves(azure)

    def test_without_purge_protection_is_protected_after_a_question(self, azure, az, seed, refused):
        seed.encrypted()
        seed.vault(OTHER_VAULT, enablePurgeProtection=None)
        command = f"{ROTATE} --key-vault other-vault"
        refused(command, "--yes")
        az(f"{command} --yes").ok()
        assert seed.get(OTHER_VAULT)["properties"]["enablePurgeProtection"] is True


class TestOldVersion:
    def test_is_disabled_after_the_registry_was_told_and_seen(self, azure, az, seed, officer):
        seed.encrypted()
        old = latest(seed)
        azure.settings(registry_patch_seconds=0.5, registry_retry_after=None)
        result = az(f"{ROTATE} --disable-old-version").json()
        assert outcomes(result)["old-version"] == "updated"
        assert versions(azure) == {old: False, latest(seed): True}
        assert serves(azure)
        log = [(entry["method"], entry["path"].lower()) for entry in azure.log()]
        told = log.index(("PATCH", str(REGISTRY).lower()))
        disabled = next(i for i, (method, path) in enumerate(log) if method == "PATCH" and path.startswith("/keys/"))
        assert ("GET", str(REGISTRY).lower()) in log[told:disabled]

    def test_stays_where_the_registry_does_not_take_the_new_one(self, azure, az, seed, officer):
        seed.encrypted()
        old = latest(seed)
        body = {"error": {"code": "InternalServerError", "message": "Not now."}}
        azure.fault("status", method="PATCH", path="registries/myregistry$", times=100, status=400, body=body)
        failed = az(f"{ROTATE} --disable-old-version")
        assert failed.code == 1
        assert versions(azure)[old] is True
        assert serves(azure)
        azure.clear_faults()
        az(f"{ROTATE} --disable-old-version").ok()
        assert versions(azure) == {old: False, latest(seed): True}

    def test_stays_while_another_registry_may_need_it(self, azure, az, seed, officer):
        identity = seed.encrypted()
        old = latest(seed)
        another_registry(seed, identity["id"], keyIdentifier=old, identity=identity["clientId"])
        result = az(f"{ROTATE} --disable-old-version").json()
        assert outcomes(result)["old-version"] == "reused"
        assert serves(azure, "second")
        assert versions(azure)[old] is True

    def test_that_could_not_be_disabled_leaves_the_registry_on_the_new_one(self, az, seed):
        seed.encrypted()
        seed.change_key("POST", f"{KEY_URI}/rotate")
        failed = az(f"{ROTATE} --no-new-version --disable-old-version")
        assert failed.code == 1
        assert OFFICER in failed.err
        assert "registry updated" in failed.err
        assert used(seed)["versionedKeyIdentifier"] == latest(seed)


class TestWithoutWaiting:
    def test_wait_sees_the_end(self, azure, az, seed, officer):
        seed.encrypted()
        azure.settings(registry_patch_seconds=1.5, registry_retry_after=1)
        started = az(f"{ROTATE} --no-wait").ok()
        assert not started.out
        assert seed.get(REGISTRY)["properties"]["provisioningState"] == "Updating"
        az("acr cmk wait -n myregistry --updated --interval 1").ok()
        assert used(seed)["versionedKeyIdentifier"] == latest(seed)
        assert len(versions(azure)) == 2
        assert serves(azure)

    def test_the_old_is_not_tidied_away(self, refused):
        refused(f"{ROTATE} --no-wait --revoke-old", "--no-wait", "--revoke-old must wait for")
        refused(f"{ROTATE} --no-wait --disable-old-version", "--disable-old-version must wait for")

    def test_wait_for_a_registry_that_is_not_there_ends_with_its_deletion(self, az):
        az("acr cmk wait -n myregistry -g rg --deleted --interval 1").ok()


class TestWhatIf:
    @pytest.mark.parametrize(
        ("options", "steps"),
        [
            ("", {"version": "create", "registry": "update", "journal": "update"}),
            ("--no-new-version", {}),
            (
                "--key-vault other-vault --identity [system] --revoke-old --disable-old-version",
                {
                    "attach": "update",
                    "vault": "create",
                    "key": "create",
                    "grant": "create",
                    "registry": "update",
                    "old-grant": "delete",
                    "old-version": "update",
                    "journal": "update",
                },
            ),
        ],
        ids=["new-version", "up-to-date", "all"],
    )
    def test_shows_the_plan_and_changes_nothing(self, azure, az, seed, options, steps):
        seed.encrypted()
        rows = az(f"{ROTATE} --what-if {options}").json()
        assert {row["step"]: row["action"] for row in rows if row["action"] != "reuse"} == steps
        assert changes(azure) == []
        assert [row["step"] for row in rows if row["irreversible"]] == (["vault"] if "vault" in steps else [])


class TestRefusals:
    def test_not_encrypted(self, seed, refused):
        seed.registry()
        refused(ROTATE, "is not encrypted with a customer-managed key", "az acr cmk show --name myregistry")

    def test_not_there(self, seed, refused):
        refused(ROTATE, "No registry 'myregistry' was found", code=3)
        refused(f"{ROTATE} -g rg", "There is no registry 'myregistry'", code=3)

    def test_an_operation_under_way(self, azure, seed, refused):
        seed.encrypted()
        azure.settings(registry_patch_seconds=100_000.0)
        seed.patch(REGISTRY, {"identity": {"type": "SystemAssigned, UserAssigned"}})
        refused(ROTATE, "is in state Updating", "Wait for the running operation to end")

    def test_a_disabled_version_in_use_until_the_printed_command_has_enabled_it(self, azure, az, seed, officer):
        seed.encrypted()
        old = latest(seed)
        seed.change_key("POST", f"{KEY_URI}/rotate")
        disable(seed, old)
        said = az(ROTATE).err
        assert f"{old}, is disabled" in said
        assert done(azure) == []
        command = next(line for line in said.splitlines() if "az keyvault key" in line).split("az ", 1)[1]
        az(command).ok()
        az(ROTATE).ok()
        assert serves(azure)

    def test_an_elliptic_curve_key(self, seed, refused):
        seed.encrypted()
        seed.key(name="curve", kty="EC")
        refused(f"{ROTATE} --key curve", "of type EC", "RSA")

    def test_a_disabled_or_expired_other_key(self, seed, refused):
        seed.encrypted()
        disable(seed, seed.key(name="off")["keyUriWithVersion"])
        refused(f"{ROTATE} --key off", "disabled")
        seed.key(name="late", attributes={"exp": 1_600_000_000})
        refused(f"{ROTATE} --key late", "expired")

    def test_a_key_uri_that_leads_nowhere(self, seed, refused):
        seed.encrypted()
        refused(f"{ROTATE} --key-encryption-key {KEY_URI}x", "There is no such key", code=3)

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (f"--key-encryption-key {KEY_URI} --key k", "--key can't be given with it"),
            (f"--key-encryption-key {KEY_URI}/{'a' * 32} --rotation auto", "contradicts --rotation auto"),
            ("--key-encryption-key https://some-vault.vault.azure.cn/keys/k", "not in the cloud you are logged in to"),
            (f"--identity {VAULT}", "--identity takes the name or ID of an identity"),
            ("--key-vault _", "'_'"),
            ("--grant-timeout -1", "not negative"),
            ("--rotation sometimes", "sometimes"),
        ],
    )
    def test_bad_input(self, refused, options, words):
        refused(f"{ROTATE} {options}", words, code=2 if "sometimes" in words else 1)


class TestMissingPermission:
    def test_to_write_the_registry(self, azure, az, az_as, seed):
        seed.encrypted()
        weak = az_as(azure.principal(("Reader", GROUP), (OFFICER, GROUP)))
        result = weak(ROTATE)
        assert result.code == 1
        assert "You lack the permission 'Microsoft.ContainerRegistry/registries/write'" in result.err
        assert "version created" in result.err
        assert AGAIN in result.err
        assert serves(azure)
        az(ROTATE).ok()
        assert len(versions(azure)) == 2
        assert used(seed)["versionedKeyIdentifier"] == latest(seed)

    def test_to_see_the_registry(self, azure, az_as, seed):
        seed.encrypted()
        result = az_as(azure.principal(("Reader", str(VAULT))))(f"{ROTATE} -g rg")
        assert result.code == 1
        assert "Microsoft.ContainerRegistry/registries/read" in result.err
        assert changes(azure) == []


@pytest.mark.parametrize(
    ("action", "method", "path"),
    [
        ("reset-before", "POST", "/rotate$"),
        ("reset-after", "POST", "/rotate$"),
        ("reset-before", "PATCH", "registries/myregistry$"),
        ("reset-after", "PATCH", "registries/myregistry$"),
    ],
)
def test_a_lost_connection_is_told_and_made_good(azure, az, seed, officer, action, method, path):
    seed.encrypted()
    azure.fault(action, method=method, path=path, times=1)
    first = az(f"{ROTATE} --rotation manual")
    assert serves(azure)
    if first.code:
        assert "The connection to Azure failed" in first.err
        assert "perhaps, as no answer came" in first.err
        assert AGAIN in first.err
        az(f"{ROTATE} --rotation manual").ok()
    assert used(seed)["keyIdentifier"] == used(seed)["versionedKeyIdentifier"] == latest(seed)
    assert serves(azure)


HSM_USER = "33413926-3206-4cdd-b39a-83574fe37a17"
HSM_CRYPTO_USER = "21dbd100-6940-42c2-9190-5d6cb909625b"


def grant_in_hsm(azure, principal_id, role, scope="/keys", host="myhsm.managedhsm.azure.net") -> None:
    """A local role of a managed HSM, by its administrator."""
    import uuid

    definition = f"Microsoft.KeyVault/providers/Microsoft.Authorization/roleDefinitions/{role}"
    body = {"properties": {"roleDefinitionId": definition, "principalId": principal_id}}
    url = f"https://{host}{scope}/providers/Microsoft.Authorization/roleAssignments/{uuid.uuid4()}"
    answer = azure.request("PUT", url, "https://managedhsm.azure.net", body, {"api-version": "7.5"})
    assert answer.ok, answer.text
    azure.clear_log()
