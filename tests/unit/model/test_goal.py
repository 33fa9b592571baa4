import pytest
from hypothesis import given
from hypothesis import strategies as st

from azext_acrcmk.model.goal import days, days_left, duration, same_duration
from azext_acrcmk.model.ids import VAULT_TYPE, ArmId
from tests.harness import make


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("90d", "P90D"),
        ("12w", "P84D"),
        ("6M", "P6M"),
        ("2y", "P2Y"),
        ("P1Y2W1D", "P1Y15D"),
        ("p1y6m", "P1Y6M"),
        (" 30 d ", "P30D"),
    ],
)
def test_durations(text, iso):
    assert duration(text) == iso


def test_weeks_become_days():
    assert duration("P1Y2W1D") == "P1Y15D"


@pytest.mark.parametrize("text", ["", "P", "90", "d", "0d", "P0D", "PT5M", "-5d", "90 days", "P1D1Y", "1.5y"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="not a duration"):
        duration(text)


@given(st.integers(1, 9999), st.sampled_from("dwmy"))
def test_a_duration_has_days(number, unit):
    assert days(duration(f"{number}{unit}")) == number * {"d": 1, "w": 7, "m": 365 / 12, "y": 365}[unit] // 1


@pytest.mark.parametrize(
    ("period", "lifetime", "least"),
    [
        ("P90D", "P92D", 2),
        ("P90D", "P97D", 7),
        ("P84D", "P3M", 6),
        ("P11M", "P1Y", 30),
        ("P1Y", "P1Y7D", 7),
        ("P355D", "P1Y", 10),
        ("P3M", "P60D", -33),
    ],
)
def test_the_days_left_before_the_expiry_are_those_of_the_shortest_months(period, lifetime, least):
    assert days_left(period, lifetime) == least


def test_durations_of_the_same_length_are_the_same():
    assert same_duration("P12W", "P84D")
    assert same_duration("P2Y", "P24M")
    assert not same_duration("P1M", "P31D")
    assert not same_duration("RSA", "RSA")


def test_defaults_are_in_the_registrys_group():
    goal = make.goal()
    assert str(goal.identity).endswith("/userAssignedIdentities/myregistry-cmk")
    assert goal.vault.group == "images"
    assert goal.key.name == "myregistry-cmk"
    assert goal.key.version is None
    assert not goal.manual
    assert not goal.find_vault


def test_a_vault_by_name_may_be_anywhere_and_by_id_is_where_it_says():
    assert make.goal(key_vault="other").find_vault
    id_ = ArmId("22222222-2222-4222-8222-222222222222", "keys", VAULT_TYPE, "other")
    goal = make.goal(key_vault=str(id_))
    assert goal.vault == id_
    assert not goal.find_vault


def test_a_uri_decides_the_rotation_by_its_form():
    assert not make.goal(key_encryption_key=make.uri()).manual
    pinned = make.goal(key_encryption_key=make.uri(version=make.VERSION))
    assert pinned.manual
    assert pinned.vault is None
    assert make.goal(rotation="manual").manual


def test_an_hsm_key_takes_a_premium_vault():
    assert make.goal(asked_key_type="RSA-HSM").new_vault_sku == "premium"
    assert make.goal().new_vault_sku == "standard"
