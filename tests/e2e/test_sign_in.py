"""Whose login a command uses, and what it says where that gives no token."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from azext_acrcmk.model.ids import IDENTITY_TYPE, ArmId
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.harness.seed import ENABLE, LOCATION, REGISTRY, VAULT

SHOW = "acr cmk show -n myregistry -g rg"
ROTATE = "acr cmk rotate -n myregistry -g rg --yes"
TOKEN = "^login.*/token$"
# As Microsoft Entra refuses one who has to prove more for this service than for others.
MORE_PROOF = {
    "error": "interaction_required",
    "error_codes": [50076],
    "error_description": "AADSTS50076: You must use multi-factor authentication to access the vault.",
}


def profile_of(az) -> Path:
    return Path(az.environment["AZURE_CONFIG_DIR"]) / "azureProfile.json"


def forget(az, subscription):
    """As if the login had never been shown this subscription."""
    profile = json.loads(profile_of(az).read_text(encoding="utf-8"))
    profile["subscriptions"] = [each for each in profile["subscriptions"] if each["id"] != subscription]
    profile_of(az).write_text(json.dumps(profile), encoding="utf-8")


@pytest.fixture
def two_logins(azure, az):
    """By default somebody without any right, who has the other subscription; the owner has the command's own."""
    somebody = azure.principal()
    config = profile_of(az).parent
    profile = json.loads(profile_of(az).read_text(encoding="utf-8"))
    for each in profile["subscriptions"]:
        each["isDefault"] = each["id"] == OTHER_SUBSCRIPTION
        if each["isDefault"]:
            each["user"] = {"name": somebody.app_id, "type": "servicePrincipal"}
    profile_of(az).write_text(json.dumps(profile), encoding="utf-8")
    entries = json.loads((config / "service_principal_entries.json").read_text(encoding="utf-8"))
    entries.append({**entries[0], "client_id": somebody.app_id, "client_secret": somebody.secret})
    (config / "service_principal_entries.json").write_text(json.dumps(entries), encoding="utf-8")
    return az


def test_the_vault_is_asked_by_the_login_of_the_commands_subscription(azure, two_logins, scene, officer):
    scene.encrypt()
    assert two_logins(SHOW).code != 0
    two_logins(f"{ROTATE} --subscription {SUBSCRIPTION}").ok()
    assert azure.pull("myregistry")["status"] == 200


@pytest.fixture
def identity_elsewhere(scene):
    """An encrypted registry that uses an identity of the other subscription."""
    other = ArmId(OTHER_SUBSCRIPTION, "elsewhere", IDENTITY_TYPE, "otheridentity")
    scene.seed.group(other.group, subscription=other.subscription)
    scene.identity = scene.seed.identity(other)
    scene.seed.key(scene.seed.vault())
    scene.seed.grant(scene.identity["principalId"], VAULT)
    scene.use_key(VAULT)
    return other


def test_a_subscription_that_the_login_does_not_list_is_asked_all_the_same(az, identity_elsewhere):
    forget(az, OTHER_SUBSCRIPTION)
    shown = az(SHOW).json()
    assert (shown["health"], shown["identity"]["exists"]) == ("healthy", True)


def test_a_subscription_that_azure_says_is_not_there_can_not_be_seen(azure, az, identity_elsewhere):
    said = f"The subscription '{OTHER_SUBSCRIPTION}' could not be found."
    body = {"error": {"code": "SubscriptionNotFound", "message": said}}
    azure.fault("status", path=f"{OTHER_SUBSCRIPTION}.*otheridentity$", status=404, body=body, times=9)
    shown = az(SHOW).json()
    assert shown["identity"]["exists"] is None
    assert "IdentityUnknown" in [each["code"] for each in shown["findings"]]


def test_what_is_in_a_subscription_of_others_is_not_seen(azure, az_as, scene):
    scene.encrypt_elsewhere()
    az = az_as(azure.principal(("Reader", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg")))
    forget(az, OTHER_SUBSCRIPTION)
    shown = az(SHOW).json()
    assert (shown["health"], shown["access"]["granted"]) == ("unknown", None)


class TestRefused:
    """A login that is good for Azure Resource Manager and not for vaults."""

    @pytest.fixture
    def refused(self, azure, az, scene):
        scene.encrypt()
        az(SHOW).ok()
        azure.clear_log()
        azure.fault("status", path=TOKEN, status=400, body=MORE_PROOF, times=99)
        return az

    def test_tells_how_to_log_in(self, azure, refused):
        result = refused(ROTATE)
        assert result.code == 1
        for words in ("Azure rejected the login: AADSTS50076", "az login", "Nothing was changed."):
            assert words in result.err, result
        assert "Traceback" not in result.err
        assert azure.pull("myregistry")["status"] == 200

    def test_a_key_that_only_the_vault_could_show_as_deleted_is_made(self, azure, refused, seed):
        seed.delete(REGISTRY)
        refused(f"{ENABLE} -l {LOCATION} --key-vault {VAULT.name} --key another").ok()
        assert azure.pull("myregistry")["status"] == 200


@pytest.mark.parametrize(
    "fault",
    [
        {"action": "reset-before"},
        {"action": "reset-after"},
        *({"action": "status", "status": status, "body": {"error": "x"}} for status in (500, 503)),
    ],
    ids=lambda fault: f"{fault['action']}-{fault.get('status', '')}",
)
def test_a_sign_in_that_does_not_answer_is_tried_again(azure, many_az, scene, fault):
    scene.encrypt()
    azure.fault(path="^login", each=True, **fault)
    assert many_az(SHOW.split()).code == 0
    assert len([entry for entry in azure.log() if entry["path"].endswith("/token")]) == 2


def test_a_sign_in_that_hangs_is_not_waited_for_forever(azure, az, scene):
    scene.encrypt()
    azure.fault("hang", path=TOKEN)
    result = az(SHOW, pace=500)
    assert result.code == 1, result
    assert "There was no response to the sign-in within 300 seconds." in result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize("body", ["<html>", "null", "[]", '{"access_token": 7}'])
def test_a_sign_in_that_makes_no_sense_is_told(azure, many_az, scene, body):
    scene.encrypt()
    azure.fault("alter", path=TOKEN, body=body, times=99)
    result = many_az(SHOW.split())
    assert "Traceback" not in result.err, result
    assert (result.code, result.err.count("ERROR: ")) == (1, 1), result


def test_a_sign_in_that_never_answers_is_told(azure, many_az, scene):
    scene.encrypt()
    azure.fault("reset-before", path=TOKEN, times=99)
    result = many_az(SHOW.split())
    assert result.code == 1
    assert "The connection to Azure failed: The sign-in failed" in result.err
    assert "Traceback" not in result.err


def test_many_requests_at_once_fetch_one_token(azure, many_az, scene):
    scene.encrypt()
    many_az(SHOW.split()).ok()
    tokens = [entry for entry in azure.log() if entry["path"].endswith("/token")]
    assert len(tokens) == 1
