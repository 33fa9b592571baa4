"""Situations from public threads that no other test has, each by its kind (sources: the issue threads named)."""

from __future__ import annotations

import base64
import json

import pytest

from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId
from sandbox.client import OWNER
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.harness.revoke import pulled, tags
from tests.harness.rotate import done, versions
from tests.harness.seed import ENABLE, GROUP, REGISTRY, bodies

ROTATE = "acr cmk rotate -n myregistry -g rg"


@pytest.fixture
def az(quick_az):
    return quick_az


class TestRegistryWithFiftyTags:
    """cloud-custodian#5416, azure-docs#35746."""

    @pytest.fixture
    def full(self, scene, officer):
        scene.encrypt()
        scene.seed.patch(REGISTRY, {"tags": {f"t{number}": "v" for number in range(50)}})
        return scene

    def test_is_rotated_without_the_note(self, azure, az, full):
        az(ROTATE).ok()
        az(ROTATE).ok()
        assert (pulled(azure), len(tags(full.seed)), len(versions(azure))) == (200, 50, 3)
        assert not [body for body in bodies(azure, "PATCH", "/registries/myregistry") if "tags" in body]

    @pytest.mark.parametrize("option", ["--disable-old-version", "--identity other --revoke-old"])
    def test_is_refused_before_anything_where_the_note_matters(self, azure, az, full, option):
        azure.clear_log()
        result = az(f"{ROTATE} {option}")
        assert (result.code, done(azure)) == (1, []), result
        assert "already has 50 tags" in result.err
        assert "omit --revoke-old and --disable-old-version" in result.err


def test_a_policy_against_the_tag_does_not_stop_a_rotation(azure, az, scene, officer):
    """azure-docs#93117."""
    scene.encrypt()
    azure.deny(REGISTRY_TYPE, {"field": "tags.acrcmk-rotated-from", "exists": True}, name="no-such-tags")
    az(ROTATE).ok()
    assert (pulled(azure), len(versions(azure))) == (200, 2)


def test_a_change_that_requires_more_claims_says_how_to_sign_in(azure, az, seed):
    """azure-cli PR#31699: MFA is enforced on writes."""
    claims = base64.b64encode(
        json.dumps({"access_token": {"acrs": {"essential": True, "value": "p1"}}}).encode()
    ).decode()
    challenge = f'Bearer realm="", error="insufficient_claims", error_description="MFA", claims="{claims}"'
    azure.fault(
        "status", method="PUT", path="/", status=401, times=99, headers={"WWW-Authenticate": challenge},
        body={"error": {"code": "InvalidAuthenticationToken", "message": "MFA is required."}},
    )  # fmt: skip
    result = az(ENABLE)
    assert result.code == 1
    for words in ("Azure requires a stronger sign-in for this", "az logout, then az login", "A service principal"):
        assert words in result.err, result


def test_one_who_owns_one_group_and_sees_nothing_else_can_do_all(azure, az_as, seed):
    """azure-cli#17308, #5738: no right on the subscription, none in Microsoft Graph."""
    az = az_as(azure.principal(("Owner", GROUP), ("Key Vault Crypto Officer", GROUP)))
    for command in (
        ENABLE,
        "acr cmk show -n myregistry -g rg",
        "acr cmk check -n myregistry -g rg",
        f"{ROTATE} --identity another",
        "acr cmk revoke -n myregistry -g rg --yes",
        "acr cmk restore -n myregistry -g rg",
        "acr cmk repair -n myregistry -g rg",
        ENABLE + " --identity another",
    ):
        result = az(command).ok()
        assert "Traceback" not in result.err
    assert pulled(azure) == 200


class TestConsole:
    """azure-cli#14426, #26843: a console that has no Unicode."""

    @pytest.mark.parametrize(("encoding", "output"), [("ascii", "table"), ("cp1252", "json"), ("ascii", "tsv")])
    def test_takes_whatever_is_printed(self, azure, az_as, scene, encoding, output):
        scene.encrypt().ungrant()
        scene.seed.patch(REGISTRY, {"tags": {"owner": "Jos\u00e9 \u2013 \u6771\u4eac"}})
        az = az_as(OWNER)
        for command in ("check", "show", "repair --what-if"):
            result = az(
                f"acr cmk {command} -n myregistry -g rg -o {output}", environment={"PYTHONIOENCODING": encoding}
            )
            assert "Traceback" not in result.err
            assert result.out


def test_a_group_with_letters_of_other_alphabets(azure, az, seed):
    """azure-docs-cli#2653, azure-cli#11963, #25154."""
    group = "gr\u00fc\u00dfe-\u6771\u4eac"
    az(f"acr cmk enable -n myregistry -g {group} -l westeurope").ok()
    assert az(f"acr cmk check -n myregistry -g {group}").code == 0
    az("acr cmk revoke -n myregistry --yes").ok()
    az("acr cmk restore -n myregistry").ok()
    assert pulled(azure) == 200
    id_ = ArmId(SUBSCRIPTION, group, REGISTRY_TYPE, "myregistry")
    assert az(f"acr cmk show --ids {id_} --query resourceGroup -o tsv").ok().out.strip() == group


def test_a_subscription_by_its_display_name(azure, az, scene):
    """azure-cli#5665, #7304."""
    scene.seed.group("rg", OTHER_SUBSCRIPTION)
    az(f"{ENABLE} --subscription 'Sandbox two'").ok()
    assert az("acr cmk show -n myregistry --subscription 'Sandbox two' --query name").json() == "myregistry"
