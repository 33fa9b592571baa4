"""The function `guid` of ARM templates, against values that others computed and against RFC 4122, written out."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azext_acrcmk.model.arm_guid import arm_guid

NAMESPACE = bytes.fromhex("11fb06fb712d4ddd98c7e71bbd588830")
VAULT = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg/providers/Microsoft.KeyVault/vaults/v"
PRINCIPAL = "22222222-2222-2222-2222-222222222222"
ROLE = "e147488a-f6f5-4113-8e2d-b22465e65bf6"


@pytest.mark.parametrize(
    ("texts", "guid"),
    [
        (["a"], "3703365d-5a9f-59b4-bca7-b9681389e4c1"),
        (["a", "b"], "2d796349-8c7e-55ec-9624-54ece82ed031"),
        ([VAULT, PRINCIPAL, ROLE], "8f53345f-a175-5cc3-ba7e-90d34377bc85"),
    ],
)
def test_vectors(texts, guid):
    assert arm_guid(*texts) == guid


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=4))
def test_is_a_uuid_of_version_5_of_the_texts_with_hyphens_between(texts):
    digest = bytearray(hashlib.sha1(NAMESPACE + "-".join(texts).encode()).digest()[:16])
    digest[6], digest[8] = digest[6] & 0x0F | 0x50, digest[8] & 0x3F | 0x80
    written = digest.hex()
    assert arm_guid(*texts) == "-".join((written[:8], written[8:12], written[12:16], written[16:20], written[20:]))


def test_the_case_of_a_text_counts():
    assert arm_guid("a") != arm_guid("A")
