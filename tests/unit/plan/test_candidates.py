"""What can be chosen in the wizard, and what speaks against it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from azext_acrcmk.model.ids import HSM_TYPE, IDENTITY_TYPE, VAULT_TYPE, ArmId, KeyId, Scope
from azext_acrcmk.model.state import ABSENT, NOT_LOADED, Group, Identity, Unknown
from azext_acrcmk.plan import wizard
from azext_acrcmk.plan.candidates import NOT_IN_HSM, question_of
from azext_acrcmk.plan.wizard import Answer, Choice, Question
from tests.harness import make
from tests.unit.plan.test_wizard import Configured, asked, hsm, topics

GROUP = f"/subscriptions/{make.SUBSCRIPTION}/resourceGroups"
OTHER_TENANT = "99999999-0000-4000-8000-000000000009"
HIDDEN = Unknown("Microsoft.KeyVault/vaults/read", "/subscriptions/s")


def so_far(**arguments):
    """With a registry, its group and a new identity known."""
    names = {"registry_name": "myregistry", "resource_group_name": "images"}
    return asked(**names | arguments).knowing(wizard.IDENTITY, ABSENT)


def vault(name="keys", group="images", **changes):
    made = make.vault(make.goal(key_vault=name))
    return replace(made, id=ArmId(make.SUBSCRIPTION, group, VAULT_TYPE, name), **changes)


def key(name="k", **changes):
    made = replace(make.key(make.goal()), **changes)
    return replace(made, id=KeyId("keys.vault.azure.net", name, make.VERSION))


def labels(question: Question) -> list[str]:
    return [each.label for each in question.choices]


def choice(question: Question, label: str) -> Choice:
    return next(each for each in question.choices if each.label == label)


# New first


def test_a_new_group_is_first_and_the_default():
    question = question_of(
        wizard.GROUP,
        asked(registry_name="myregistry"),
        (Group(Scope(f"{GROUP}/b"), "x"), Group(Scope(f"{GROUP}/A"), "y")),
    )
    assert labels(question) == ["new: myregistry", "another name", "A", "b"]
    assert question.default.gives == {"resource_group_name": "myregistry"}
    assert choice(question, "A").means == Group(Scope(f"{GROUP}/A"), "y")


def test_a_group_of_that_name_is_not_new():
    question = question_of(wizard.GROUP, asked(registry_name="myregistry"), (Group(Scope(f"{GROUP}/MyRegistry"), "x"),))
    assert labels(question) == ["another name", "MyRegistry"]
    assert question.default is None


def test_a_configured_group_is_the_default():
    start = asked(registry_name="myregistry", resource_group_name=Configured("z"))
    question = question_of(wizard.GROUP, start, (Group(Scope(f"{GROUP}/a"), "x"), Group(Scope(f"{GROUP}/z"), "x")))
    assert labels(question) == ["new: myregistry", "another name", "z", "a"]
    assert question.default.label == "z"


@pytest.mark.parametrize(("topic", "name"), [("identity", "myregistry-cmk"), ("vault", "myregistry-cmk-s5s6o2qk")])
def test_a_new_part_has_the_name_that_enable_takes(topic, name):
    goal = so_far().goal()
    taken = {"identity": goal.identity.name, "vault": goal.vault.name}[topic]
    question = question_of(topic, so_far(), ())
    assert labels(question) == [f"new: {taken}", "another name or ID"]
    assert question.default.gives == {}
    assert question.default.means is ABSENT
    assert taken.startswith(name[:14])


def test_a_new_key_has_the_name_that_enable_takes():
    question = question_of(wizard.KEY, so_far().answer(wizard.VAULT, Answer({}, ABSENT)), ())
    assert labels(question) == ["new: myregistry-cmk", "another name"]
    assert question.typed("other") == {"key_name": "other"}


@pytest.mark.parametrize("topic", ["identity", "vault", "key"])
def test_what_has_that_name_already_is_first_and_the_default(topic):
    goal = so_far().goal()
    there = {
        "identity": make.identity(goal),
        "vault": make.vault(goal),
        "key": (goal.key.with_version(None), make.key(goal)),
    }[topic]
    start = so_far().answer(wizard.VAULT, Answer({}, make.vault(goal))) if topic == "key" else so_far()
    question = question_of(topic, start, (there,))
    assert question.choices[0] is question.default
    assert not any(label.startswith("new") for label in labels(question))


# Names and ids


def test_what_is_in_another_group_is_given_by_its_id():
    question = question_of(wizard.VAULT, so_far(), (vault("here"), vault("there", "others")))
    assert choice(question, "here").gives == {"key_vault": "here"}
    assert choice(question, "there").gives == {"key_vault": str(vault("there", "others").id)}


@pytest.mark.parametrize(
    ("topic", "text", "words"),
    [
        ("vault", "a", "is not a valid key vault name"),
        ("vault", "/subscriptions/x", "is not a resource ID"),
        ("vault", str(make.goal().identity), "is not the ID of a key vault"),
        ("vault", str(hsm().id), "--key-encryption-key"),
        ("identity", "\x1b[2J", "is not a valid identity name"),
        ("identity", str(make.goal().vault), "is not the ID of an identity"),
        ("key", "my_key", "is not a valid key name"),
        ("group", "my group", "is not a valid resource group name"),
        ("location", "", "westeurope"),
    ],
)
def test_texts_that_are_no_names(topic, text, words):
    assert words in question_of(topic, so_far(), ()).problem(text)


@pytest.mark.parametrize(("topic", "argument"), [("vault", "key_vault"), ("identity", "identity")])
def test_an_id_of_another_subscription_can_be_typed(topic, argument):
    id_ = str({"vault": make.goal().vault, "identity": make.goal().identity}[topic])
    question = question_of(topic, so_far(), ())
    assert question.problem(id_) is None
    assert question.typed(id_) == {argument: id_}


def test_the_location_of_the_group_is_first():
    start = asked().answer(wizard.GROUP, Answer({"resource_group_name": "g"}, Group(Scope(f"{GROUP}/g"), "westus")))
    question = question_of(wizard.LOCATION, start, ("eastus", "westus"))
    assert labels(question) == ["westus", "eastus"]
    assert question.default.label == "westus"


def test_a_new_group_has_no_location_of_its_own():
    question = question_of(wizard.LOCATION, asked(), ("eastus", "westus"))
    assert question.default is None
    assert (
        question_of(wizard.LOCATION, asked(location=Configured("westus")), ("eastus", "westus")).default.label
        == "westus"
    )


# What speaks against it


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"default_action": "Deny", "bypass": "None"}, "does not allow trusted services"),
        ({"tenant": OTHER_TENANT}, f"is in tenant {OTHER_TENANT}"),
    ],
)
def test_a_vault_that_enable_would_refuse_can_not_be_chosen(changes, words):
    found = choice(question_of(wizard.VAULT, so_far(), (vault(**changes),)), "keys")
    assert found.blocked
    assert words in " ".join(found.remarks)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"purge_protection": False}, "has no purge protection"),
        ({"public_network_access": "SecuredByPerimeter"}, "network security perimeter"),
        ({"retention_days": 7}, "only 7 days"),
    ],
)
def test_a_vault_that_could_be_better_can_be_chosen(changes, words):
    found = choice(question_of(wizard.VAULT, so_far(), (vault(**changes),)), "keys")
    assert not found.blocked
    assert words in " ".join(found.remarks)


def test_a_vault_in_order_has_no_remark():
    found = choice(question_of(wizard.VAULT, so_far(), (vault(),)), "keys")
    assert (found.blocked, found.remarks) == (False, ())


def test_the_detail_tells_permission_model_and_firewall():
    question = question_of(
        wizard.VAULT, so_far(), (vault("one"), vault("two", permission_model="access-policy", default_action="Deny"))
    )
    assert choice(question, "one").detail == "images, westeurope, Azure RBAC"
    assert choice(question, "two").detail == "images, westeurope, access policies, firewall"


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ({"permission_model": "rbac"}, {"permission_model": "access-policy"}),
        ({"vault_sku": "premium"}, {}),
        ({"grant_scope": "key"}, {"permission_model": "access-policy"}),
        ({"key_type": "RSA-HSM"}, {}),
    ],
)
def test_a_vault_that_options_exclude_can_not_be_chosen(options, changes):
    assert choice(question_of(wizard.VAULT, so_far(**options), (vault(**changes),)), "keys").blocked


def test_the_impossible_are_last():
    question = question_of(wizard.VAULT, so_far(), (vault("aaa", tenant=OTHER_TENANT), vault("zzz")))
    assert labels(question)[2:] == ["zzz", "aaa"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"type": "EC", "size": None}, "is of type EC"),
        ({"expires": make.NOW - timedelta(days=1)}, "expired at"),
        ({"enabled": False}, "is disabled"),
        ({"not_before": make.NOW + timedelta(days=1)}, "is not valid before"),
        ({"operations": frozenset({"sign"})}, "does not permit"),
    ],
)
def test_a_key_that_enable_would_refuse_can_not_be_chosen(changes, words):
    start = so_far().answer(wizard.VAULT, Answer({"key_vault": "keys"}, vault()))
    seen = key(**changes)
    found = choice(question_of(wizard.KEY, start, ((seen.id.with_version(None), seen),)), "k")
    assert found.blocked
    assert words in " ".join(found.remarks)


def test_a_key_in_order():
    start = so_far().answer(wizard.VAULT, Answer({"key_vault": "keys"}, vault()))
    seen = key(expires=make.NOW + timedelta(days=400))
    found = choice(question_of(wizard.KEY, start, ((seen.id.with_version(None), seen),)), "k")
    assert not found.blocked
    assert found.gives == {"key_name": "k"}
    assert found.detail == "RSA 2048, expires 2027-12-29"


def test_a_key_that_can_not_be_read_can_not_be_chosen():
    start = so_far().answer(wizard.VAULT, Answer({"key_vault": "keys"}, vault()))
    hidden = Unknown("Microsoft.KeyVault/vaults/keys/read", "/x")
    found = choice(question_of(wizard.KEY, start, ((key().id.with_version(None), hidden),)), "k")
    assert found.blocked
    assert "You don't have permission to read the key" in found.remarks[0]


def test_a_key_that_was_not_read_is_judged_later():
    start = so_far().answer(wizard.VAULT, Answer({"key_vault": "keys"}, vault()))
    found = choice(question_of(wizard.KEY, start, ((key().id.with_version(None), NOT_LOADED),)), "k")
    assert (found.blocked, found.detail) == (False, "not read")


def test_too_many_tags_for_a_new_key():
    start = so_far(tags={f"t{number}": "x" for number in range(16)}).answer(wizard.VAULT, Answer({}, ABSENT))
    question = question_of(wizard.KEY, start, ())
    assert question.choices[0].blocked
    assert question.default is None


def test_without_a_grant_a_new_identity_can_not_be_chosen():
    new = question_of(wizard.IDENTITY, so_far(skip_grant=True), ()).choices[0]
    assert new.blocked
    assert "can't have access to the key" in new.remarks[0]


def test_an_identity_of_another_tenant_than_the_vault_can_not_be_chosen():
    id_ = ArmId(make.SUBSCRIPTION, "images", IDENTITY_TYPE, "id1")
    start = so_far(key_vault="keys").knowing(wizard.VAULT, vault(tenant=make.TENANT))
    seen = Identity(id_, "westeurope", make.CLIENT, make.PRINCIPAL, OTHER_TENANT)
    assert choice(question_of(wizard.IDENTITY, start, (seen,)), "id1").blocked


# Managed HSMs


def test_a_managed_hsm_can_be_chosen():
    found = choice(question_of(wizard.VAULT, so_far(), (hsm(),)), "myhsm")
    assert not found.blocked
    assert found.gives == {}
    assert found.detail == "images, westeurope, managed HSM"


def test_a_managed_hsm_without_purge_protection_can_not():
    found = choice(question_of(wizard.VAULT, so_far(), (replace(hsm(), purge_protection=False),)), "myhsm")
    assert found.blocked
    assert "has no purge protection" in found.remarks[0]


def test_a_managed_hsm_has_no_new_key():
    assert choice(question_of(wizard.VAULT, so_far(key_type="RSA"), (hsm(),)), "myhsm").remarks == (NOT_IN_HSM,)
    start = so_far().answer(wizard.VAULT, Answer({}, hsm()))
    own = replace(key(), id=KeyId("myhsm.managedhsm.azure.net", "k", make.VERSION))
    question = question_of(wizard.KEY, start, ((own.id.with_version(None), own),))
    assert labels(question) == ["k", "another key"]
    assert question.choices[0].means == own
    unread = question_of(wizard.KEY, start, ((own.id.with_version(None), NOT_LOADED),)).choices[0]
    assert unread.blocked
    assert "--key-encryption-key https://myhsm.managedhsm.azure.net/keys/k" in unread.remarks[0]
    assert start.vault.id.type == HSM_TYPE


@pytest.mark.parametrize("text", ["k", f"k/{make.VERSION}"])
def test_a_key_of_a_managed_hsm_that_is_not_listed_is_typed(text):
    """Its URI says whether the registry is pinned, which then is not asked."""
    start = so_far().answer(wizard.VAULT, Answer({}, hsm()))
    question = question_of(wizard.KEY, start, HIDDEN)
    assert "You don't have permission to read which keys exist" in question.note
    assert labels(question) == ["another key"]
    assert question.problem(text) is None
    after = start.answer(wizard.KEY, Answer(question.typed(text)))
    assert after.arguments["key_encryption_key"] == f"https://myhsm.managedhsm.azure.net/keys/{text}"
    assert wizard.ROTATION not in topics(after)
    assert wizard.finished(after)["rotation"] is None


@pytest.mark.parametrize(
    ("rotation", "text", "words"),
    [
        (None, "my_key", "is not a valid key name"),
        (None, "k/1", "is not a valid key version"),
        (None, "k/x/y", "does not have the form"),
        ("manual", "k", "conflicts with --rotation manual"),
        ("auto", f"k/{make.VERSION}", "conflicts with --rotation auto"),
    ],
)
def test_what_is_no_key_of_a_managed_hsm(rotation, text, words):
    start = so_far(rotation=rotation).answer(wizard.VAULT, Answer({}, hsm()))
    assert words in question_of(wizard.KEY, start, ()).problem(text)


# What can't be listed


@pytest.mark.parametrize("topic", ["group", "identity", "vault"])
def test_what_can_not_be_listed_can_be_typed(topic):
    question = question_of(topic, so_far(), HIDDEN)
    assert "You don't have permission to read" in question.note
    assert [each.label.split(":")[0] for each in question.choices][-1].startswith("another")


def test_a_location_is_typed_where_none_can_be_listed():
    question = question_of(wizard.LOCATION, asked(location=Configured("westus")), HIDDEN)
    assert question.choices == ()
    assert question.default == "westus"
    assert question.typed("x") == {"location": "x"}
