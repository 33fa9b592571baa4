"""What login servers answer, and how little of it is kept."""

from __future__ import annotations

import hashlib
import json
import tracemalloc
from datetime import datetime, timezone

import pytest

from azext_acrcmk.cloud.errors import UnexpectedResponse
from azext_acrcmk.cloud.read_content import read_attributes, read_content, read_manifest, read_times
from azext_acrcmk.model.content import FREE, OCI_INDEX, OCI_MANIFEST, Attributes, Descriptor

DIGEST = f"sha256:{'a' * 64}"
ROW = {
    "digest": DIGEST,
    "imageSize": 7,
    "createdTime": "2026-01-01T00:00:00.1234567Z",
    "lastUpdateTime": "2026-01-02T00:00:00.1234567Z",
    "mediaType": OCI_MANIFEST,
    "configMediaType": "application/vnd.oci.image.config.v1+json",
    "tags": ["v1"],
    "changeableAttributes": {"deleteEnabled": True, "writeEnabled": False, "readEnabled": True, "listEnabled": True},
}


def test_a_row():
    row = read_manifest(ROW)
    assert (row.digest, row.size, row.tags, row.is_index) == (DIGEST, 7, ("v1",), False)
    assert row.attributes == Attributes(can_write=False)
    assert not row.may_have_subject
    assert read_manifest({}).attributes is FREE
    assert read_attributes({"writeEnabled": None}) is FREE


def test_of_a_hundred_thousand_manifests_little_is_kept():
    """Both sides of a hundred thousand are then within 150 MB."""
    count = 10_000
    texts = [
        json.dumps({**ROW, "digest": f"sha256:{hashlib.sha256(bytes([n % 256, n // 256])).hexdigest()}"})
        for n in range(count)
    ]
    tracemalloc.start()
    rows = [read_manifest(json.loads(text)) for text in texts]
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(rows) == count
    assert kept / count < 750


def content(**body) -> bytes:
    return json.dumps({"schemaVersion": 2, **body}).encode()


def test_an_index_names_its_manifests():
    child = {"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": 5, "annotations": {"b": "2", "a": "1", "odd": 3}}
    found = read_content(content(manifests=[child], annotations={"x": "y"}), "sha256:x", OCI_INDEX)
    assert found.listed == (Descriptor(DIGEST, OCI_MANIFEST, 5, "", (("a", "1"), ("b", "2"))),)
    assert found.subject is None
    assert found.descriptor.annotations == ()


@pytest.mark.parametrize(
    ("body", "artifact_type"),
    [({"artifactType": "sig", "config": {"mediaType": "empty"}}, "sig"), ({"config": {"mediaType": "sig"}}, "sig")],
)
def test_what_is_attached_is_described_as_the_referrers_api_does_it(body, artifact_type):
    written = content(mediaType=OCI_MANIFEST, subject={"digest": DIGEST}, annotations={"k": "v"}, **body)
    found = read_content(written, "sha256:x", "")
    assert found.subject == DIGEST
    assert found.descriptor == Descriptor("sha256:x", OCI_MANIFEST, len(written), artifact_type, (("k", "v"),))


@pytest.mark.parametrize("odd", [b"", b"[", b"\xff"])
def test_what_is_no_manifest_is_an_unexpected_response(odd):
    with pytest.raises(UnexpectedResponse):
        read_content(odd, "sha256:x", OCI_INDEX)


@pytest.mark.parametrize("body", [{"manifests": None}, {"manifests": [1, {}]}, {"subject": "x"}, {"annotations": []}])
def test_fields_of_other_types_count_as_missing(body):
    found = read_content(content(**body), "sha256:x", OCI_INDEX)
    assert found.subject is None


@pytest.mark.parametrize(
    ("updated", "expected"),
    [
        ("2018-09-07T16:30:46.7022734Z", datetime(2018, 9, 7, 16, 30, 46, 702273, timezone.utc)),
        ("2018-09-07T16:30:46.7Z", datetime(2018, 9, 7, 16, 30, 46, 700000, timezone.utc)),
        ("2018-09-07T16:30:46Z", datetime(2018, 9, 7, 16, 30, 46, tzinfo=timezone.utc)),
        ("yesterday", None),
        (None, None),
    ],
)
def test_times(updated, expected):
    found = read_times({"createdTime": "2018-09-06T16:30:43.3860166Z", "lastUpdateTime": updated})
    assert (found.updated if found else None) == expected
