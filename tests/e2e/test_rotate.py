"""A new version of the key, or another key: the registry uses it in the end, and serves its images all the while."""

from __future__ import annotations

import threading

import pytest

from azext_acrcmk.model.ids import HSM_TYPE
from sandbox.world import OWNER_OBJECT_ID
from tests.harness.rotate import (
    AGAIN,
    HSM_CRYPTO_USER,
    HSM_USER,
    KEY_URI,
    OFFICER,
    OTHER_VAULT,
    ROTATE,
    disable,
    done,
    grant_in_hsm,
    kill_when,
    latest,
    serves,
    used,
    versions,
)
from tests.harness.seed import CRYPTO_OFFICER, GROUP, KEY, REGISTRY, VAULT, bodies, changes, outcomes
from tests.harness.waiting import until


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
            "tag": "updated",
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
        azure.fault("reset-after", method="PATCH", path="registries/myregistry$", times=99)
        lost = az(ROTATE, pace=300)
        azure.clear_faults()
        assert lost.code == 1
        assert AGAIN in lost.err
        assert used(seed)["versionedKeyIdentifier"] == latest(seed)
        finished = az(ROTATE).ok()
        assert "For another new version, run the command again" in finished.err
        assert "tag" in outcomes(finished.json())
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

    def test_of_a_key_whose_latest_version_is_disabled_is_another_one_and_that_stays_disabled(
        self, azure, az, seed, officer
    ):
        seed.encrypted()
        seed.change_key("POST", f"{KEY_URI}/rotate")
        leaked = latest(seed)
        disable(seed, leaked)
        result = az(ROTATE).ok()
        assert "--enabled true" not in result.err
        assert versions(azure)[leaked] is False
        assert used(seed)["versionedKeyIdentifier"] == latest(seed) != leaked
        assert serves(azure)

    def test_takes_a_role_that_is_named(self, azure, az, seed, refused):
        seed.encrypted()
        refused(ROTATE, "A new version of the key could not be created", OFFICER, "--no-new-version", AGAIN)
        assert len(versions(azure)) == 1

    def test_takes_a_permission_on_a_vault_with_policies(self, azure, az, seed, refused):
        seed.encrypted()
        (grant,) = seed.assignments()
        principal = grant["properties"]["principalId"]
        mine = {"tenantId": seed.get(VAULT)["properties"]["tenantId"], "objectId": principal}
        policy = {**mine, "permissions": {"keys": ["get", "wrapKey", "unwrapKey"]}}
        seed.vault(enableRbacAuthorization=False, accessPolicies=[policy])
        refused(ROTATE, "A new version of the key could not be created", "('rotate')", "--key-permissions get rotate")

    def test_takes_a_way_past_the_firewall(self, azure, az, seed, officer):
        seed.encrypted()
        seed.patch(VAULT, {"properties": {"networkAcls": {"bypass": "AzureServices", "defaultAction": "Deny"}}})
        result = az(ROTATE)
        assert result.code == 1
        assert "firewall does not allow access from your network" in result.err
        assert "a network that the vault allows" in result.err
        assert used(seed)["versionedKeyIdentifier"] == latest(seed)

    @pytest.mark.parametrize("at", ["/", "/keys", f"/keys/{KEY}"])
    @pytest.mark.parametrize("policy", [False, True], ids=["no rotation policy", "a rotation policy"])
    def test_of_a_key_in_a_managed_hsm(self, azure, seed, quick_az, policy, at):
        rotating = {"lifetimeActions": [{"trigger": {"timeAfterCreate": "P90D"}, "action": {"type": "rotate"}}]}
        self.in_hsm(azure, seed, at, **({"rotationPolicy": rotating} if policy else {}))
        before = used(seed)["versionedKeyIdentifier"]
        quick_az(ROTATE).ok()
        hsm = f"{GROUP}/providers/{HSM_TYPE}/myhsm"
        assert used(seed)["versionedKeyIdentifier"] == latest(seed, hsm) != before
        new = seed.get(f"{hsm}/keys/{KEY}")["properties"]
        assert (new["kty"], new["keySize"], sorted(new["keyOps"])) == ("RSA-HSM", 3072, ["unwrapKey", "wrapKey"])
        assert serves(azure)

    def test_of_a_key_in_a_managed_hsm_takes_a_local_role(self, azure, seed, quick_az):
        self.in_hsm(azure, seed, "/keys", officer=False)
        failed = quick_az(ROTATE)
        assert failed.code == 1
        assert "az keyvault role assignment create --hsm-name" in failed.err
        assert "Managed HSM Crypto User" in failed.err
        assert "Key Vault Crypto Officer" not in failed.err

    def in_hsm(self, azure, seed, at, officer=True, **key) -> None:
        """A registry with a key of a managed HSM, granted to its identity by a local role at a scope."""
        identity, hsm = seed.identity(), seed.hsm()
        key = seed.key(hsm, kty="RSA-HSM", keySize=3072, keyOps=["wrapKey", "unwrapKey"], **key)
        at = "" if at == "/" else at
        grant_in_hsm(azure, identity["principalId"], HSM_USER, at)
        if officer:
            grant_in_hsm(azure, OWNER_OBJECT_ID, HSM_CRYPTO_USER)
        chosen = {"keyIdentifier": key["keyUri"], "identity": identity["clientId"]}
        seed.registry(identity["id"], encryption={"status": "enabled", "keyVaultProperties": chosen})


class TestVersionMadeByOthers:
    def test_meanwhile_is_as_good_to_a_registry_that_follows_new_versions(self, azure, az, seed, officer):
        seed.encrypted()
        azure.fault("delay", method="PATCH", path="registries/myregistry$", seconds=2)
        running = az.start(ROTATE)
        until(lambda: any(entry["method"] == "PATCH" for entry in azure.log()))
        made = latest(seed)
        seed.change_key("POST", f"{KEY_URI}/rotate")
        ended = running.wait()
        assert ended.code == 0, ended
        assert used(seed)["versionedKeyIdentifier"] == latest(seed) != made
        assert seed.get(REGISTRY)["tags"] == {}


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
        refused(f"{ROTATE} --no-wait --revoke-old", "--no-wait", "can't be used with --revoke-old")
        refused(f"{ROTATE} --no-wait --disable-old-version", "can't be used with --disable-old-version")

    def test_wait_for_a_registry_that_is_not_there_ends_with_its_deletion(self, az):
        az("acr cmk wait -n myregistry -g rg --deleted --interval 1").ok()
        az("acr cmk wait -n myregistry --deleted --interval 1").ok()

    def test_wait_tells_that_the_connection_was_lost(self, azure, az, seed):
        azure.fault("reset-before", path="registries/myregistry", times=50)
        lost = az("acr cmk wait -n myregistry -g rg --updated --interval 1", pace=300)
        assert lost.code == 1
        assert "The connection to Azure failed" in lost.err


class TestWhatIf:
    @pytest.mark.parametrize(
        ("options", "steps"),
        [
            ("", {"version": "create", "registry": "update", "tag": "update"}),
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
                    "tag": "update",
                },
            ),
        ],
        ids=["new-version", "up-to-date", "all"],
    )
    def test_shows_the_plan_and_changes_nothing(self, azure, az, seed, options, steps):
        seed.encrypted()
        seed.grant(OWNER_OBJECT_ID, VAULT, CRYPTO_OFFICER)
        rows = az(f"{ROTATE} --what-if {options}").json()
        assert {row["step"]: row["action"] for row in rows if row["action"] != "reuse"} == steps
        assert changes(azure) == []
        assert [row["step"] for row in rows if row["irreversible"]] == (["vault"] if "vault" in steps else [])
