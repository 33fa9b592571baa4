"""What Azure refuses while the command acts: said with its cause and the next step, and mended by running again."""

from __future__ import annotations

import time

import pytest

from azext_acrcmk.model.ids import IDENTITY_TYPE, VAULT_TYPE, ArmId
from sandbox.world import SUBSCRIPTION
from tests.harness.seed import ENABLE, GROUP, KEY, LOCATION, REGISTRY, VAULT, changes, outcomes

WHOLE_SUBSCRIPTION = f"/subscriptions/{SUBSCRIPTION}"
AGAIN = "Run the same command again"
OTHERS = f"{WHOLE_SUBSCRIPTION}/resourceGroups/others"


def pulls(azure) -> bool:
    return azure.pull("myregistry")["status"] == 200


def refuses(az, options: str, *words: str, code: int = 1) -> str:
    result = az(f"{ENABLE} {options}")
    assert result.code == code, result
    assert "Traceback" not in result.err
    for word in words:
        assert word.lower() in result.err.lower(), result
    return result.err


@pytest.fixture
def unforeseen(azure):
    """What Azure would tell beforehand can't be read, so that it is met on the way."""
    asked = ("permissions", "checkPolicyRestrictions", "roleAssignmentsUsageMetrics", r"providers/Microsoft.\w+")
    for path in asked:
        azure.fault("status", path=f"/{path}$", status=403, times=99)


class TestRights:
    def test_one_who_may_see_nothing(self, azure, az_as, seed):
        az = az_as(azure.principal())
        refuses(
            az,
            "",
            "registry",
            "You don't have permission to read registry",
            f"Requires permission 'Microsoft.ContainerRegistry/registries/read' on {REGISTRY}",
        )
        assert changes(azure) == []

    def test_one_who_may_only_read(self, azure, unforeseen, az_as, seed):
        az = az_as(azure.principal(("Reader", WHOLE_SUBSCRIPTION)))
        refuses(az, "", "You don't have permission 'Microsoft.", "Nothing was changed", AGAIN)
        assert azure.state()["vaults"] == []

    def test_one_who_may_not_make_groups(self, azure, unforeseen, az_as):
        az = az_as(azure.principal(("Reader", WHOLE_SUBSCRIPTION)))
        refuses(
            az,
            f"-l {LOCATION}",
            "You don't have permission 'Microsoft.Resources/subscriptions/resourceGroups/write'",
            f"on {GROUP}",
        )

    def test_one_who_may_not_grant(self, azure, unforeseen, az, az_as, seed):
        contributor = az_as(azure.principal(("Contributor", GROUP)))
        refuses(
            contributor,
            "",
            f"You don't have permission 'Microsoft.Authorization/roleAssignments/write' on {VAULT}",
            "Completed so far: identity created",
            AGAIN,
        )
        result = az(ENABLE).json()
        assert {step for step, outcome in outcomes(result).items() if outcome == "created"} == {"grant", "registry"}
        assert pulls(azure)

    @pytest.mark.parametrize("options", ["--permission-model access-policy", "--skip-grant"])
    def test_one_who_may_not_grant_has_ways_that_need_no_role_assignment(self, azure, az_as, seed, options):
        if options == "--skip-grant":
            seed.parts()
        az_as(azure.principal(("Contributor", GROUP)))(f"{ENABLE} {options}").ok()
        assert pulls(azure)

    def test_one_who_may_not_make_registries(self, azure, unforeseen, az_as, seed):
        roles = ("Key Vault Contributor", "Managed Identity Contributor", "User Access Administrator", "Reader")
        az = az_as(azure.principal(*((role, GROUP) for role in roles)))
        refuses(az, "", "You don't have permission 'Microsoft.ContainerRegistry/registries/write'", f"on {REGISTRY}")

    def test_one_who_may_not_attach_the_identity(self, azure, unforeseen, az_as, seed):
        seed.group("others")
        identity = seed.identity(ArmId(SUBSCRIPTION, "others", IDENTITY_TYPE, "shared"))["id"]
        az = az_as(azure.principal(("Owner", GROUP), ("Reader", OTHERS)))
        refuses(
            az,
            f"--identity {identity}",
            "You don't have permission 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action'",
            "the role 'Managed Identity Operator' on the identity",
            "shared",
            AGAIN,
        )


class TestPolicy:
    @pytest.mark.parametrize("type_", ["Microsoft.KeyVault/vaults", "Microsoft.ContainerRegistry/registries"])
    def test_its_name_is_told(self, azure, unforeseen, az, seed, type_):
        azure.deny(type_, name="landing-zone-rule", reason="Not in our landing zone")
        refuses(az, "", "A policy does not allow this change: landing-zone-rule", "Not in our landing zone", AGAIN)
        azure.clear_policies()
        az(ENABLE).ok()
        assert pulls(azure)

    def test_one_that_the_options_satisfy_is_no_hindrance(self, azure, az, seed):
        rule = {"field": "properties.publicNetworkAccess", "notEquals": "Disabled"}
        azure.deny("Microsoft.ContainerRegistry/registries", rule, name="closed-registries")
        refuses(az, "", "closed-registries")
        az(f"{ENABLE} --public-network-enabled false").ok()
        assert pulls(azure)


class TestProviders:
    @pytest.mark.parametrize(
        "namespace", ["Microsoft.ContainerRegistry", "Microsoft.KeyVault", "Microsoft.ManagedIdentity"]
    )
    def test_one_that_is_not_registered_gets_registered(self, azure, az, seed, namespace):
        azure.settings(provider_seconds=0.5)
        azure.unregister(namespace)
        result = az(ENABLE).ok()
        assert f"is not registered to use {namespace}; registering it" in result.err
        assert pulls(azure)

    @pytest.mark.parametrize("namespace", ["Microsoft.ContainerRegistry", "Microsoft.PolicyInsights"])
    def test_what_if_registers_nothing(self, azure, az, seed, namespace):
        azure.unregister(namespace)
        az(f"{ENABLE} --what-if")
        assert changes(azure) == []

    def test_one_that_the_caller_may_not_register(self, azure, unforeseen, az_as, seed):
        azure.unregister("Microsoft.ContainerRegistry")
        az = az_as(azure.principal(("Owner", GROUP)))
        command = "az provider register --namespace Microsoft.ContainerRegistry --wait"
        refuses(az, "", "The subscription is not registered to use Microsoft.ContainerRegistry", command, AGAIN)


class TestVaultName:
    def test_taken_by_a_vault_that_cannot_be_seen(self, azure, az_as, seed):
        seed.group("others")
        seed.vault(ArmId(SUBSCRIPTION, "others", VAULT_TYPE, "taken-vault"))
        az = az_as(azure.principal(("Owner", GROUP)))
        refuses(
            az,
            "--key-vault taken-vault",
            "'taken-vault' is already in use",
            "Choose another name with --key-vault",
            AGAIN,
        )

    def test_taken_by_a_deleted_vault_that_cannot_be_seen(self, azure, az_as, seed):
        seed.delete(seed.vault())
        az = az_as(azure.principal(("Owner", GROUP)))
        refuses(az, "", "There is a soft-deleted key vault with this name", "Microsoft.KeyVault/deletedVaults/read")


class TestLimits:
    def test_quota(self, azure, az, seed):
        said = "The subscription has reached its limit of 10 registries."
        body = {"error": {"code": "QuotaExceeded", "message": said}}
        azure.fault("status", method="PUT", path=f"registries/{REGISTRY.name}", status=403, body=body)
        refuses(
            az, "", "A quota of the subscription is exhausted", said, "Request a quota increase", "key created", AGAIN
        )
        az(ENABLE).ok()
        assert pulls(azure)

    def test_role_assignments(self, azure, unforeseen, az, seed):
        azure.settings(role_assignment_limit=1)
        refuses(
            az, "", "The limit of role assignments in the subscription is reached", "--permission-model access-policy"
        )

    def test_a_short_throttling_is_waited_out(self, azure, az, seed):
        for path in ("registries/myregistry$", "vaults/[^/]+$", "userAssignedIdentities/"):
            throttle(azure, method="PUT", path=path, headers={"Retry-After": "1"})
        az(ENABLE).ok()
        assert pulls(azure)

    def test_a_long_throttling_is_told(self, azure, az, seed):
        throttle(azure, method="PUT", path="registries/myregistry$", times=100, headers={"Retry-After": "0.01"})
        refuses(az, "", "Azure is throttling requests", "Wait a few minutes", "grant created")
        azure.clear_faults()
        az(ENABLE).ok()
        assert pulls(azure)


class TestAccidents:
    @pytest.mark.parametrize(
        ("action", "path"),
        [
            ("reset-before", "registries/myregistry$"),
            ("reset-after", "registries/myregistry$"),
            ("reset-after", "vaults/[^/]+$"),
            ("reset-after", "roleAssignments/"),
        ],
    )
    def test_a_lost_connection_is_made_good(self, azure, az, seed, action, path):
        azure.fault(action, method="PUT", path=path)
        az(ENABLE).ok()
        assert pulls(azure)

    def test_a_vault_that_is_busy_is_tried_again(self, azure, az, seed):
        seed.vault(enableRbacAuthorization=False)
        body = {"error": {"code": "ConflictError", "message": "A conflict occurred that prevented the operation."}}
        azure.fault("status", method="PUT", path="accessPolicies/add", status=409, body=body)
        az(ENABLE).ok()
        assert pulls(azure)

    def test_a_grant_that_the_list_does_not_show_yet_is_no_error(self, azure, az, seed):
        seed.parts()
        azure.fault("status", method="GET", path="roleAssignments$", status=200, body={"value": []})
        az(ENABLE).ok()
        assert pulls(azure)
        refused = [entry["status"] for entry in azure.log() if "/roleAssignments/" in entry["path"]]
        assert refused[0] == 409

    def test_a_name_taken_in_the_meantime(self, azure, az, seed):
        said = "The registry DNS name myregistry.azurecr.io is already in use."
        body = {"error": {"code": "AlreadyInUse", "message": said}}
        azure.fault("status", method="PUT", path="registries/myregistry$", status=409, body=body)
        refuses(az, "", said, "Registry names are global. Choose another name.")

    def test_what_is_not_known_is_told_in_azures_own_words(self, azure, az, seed):
        body = {"error": {"code": "SomethingNew", "message": "The moon is in the wrong phase."}}
        azure.fault("status", method="PUT", path="registries/myregistry$", status=400, body=body)
        refuses(az, "", f"Step 'registry' failed ({REGISTRY})", "The moon is in the wrong phase. (SomethingNew)", AGAIN)

    @pytest.mark.parametrize("what", ["disabled", "firewall"])
    def test_a_key_that_becomes_unusable_while_the_command_waits_is_told(self, azure, az, seed, what):
        body = {"error": {"code": "BadRequest", "message": "Failed to access KeyId 'it'."}}
        azure.fault("status", method="PUT", path="registries/myregistry$", times=100, status=400, body=body)
        running = az.start(ENABLE)
        wait_for(running, "Waiting for access")
        if what == "disabled":
            uri = seed.get(f"{VAULT}/keys/{KEY}")["properties"]["keyUriWithVersion"]
            seed.change_key("PATCH", uri, {"attributes": {"enabled": False}})
        else:
            seed.patch(VAULT, {"properties": {"networkAcls": {"bypass": "None", "defaultAction": "Deny"}}})
        result = running.wait()
        assert result.code == 1
        assert {"disabled": "is disabled", "firewall": "does not allow trusted services"}[what] in result.err
        assert f"grant created ({VAULT})" in result.err


def throttle(azure, **where) -> None:
    body = {"error": {"code": "TooManyRequests", "message": "Too many requests. Please retry after some time."}}
    azure.fault("status", status=429, body=body, **where)


def wait_for(running, words: str) -> None:
    end = time.monotonic() + 20
    while words not in running.err:
        assert running.poll() is None, running.err
        assert time.monotonic() < end
        time.sleep(0.02)
