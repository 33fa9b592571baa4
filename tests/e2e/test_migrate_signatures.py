"""A signature that was made before a migration is found afterwards, by clients that others wrote."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.harness.migrate import MIGRATE, old_registry

REPOSITORY = "app/service0001"
# As the OCI distribution specification has a client look where there is no Referrers API: the tag of the subject's
# digest is an index of what is attached, and each of these is about the subject. With a refresh token.
ORAS = """
import json, sys
import requests
from oras.client import OrasClient
registry, repository, subject, refresh_token = sys.argv[1:]
form = {"grant_type": "refresh_token", "service": registry, "refresh_token": refresh_token}
form["scope"] = f"repository:{repository}:pull,metadata_read"
token = requests.post(f"https://{registry}/oauth2/token", data=form).json()["access_token"]
client = OrasClient(hostname=registry, auth_backend="token")
client.auth.set_token_auth(token)
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
index = client.get_manifest(f"{registry}/{repository}:{subject.replace(':', '-')}", allowed_media_type=[INDEX])
found = {}
for each in index["manifests"]:
    attached = client.get_manifest(f"{registry}/{repository}@{each['digest']}", allowed_media_type=[MANIFEST])
    found[each["digest"]] = [each["artifactType"], attached["subject"]["digest"]]
print(json.dumps(found))
"""


def test_oras_and_az_find_what_was_attached(azure, az, seed, tmp_path):
    old_registry(seed)
    azure.seed_content("oldregistry", images=1, signatures=1)
    subject = azure.content("oldregistry")[REPOSITORY]["tags"]["v1"]
    before = az(f"acr manifest list-referrers -r oldregistry -n {REPOSITORY}@{subject}").json()["manifests"]
    expected = {each["digest"]: [each["artifactType"], subject] for each in before}
    assert len(expected) == 2
    az(MIGRATE).ok()

    index = az(f"acr manifest show -r newregistry -n {REPOSITORY}:{subject.replace(':', '-')}").json()
    assert {each["digest"] for each in index["manifests"]} == set(expected)
    password = az("acr login -n newregistry --expose-token").json()["accessToken"]
    done = subprocess.run(
        [sys.executable, "-c", ORAS, "newregistry.azurecr.io", REPOSITORY, subject, password],
        env={**azure.environment, "HOME": str(tmp_path), "SSL_CERT_FILE": azure.environment["REQUESTS_CA_BUNDLE"]},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == expected
