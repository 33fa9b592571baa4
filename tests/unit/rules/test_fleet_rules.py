"""Rules for several registries: whom they name, in which order, and that each has a case here."""

from dataclasses import replace
from datetime import timedelta

import pytest

from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.model.state import NOT_LOADED, Encryption, Sharer, State
from azext_acrcmk.rules import examine
from azext_acrcmk.rules.fleet import FLEET_CATALOGUE, Member, examine_fleet
from tests.harness import make
from tests.harness.encrypted import HEALTHY, changed

KEY = HEALTHY.registry.encryption.key
PLAIN = {"registry__encryption": Encryption("disabled")}
AWAY = {"registry__location": "elsewhere", "replicas": ()}


def member(name: str, days: int | None = None, key: str = KEY.name, **changes) -> Member:
    """A registry, in whose state some things are changed; its version expires in so many days."""
    state = changed(**changes)
    registry = state.registry
    own = ArmId(registry.id.subscription, registry.id.group, registry.id.type, name)
    used = registry.encryption.key and replace(registry.encryption.key, name=key)
    state = replace(state, registry=replace(registry, id=own, encryption=replace(registry.encryption, key=used)))
    if days is not None:
        in_use = replace(state.version_in_use, expires=make.NOW + timedelta(days=days))
        state = replace(state, key=in_use, version_in_use=in_use)
    return Member(state, failed(state))


def failed(state: State) -> frozenset[str]:
    return frozenset(each.code for each in examine(state, make.NOW).findings if each.failed)


def names(code: str, *members: Member) -> list[list[str]]:
    """Of each finding with this code, the registries that it names."""
    found = examine_fleet(list(members))
    return [[id_.name for id_ in each.registries] for each in found if each.rule.code == code]


# Of each rule: a fleet, and whom it names.
CASES = [
    ("KeyOfFleetExpiresSoon", [member("one", 9), member("two", 8), member("none", 99)], [["one", "two"]]),
    ("KeyOfSeveral", [member("one"), member("two"), member("alone", key="other")], [["one", "two"]]),
    ("VaultOfSeveral", [member("one"), member("two", key="other"), member("plain", **PLAIN)], [["one", "two"]]),
    ("VaultInAnotherRegion", [member("away", **AWAY), member("beside", replicas=())], [["away"]]),
    ("PremiumNotEncrypted", [member("plain", **PLAIN), member("one")], [["plain"]]),
    ("NeverEncrypted", [member("basic", registry__sku="Basic", **PLAIN), member("one", **PLAIN)], [["basic"]]),
]


@pytest.mark.parametrize(("code", "fleet", "named"), CASES, ids=[code for code, _, _ in CASES])
def test_rule(code, fleet, named):
    assert names(code, *fleet) == named
    for each in examine_fleet(fleet):
        assert each.verdict.message.endswith(".")
        assert each.verdict.fix is None or each.verdict.fix.startswith("az ")


def test_every_rule_is_among_them():
    assert [code for code, _, _ in CASES] == [rule.code for rule in FLEET_CATALOGUE]


def test_of_one_registry_without_a_flaw_nothing_is_found():
    assert examine_fleet([member("one", replicas=())]) == []
    assert examine_fleet([]) == []


def test_those_outside_the_scope_stop_working_too():
    """Two of them with the same key, one with another key of the vault."""
    ids = [replace(make.REGISTRY, name=name) for name in ("two", "far", "vault")]
    others = tuple(Sharer(id_, key=id_.name != "vault", vault=True) for id_ in ids)
    fleet = [member("one", sharing=others), member("two", sharing=NOT_LOADED)]
    said = {each.rule.code: each.verdict.message for each in examine_fleet(fleet)}
    assert (
        said["KeyOfSeveral"] == "3 registries use this key, 1 of them outside the scope: all stop working without it."
    )
    assert said["VaultOfSeveral"].startswith("4 registries use keys in this vault, 2 of them outside the scope:")
    alone = examine_fleet([member("one", sharing=others, replicas=())])
    assert [each.verdict.message[:17] for each in alone] == ["3 registries use ", "4 registries use "]


def test_the_key_that_expires_first_comes_first_however_many_use_the_others():
    fleet = [member("b1", 20), member("b2", 19), member("a", 5, key="soon"), member("c", 25, key="late")]
    assert names("KeyOfFleetExpiresSoon", *fleet) == [["a"], ["b1", "b2"], ["c"]]
    (first, *_) = [each.verdict for each in examine_fleet(fleet) if each.rule.code == "KeyOfFleetExpiresSoon"]
    assert f"first at {make.NOW + timedelta(days=5):%Y-%m-%d %H:%M} UTC; 1 registry uses it." in first.message
    assert first.fix == f"az keyvault key rotate --vault-name {KEY.store} --name soon"


@pytest.mark.parametrize(
    "changes",
    [
        {"registry__location": "elsewhere", "replicas": ("far", HEALTHY.vault.location.upper())},
        {"registry__location": "elsewhere", "replicas": NOT_LOADED},
        {"registry__location": HEALTHY.vault.location.upper(), "replicas": ("far",)},
    ],
)
def test_a_vault_is_away_neither_where_a_replica_is_nor_where_replicas_are_not_known(changes):
    assert names("VaultInAnotherRegion", member("one", **changes)) == []


def test_the_key_that_most_registries_use_comes_first():
    fleet = [member("a", key="two"), member("b", key="two"), *(member(name) for name in "cde")]
    assert names("KeyOfSeveral", *fleet) == [["c", "d", "e"], ["a", "b"]]
