"""Clients that others wrote, against a registry with content: core `az acr`, oras for Python, and skopeo."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.client import Sandbox
from sandbox.world import SUBSCRIPTION
from tests.harness.az import Az

GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg"
REPOSITORY = "app/service0001"
NOBODY = "00000000-0000-0000-0000-000000000000"  # the name that goes with a token as the password

# What `oras` is told to do, with the names of a registry and a file, and a refresh token. Left alone it would keep the
# first access token that it gets, which is one to pull, and never ask for another.
ORAS = """
import json, sys
import requests
from oras.client import OrasClient
registry, file, refresh_token = sys.argv[1:]
target = f"{registry}/notes:v1"
form = {"grant_type": "refresh_token", "service": registry, "refresh_token": refresh_token}
form["scope"] = "repository:notes:pull,push,metadata_read"
token = requests.post(f"https://{registry}/oauth2/token", data=form).json()["access_token"]
client = OrasClient(hostname=registry, auth_backend="token")
client.auth.set_token_auth(token)
client.push(target=target, files=[file], disable_path_validation=True)
pulled, = client.pull(target=target, outdir=file + "-pulled")
print(json.dumps({"tags": client.get_tags(target), "pulled": open(pulled).read()}))
"""


@pytest.fixture
def registries(sandbox: Sandbox) -> Sandbox:
    """A registry with content, and an empty one."""
    body = {"location": "westus", "sku": {"name": "Premium"}}
    sandbox.unseen("PUT", GROUP, {"location": "westus"}, "2024-11-01")
    for name in ("source1", "target1"):
        path = f"{GROUP}/providers/Microsoft.ContainerRegistry/registries/{name}"
        sandbox.unseen("PUT", path, body, "2025-11-01")
    sandbox.seed_content("source1", images=2, indexes=1, signatures=1)
    return sandbox


def password_of(az: Az, registry: str) -> str:
    """A refresh token, which is good as a password."""
    return az(f"acr login -n {registry} --expose-token").json()["accessToken"]


def run(sandbox: Sandbox, command: list[str], folder: Path) -> str:
    environment = {
        **sandbox.environment,
        "HOME": str(folder),
        "SSL_CERT_FILE": sandbox.environment["REQUESTS_CA_BUNDLE"],
    }
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_core_az_reads_and_changes_content(registries, az):
    assert az("acr repository list -n source1").json() == [REPOSITORY]
    assert az(f"acr repository show-tags -n source1 --repository {REPOSITORY}").json() == ["m1", "v1", "v2"]
    rows = az(f"acr manifest list-metadata -r source1 -n {REPOSITORY} --orderby time_desc").json()
    assert len(rows) == 8
    signed = next(row["digest"] for row in rows if row.get("tags") == ["v1"])
    found = az(f"acr manifest list-referrers -r source1 -n {REPOSITORY}@{signed}").json()["manifests"]
    assert {each["artifactType"] for each in found} == {
        "application/vnd.cncf.notary.signature",
        "application/spdx+json",
    }
    shown: dict[str, Any] = az(f"acr manifest show -r source1 -n {REPOSITORY}:m1").json()
    assert len(shown["manifests"]) == 3
    az(f"acr repository update -n source1 --repository {REPOSITORY} --write-enabled false").ok()
    refused = az(f"acr repository delete -n source1 --image {REPOSITORY}:v1 --yes")
    assert (refused.code, "The operation is disallowed" in refused.err) == (1, True)


def test_core_az_imports(registries, az):
    image = f"source1.azurecr.io/{REPOSITORY}:m1"
    az(f"acr import -n target1 --source {image} -t copied:m1 -t copied:latest").ok()
    copied = registries.content("target1")["copied"]
    assert copied["tags"].keys() == {"m1", "latest"}
    assert len(copied["manifests"]) == 4
    refused = az(f"acr import -n target1 --source {image} -t copied:m1")
    assert (refused.code, "Tag copied:m1 already exists in target registry" in refused.err) == (1, True)
    assert az("acr repository show -n target1 --image copied:m1").json()["digest"] == copied["tags"]["m1"]


def test_core_az_makes_what_lies_below_a_registry(registries, az):
    az("acr webhook create -n hook1 -r source1 --uri https://example.com/h --actions push --headers a=b").ok()
    assert az("acr webhook get-config -n hook1 -r source1").json()["customHeaders"] == {"a": "b"}
    az("acr webhook update -n hook1 -r source1 --status disabled").ok()
    assert az("acr webhook list -r source1").json()[0]["status"] == "disabled"
    az(f"acr scope-map create -n some-map -r source1 --repository {REPOSITORY} content/read metadata/read").ok()
    token = az("acr token create -n some-token -r source1 --scope-map some-map").json()
    password = token["credentials"]["passwords"][0]["value"]
    shown = az(f"acr repository show -n source1 --repository {REPOSITORY} -u some-token --password={password}").json()
    assert shown["manifestCount"] == 8
    az("acr replication create -r source1 -l eastus").ok()
    assert [each["name"] for each in az("acr replication list -r source1").json()] == ["eastus", "westus"]


def test_oras_pushes_and_pulls(registries, az, tmp_path):
    (tmp_path / "note.txt").write_text("hello")
    command = [sys.executable, "-c", ORAS, "target1.azurecr.io", str(tmp_path / "note.txt"), password_of(az, "target1")]
    result = json.loads(run(registries, command, tmp_path).splitlines()[-1])
    assert (result["tags"], result["pulled"]) == (["v1"], "hello")
    assert registries.content("target1")["notes"]["tags"].keys() == {"v1"}


def test_skopeo_copies_an_index_with_its_digests(registries, az, tmp_path):
    skopeo = shutil.which("skopeo")
    if skopeo is None:
        pytest.skip("There is no skopeo here.")
    (tmp_path / "policy.json").write_text(json.dumps({"default": [{"type": "insecureAcceptAnything"}]}))
    source, target = (f"{NOBODY}:{password_of(az, name)}" for name in ("source1", "target1"))
    images = [f"docker://source1.azurecr.io/{REPOSITORY}:m1", "docker://target1.azurecr.io/copied:m1"]
    logins = ["--src-creds", source, "--dest-creds", target]
    run(
        registries,
        [skopeo, "--policy", "policy.json", "copy", "--all", "--preserve-digests", *logins, *images],
        tmp_path,
    )
    copied = registries.content("target1")["copied"]
    assert copied["tags"]["m1"] == registries.content("source1")[REPOSITORY]["tags"]["m1"]
    assert len(copied["manifests"]) == 4
    listed = run(registries, [skopeo, "list-tags", "--creds", target, "docker://target1.azurecr.io/copied"], tmp_path)
    assert json.loads(listed)["Tags"] == ["m1"]
    run(registries, [skopeo, "delete", "--creds", target, images[1]], tmp_path)
    assert registries.content("target1")["copied"]["tags"] == {}
