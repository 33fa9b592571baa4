import operator
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azext_acrcmk.model.ids import (
    REGISTRY_TYPE,
    VAULT_TYPE,
    ArmId,
    Id,
    KeyId,
    Scope,
    default_vault_name,
    name_problem,
)

SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
SUFFIXES = ["vault.azure.net", "managedhsm.azure.net", "vault.usgovcloudapi.net", "managedhsm.azure.cn"]
VERSION = "3c1d23fec54040e78781eb88bf52ef7a"

registry_names = st.from_regex(r"[a-zA-Z0-9]{5,50}", fullmatch=True)
group_names = st.from_regex(r"[a-zA-Z0-9_()-]{1,90}", fullmatch=True)
vault_names = st.from_regex(r"[a-z][a-z0-9]{1,20}[a-z0-9]", fullmatch=True)
key_names = st.from_regex(r"[a-zA-Z0-9-]{1,127}", fullmatch=True)


@given(st.uuids(), group_names, registry_names)
def test_an_arm_id_reads_back_as_it_is_written(subscription, group, name):
    id_ = ArmId(str(subscription), group, REGISTRY_TYPE, name)
    assert ArmId.parse(str(id_)) == id_
    assert ArmId.parse(str(id_).lower()) == id_


@pytest.mark.parametrize(
    "text",
    [
        "",
        "myvault",
        "/subscriptions/x/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v/keys",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v/keys/k?x",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups//providers/Microsoft.KeyVault/vaults/v",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g?x/providers/Microsoft.KeyVault/vaults/v",
        f"x/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v",
        f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/proviers/Microsoft.KeyVault/vaults/v",
    ],
)
def test_what_is_no_arm_id_is_refused(text):
    with pytest.raises(ValueError, match="not"):
        ArmId.parse(text)


RESOURCE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v"
KEY_URI = f"https://v01.vault.azure.net/keys/k/{VERSION}"


def spellings(draw, text):
    """Whatever case Azure answers an id in."""
    upper = draw(st.lists(st.booleans(), min_size=len(text), max_size=len(text)))
    return "".join(each.upper() if up else each.lower() for each, up in zip(text, upper, strict=True))


@given(st.data(), st.sampled_from([(ArmId, RESOURCE), (ArmId, f"{RESOURCE}/keys/k"), (KeyId, KEY_URI)]))
def test_ids_are_equal_whatever_the_case(data, case):
    kind, text = case
    one, other = kind.parse(text), kind.parse(spellings(data.draw, text))
    assert one == other
    assert hash(one) == hash(other)
    assert {one: 1}[other] == 1
    assert one in (other,)


def test_ids_are_equal_to_nothing_else():
    assert ArmId.parse(RESOURCE) != ArmId.parse(f"{RESOURCE}2")
    assert ArmId.parse(RESOURCE) != RESOURCE
    assert KeyId.parse(KEY_URI) != KeyId.parse(KEY_URI).with_version(None)
    assert KeyId.parse(KEY_URI) != KEY_URI
    assert ArmId.parse(RESOURCE) != KeyId.parse(KEY_URI)


def test_an_arm_id_keeps_the_spelling_it_was_read_in_until_it_is_changed():
    odd = RESOURCE.replace("resourceGroups", "resourcegroups").replace("KeyVault", "keyvault")
    id_ = ArmId.parse(f"{odd}/")
    assert str(id_) == odd
    assert id_.type == VAULT_TYPE
    other = replace(id_, name="other")
    assert other != id_
    assert str(other) == f"{RESOURCE[:-1]}other"


names = st.from_regex(r"[a-zA-Z0-9_-]{1,20}", fullmatch=True)
types = st.from_regex(r"[a-zA-Z][a-zA-Z0-9]{0,20}", fullmatch=True)


@given(
    st.lists(st.tuples(types, names), min_size=1, max_size=4),
    st.from_regex(r"[a-zA-Z][a-zA-Z0-9.]{0,20}", fullmatch=True),
)
def test_an_id_within_another_reads_back_as_it_is_written(parts, provider):
    type_ = "/".join([provider, *(each for each, _ in parts)])
    id_ = ArmId(SUBSCRIPTION, "g", type_, "/".join(name for _, name in parts))
    assert str(id_).endswith("".join(f"/{each}/{name}" for each, name in parts))
    read = ArmId.parse(str(id_))
    assert (read, read.type.lower(), read.name) == (id_, type_.lower(), id_.name)
    assert str(read) == str(id_)


@given(vault_names, st.sampled_from(SUFFIXES), key_names, st.sampled_from([None, VERSION]))
def test_a_key_id_reads_back_as_it_is_written(store, suffix, name, version):
    key = KeyId.parse(str(KeyId(f"{store}.{suffix}", name, version)))
    assert (key.store, key.name, key.version) == (store, name, version)
    assert key.is_hsm == suffix.startswith("managedhsm")
    assert key.same_key(key.with_version(None))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("http://v01.vault.azure.net/keys/k", "https"),
        ("v01.vault.azure.net/keys/k", "https"),
        ("https://v01.vault.azure.net/secrets/k", "URI of a secret"),
        ("https://v01.vault.azure.net/certificates/k", "URI of a certificate"),
        ("https://v01.vault.azure.net/", "does not have the form"),
        ("https://v01.vault.azure.net/keys", "does not have the form"),
        ("https://v01.vault.azure.net/keys/k/v/w", "does not have the form"),
        ("https://v01.vault.azure.net/keys/k/1", "not a valid key version"),
        ("https://v01.vault.azure.net/keys/a_b", "not a valid key name"),
        ("https://v01.vault.azure.net/keys/..", "not a valid key name"),
        ("https://v01.vault.azure.net/keys/k%2f..", "not a valid key name"),
        ("https://v01.vault.azure.net/keys/k?a=b", "must have only"),
        ("https://v01.vault.azure.net/keys/k#x", "must have only"),
        ("https://v01.vault.azure.net:444/keys/k", "must have only"),
        ("https://me@v01.vault.azure.net/keys/k", "must have only"),
        ("https://v01.vault.azure.net:x/keys/k", "not a valid URL"),
        ("https://[::1/keys/k", "not a valid URL"),
        ("https://vault.azure.net/keys/k", "not the host"),
        ("https://a.b.vault.azure.net/keys/k", "not the host"),
        ("https://example.com/keys/k", "not the host"),
    ],
)
def test_what_is_no_key_uri_is_refused_and_told_why(text, why):
    with pytest.raises(ValueError, match=why):
        KeyId.parse(text)


@given(st.text())
def test_any_text_is_a_key_uri_or_refused(text):
    try:
        key = KeyId.parse(text)
    except ValueError:
        return
    assert KeyId.parse(str(key)) == key


@given(st.uuids(), group_names, registry_names)
def test_the_default_vault_name_is_legal_and_stable(subscription, group, name):
    id_ = ArmId(str(subscription), group, REGISTRY_TYPE, name)
    made = default_vault_name(id_)
    assert name_problem("key vault", made) is None
    assert made == default_vault_name(ArmId.parse(str(id_).lower()))


def test_registries_of_one_name_get_vaults_of_different_names():
    ids = [ArmId(SUBSCRIPTION, f"group{n}", REGISTRY_TYPE, "myregistry") for n in range(1000)]
    assert len({default_vault_name(id_) for id_ in ids}) == 1000


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("registry", "abcd"),
        ("registry", "a" * 51),
        ("registry", "my-registry"),
        ("registry", "registré"),
        ("key vault", "ab"),
        ("key vault", "1abc"),
        ("key vault", "abc-"),
        ("key vault", "a--b"),
        ("key vault", "a" * 25),
        ("identity", "ab"),
        ("identity", "-abc"),
        ("key", ""),
        ("key", "a_b"),
        ("resource group", "ends."),
        ("resource group", "a/b"),
        ("resource group", "a" * 91),
    ],
)
def test_illegal_names_are_told_the_rule(kind, name):
    assert re.search("must consist of", name_problem(kind, name))


@pytest.mark.parametrize(
    ("scope", "ancestor", "inside"),
    [
        ("/a/b", "/a/b", True),
        ("/A/b", "/a/B", True),
        ("/a/b/c", "/a/b", True),
        ("/a/bc", "/a/b", False),
        ("/a", "/a/b", False),
        ("/a/b", "/", True),
    ],
)
def test_roles_are_inherited_downwards(scope, ancestor, inside):
    assert Scope(scope).within(ancestor) is inside


class TestId:
    ONE, SAME, OTHER = Id("AbC-1"), Id("aBc-1"), Id("abc-2")

    def test_is_equal_whatever_its_case(self):
        assert self.ONE == self.SAME == "ABC-1"
        assert operator.eq("ABC-1", self.ONE)
        assert operator.ne(self.ONE, self.SAME) is False
        assert self.ONE != self.OTHER
        assert self.ONE != 1
        assert {self.ONE: "found"}[self.SAME] == "found"
        assert len({self.ONE, self.SAME, self.OTHER}) == 2

    def test_keeps_its_spelling_and_is_a_plain_text_for_others(self):
        assert f"{self.ONE}".encode() == b"AbC-1"
        assert (type(str(self.ONE)), str(self.ONE).encode()) == (str, b"AbC-1")

    def test_the_parts_of_an_id_are_equal_whatever_their_case(self):
        here = ArmId("aaaaaaaa-1111-4111-8111-111111111111", "Images", REGISTRY_TYPE, "myregistry")
        upper = ArmId.parse(str(here).upper())
        assert upper.subscription == here.subscription
        assert upper.group_id == here.group_id
        assert upper.as_scope == here.as_scope


KEY_SCOPE = Scope("/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v/keys/k")


class TestScope:
    def test_has_the_parts_of_its_path(self):
        assert (KEY_SCOPE.subscription, KEY_SCOPE.name) == ("s", "k")
        assert KEY_SCOPE.group == KEY_SCOPE.group.group == "/subscriptions/s/resourceGroups/g"
        assert Scope("/subscriptions/s").group == "/subscriptions/s"

    def test_its_levels_go_up_to_the_subscription(self):
        levels = list(KEY_SCOPE.levels)
        assert levels[:2] == [KEY_SCOPE, "/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v"]
        assert levels[-2:] == ["/subscriptions/s/resourceGroups/g", "/subscriptions/s"]

    @pytest.mark.parametrize("place", [KEY_SCOPE, KEY_SCOPE.group, Scope("/subscriptions/s"), Scope("")])
    def test_of_an_extension_is_what_it_is_on(self, place):
        assert Scope(f"{place}/providers/Microsoft.Authorization/locks/l").extended == place
        assert Scope(f"{place}/PROVIDERS/microsoft.authorization/locks/l").extended == place

    def test_tells_a_management_group(self):
        group = "/providers/Microsoft.Management/managementGroups/Corp"
        assert Scope(group).management_group == Scope(group.lower()).management_group == "corp"
        assert KEY_SCOPE.management_group is None
