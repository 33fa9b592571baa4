"""`az acr cmk template`: what it writes, deployed by the real `az deployment`, is what `enable` makes."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess

import pytest

from azext_acrcmk.model.ids import IDENTITY_TYPE, VAULT_TYPE, ArmId
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.harness.az import AZ
from tests.harness.scene import Scene
from tests.harness.seed import GROUP, IDENTITY, KEY, REGISTRY, VAULT, Seed, changes, outcomes

ASKED = "-n myregistry -g rg"
OTHER_VAULT = ArmId(OTHER_SUBSCRIPTION, "elsewhere", VAULT_TYPE, "othervault")
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)?")
VERSION = re.compile(r"/[0-9a-f]{32}\b")


def nothing(_scene):
    pass


def identity(scene):
    scene.seed.identity()


def parts(scene):
    scene.seed.parts()


def policy_vault(scene):
    scene.seed.identity()
    scene.seed.key(scene.seed.vault(enableRbacAuthorization=False))


def ungranted(scene):
    scene.seed.parts_without_grant()


def firewalled_vault(scene):
    scene.seed.identity()
    scene.seed.key(scene.seed.vault(networkAcls={"bypass": "AzureServices", "defaultAction": "Deny"}))


def vault_alone(scene):
    scene.seed.vault()


def inherited(scene):
    """The identity has the role on the resource group already."""
    scene.seed.key(scene.seed.vault())
    scene.seed.grant(scene.seed.identity()["principalId"], GROUP)


def deleted_vault(scene):
    scene.seed.key(scene.seed.vault())
    scene.seed.delete(VAULT)


def deleted_policy_vault(scene):
    scene.seed.key(scene.seed.vault(enableRbacAuthorization=False))
    scene.seed.delete(VAULT)


def elsewhere(scene):
    scene.seed.group("elsewhere", subscription=OTHER_SUBSCRIPTION)


def vault_elsewhere(scene):
    elsewhere(scene)
    scene.seed.key(scene.seed.vault(OTHER_VAULT))


def policy_vault_elsewhere(scene):
    elsewhere(scene)
    scene.seed.vault(OTHER_VAULT, enableRbacAuthorization=False)


def hsm(scene):
    scene.identity = scene.seed.identity()
    scene.seed.key(scene.seed.hsm(), kty="RSA-HSM", keyOps=["wrapKey", "unwrapKey"])
    scene.change_hsm_role("PUT")


GOALS = {
    "all new": (nothing, ""),
    "access policies": (nothing, "--permission-model access-policy"),
    "on the key": (nothing, "--grant-scope key --tags a=b --rotation-period 90d --key-lifetime 2y"),
    "pinned": (nothing, "--rotation manual"),
    "firewall": (nothing, "--restrict-vault-network --public-network-enabled false --role-assignment-mode rbac-abac"),
    "identity": (identity, "--key-type RSA-HSM --key-size 3072 --retention-days 7"),
    "parts": (parts, ""),
    "existing key, pinned": (parts, "--rotation manual"),
    "existing policies": (policy_vault, ""),
    "existing policies, pinned": (policy_vault, "--rotation manual"),
    "existing key, granted on it": (ungranted, "--grant-scope key"),
    "vault behind a firewall": (firewalled_vault, ""),
    "new key in a vault": (vault_alone, "--key-type RSA --grant-scope key --tags 'a=b c'"),
    "inherited access": (inherited, ""),
    "soft-deleted": (deleted_vault, ""),
    "soft-deleted with policies": (deleted_policy_vault, ""),
    "vault elsewhere": (vault_elsewhere, f"--key-vault {OTHER_VAULT}"),
    "new vault elsewhere": (elsewhere, f"--key-vault {OTHER_VAULT} --grant-scope key"),
    "new policy vault elsewhere": (elsewhere, f"--key-vault {OTHER_VAULT} --permission-model access-policy"),
    "policies elsewhere": (policy_vault_elsewhere, f"--key-vault {OTHER_VAULT}"),
    "identity elsewhere": (
        elsewhere,
        f"--identity /subscriptions/{OTHER_SUBSCRIPTION}/resourceGroups/elsewhere/providers/{IDENTITY_TYPE}/otherid",
    ),
    "managed HSM": (hsm, f"--key-encryption-key https://myhsm.managedhsm.azure.net/keys/{KEY}"),
}


def everything(seed):
    """All that there is, without times."""
    shown = []
    for subscription in (SUBSCRIPTION, OTHER_SUBSCRIPTION):
        for each in seed.get(f"/subscriptions/{subscription}/resources")["value"]:
            if "/managedHSMs/" in each["id"]:
                continue
            shown.append(seed.get(each["id"]))
            if "/vaults/" in each["id"]:
                shown += [seed.get(key["id"]) for key in seed.get(f"{each['id']}/keys")["value"]]
                shown += seed.assignments(each["id"])
    for each in shown:
        each.pop("systemData", None)
        each["properties"].pop("policies", None)
        for name in ("created", "updated", "exp"):
            each["properties"].get("attributes", {}).pop(name, None)
            each["properties"].get("rotationPolicy", {}).get("attributes", {}).pop(name, None)
    return shown


def alike(resources):
    """Without what is another each time: object ids, versions, times."""

    def steady(resource):
        text = VERSION.sub("/<version>", GUID.sub("<guid>", json.dumps(resource, sort_keys=True)))
        return TIME.sub("<time>", text)

    return sorted(map(steady, resources))


@pytest.mark.parametrize("goal", GOALS)
def test_deploys_what_enable_makes(azure, seed, quick_az, tmp_path, goal):
    prepare, options = GOALS[goal]
    file = shlex.quote(str(tmp_path / "azuredeploy.json"))
    prepare(Scene(azure, seed))
    command = f"acr cmk template {ASKED} {options} -f {file}"
    told = quick_az(command).ok()
    assert "Next: az deployment group create --resource-group rg" in told.err
    assert changes(azure) == []
    deploy = f"deployment group create -g rg -f {file}"
    made = quick_az(deploy).json()["properties"]
    assert made["outputs"]["registryId"]["value"] == str(REGISTRY)
    assert made["outputs"]["encryption"]["value"]["status"] == "enabled"
    assert azure.pull(REGISTRY.name)["status"] == 200
    first = everything(seed)
    # Once more changes nothing.
    quick_az(deploy).ok()
    assert everything(seed) == first
    # Nor does `enable`.
    done = quick_az(f"acr cmk enable {ASKED} {options}").json()
    assert set(outcomes(done).values()) == {"reused"}
    assert everything(seed) == first
    # A template written now refers to all that is there.
    quick_az(f"{command} --yes").ok()
    quick_az(f"deployment group create -g rg -f {file} -n again").ok()
    assert everything(seed) == first
    # By `enable` the same comes about, and the template then finds it.
    azure.reset()
    fresh = Seed(azure)
    fresh.group()
    prepare(Scene(azure, fresh))
    before = tmp_path / "before.json"
    quick_az(f"acr cmk template {ASKED} {options} -f {shlex.quote(str(before))}").ok()
    quick_az(f"acr cmk enable {ASKED} {options}").ok()
    second = everything(fresh)
    assert alike(second) == alike(first)
    quick_az(deploy.replace(file, shlex.quote(str(before)))).ok()
    assert everything(fresh) == second


@pytest.mark.parametrize("pinned", [False, True])
def test_an_encrypted_registry_is_exported(azure, seed, quick_az, tmp_path, pinned):
    """By its name alone; deploying it changes nothing."""
    seed.encrypted(pinned, adminUserEnabled=True, publicNetworkAccess="Disabled")
    before = everything(seed)
    template = quick_az("acr cmk template -n myregistry").json()
    assert changes(azure) == []
    (registry,) = template["resources"]
    assert registry["properties"]["adminUserEnabled"] is True
    (tmp_path / "t.json").write_text(json.dumps(template))
    quick_az(f"deployment group create -g rg -f {shlex.quote(str(tmp_path / 't.json'))}").ok()
    assert everything(seed) == before
    for name in ("azapi", "azurerm"):
        text = quick_az(f"acr cmk template -n myregistry --format {name} -f -").ok().out
        assert "import {" in text
        assert str(REGISTRY) in text


@pytest.mark.usefixtures("seed")
def test_a_file_is_replaced_only_where_that_is_asked_for(quick_az, tmp_path):
    file = tmp_path / "main.bicep"
    command = f"acr cmk template {ASKED} --format bicep -f {shlex.quote(str(file))}"
    (tmp_path / "cmk-grant.bicep").write_text("mine")
    refused = quick_az(command)
    assert refused.code == 1
    assert "exists" in refused.err
    assert [each.name for each in tmp_path.iterdir()] == ["cmk-grant.bicep"]
    quick_az(f"{command} --yes").ok()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cmk-grant.bicep", "main.bicep"]
    assert "guid(scope" in (tmp_path / "cmk-grant.bicep").read_text()
    assert "--file" in quick_az(f"acr cmk template {ASKED} --format sh").err


def test_the_script_makes_what_enable_makes(azure, seed, quick_az, tmp_path, az_script):
    """It is run by a POSIX shell, twice."""
    quick_az(f"acr cmk enable {ASKED}").ok()
    wanted = alike(everything(seed))
    azure.reset()
    Seed(azure).group()
    file = tmp_path / "registry.sh"
    quick_az(f"acr cmk template {ASKED} --format sh -f {shlex.quote(str(file))}").ok()
    first = az_script(file)
    assert json.loads(first.stdout)["encryption"]["status"] == "enabled"
    made = everything(seed)
    assert alike(made) == wanted
    assert azure.pull(REGISTRY.name)["status"] == 200
    az_script(file)
    assert everything(seed) == made


@pytest.fixture
def az_script(azure, home):
    """Runs a shell script with the real `az`, signed in as owner."""
    environment = azure.login(home)
    path = f"{AZ.parent}{os.pathsep}{environment['PATH']}"

    def run(file):
        done = subprocess.run(
            ["sh", str(file)], env={**environment, "PATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done

    return run


# What a redeployment does to the version, and what can be exchanged


def versioned(seed):
    return seed.get(REGISTRY)["properties"]["encryption"]["keyVaultProperties"]["versionedKeyIdentifier"]


def new_version(seed):
    seed.change_key("POST", f"https://{VAULT.name}.vault.azure.net/keys/{KEY}/rotate")


@pytest.fixture
def deploy(quick_az, tmp_path):
    """Writes the template for some options and returns what deploys it, with parameters."""

    def write(options):
        file = shlex.quote(str(tmp_path / "azuredeploy.json"))
        told = quick_az(f"acr cmk template {ASKED} {options} -f {file}").ok().err
        return told, lambda given="": quick_az(f"deployment group create -g rg -f {file} {given}").ok()

    return write


def test_a_redeployment_never_rotates_a_registry_that_is_pinned_to_an_existing_key(seed, deploy):
    seed.parts()
    _, run = deploy("--rotation manual")
    run()
    used = versioned(seed)
    new_version(seed)
    run()
    assert versioned(seed) == used


def test_what_a_redeployment_does_to_a_new_key_that_is_pinned_is_told(seed, deploy):
    told, run = deploy("--rotation manual")
    assert "deploying again changes the registry to the new version, unless you specify the version in use" in told
    run()
    used = versioned(seed)
    new_version(seed)
    run(f"-p keyVersion={used.rpartition('/')[2]}")
    assert versioned(seed) == used
    run()
    assert versioned(seed) != used


def test_rotation_is_a_parameter(seed, deploy):
    """As the form gives it."""
    _, run = deploy("")
    run("-p rotation=manual")
    assert seed.get(REGISTRY)["properties"]["encryption"]["keyVaultProperties"]["keyRotationEnabled"] is False


@pytest.mark.parametrize("scope", ["vault", "key"])
def test_what_exists_can_be_exchanged_for_another_as_in_the_form(azure, seed, deploy, scope):
    """An identity, a vault elsewhere and its key, other than those that were seen."""
    seed.parts_without_grant()
    _, run = deploy(f"--grant-scope {scope}")
    elsewhere(Scene(azure, seed))
    identity = seed.identity(str(IDENTITY).replace("myregistry-cmk", "another"))
    key = seed.key(seed.vault(OTHER_VAULT), "theirs")["keyUri"]
    run(f"-p identityId={identity['id']} vaultId={OTHER_VAULT} keyIdentifier={key}")
    used = seed.get(REGISTRY)["properties"]["encryption"]["keyVaultProperties"]
    assert (used["identity"], used["keyIdentifier"]) == (identity["clientId"], key)
    assert azure.pull(REGISTRY.name)["status"] == 200
    granted = {each["properties"]["scope"].lower() for each in seed.assignments(OTHER_VAULT)}
    assert granted == {(str(OTHER_VAULT) if scope == "vault" else f"{OTHER_VAULT}/keys/theirs").lower()}
    assert seed.assignments(VAULT) == []


def test_the_next_command_is_not_printed_for_a_file_that_can_not_be_written(seed, quick_az):
    result = quick_az("acr cmk template -n newregistry -g rg --format bicep --file /proc/x")
    assert (result.code, "'/proc/x' can't be written" in result.err, "Next:" in result.err) == (1, True, False)
