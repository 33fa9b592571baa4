from dataclasses import replace
from datetime import timedelta

import pytest

from azext_acrcmk.plan.change import CREATE, MANUAL, UPDATE
from azext_acrcmk.plan.repair import plan_repair
from azext_acrcmk.rules import Facts, examine
from tests.harness import make

PAST = make.NOW - timedelta(days=1)
STATE = make.reached(make.goal())
NEWER = replace(STATE.key, id=STATE.key.id.with_version(make.NEWER))


def plan(**changes):
    state = replace(STATE, **changes)
    return plan_repair(Facts(state, make.NOW), examine(state, make.NOW), make.TENANT)


class TestExpiredVersionInUse:
    EXPIRED = replace(STATE.key, expires=PAST)

    def test_is_replaced_by_a_new_one(self):
        made = plan(key=self.EXPIRED, version_in_use=self.EXPIRED)
        assert make.actions(made) == {"version": CREATE, "registry": UPDATE}

    def test_without_operations_gets_them_first_as_the_new_one_inherits_them(self):
        used = replace(self.EXPIRED, operations=frozenset({"wrapkey"}))
        made = plan(key=used, version_in_use=used)
        assert make.actions(made) == {"key-operations": UPDATE, "version": CREATE, "registry": UPDATE}
        assert "key-operations" in make.after(made, "version")

    def test_is_replaced_by_the_latest_where_that_is_valid(self):
        assert make.actions(plan(key=NEWER, version_in_use=self.EXPIRED)) == {"registry": UPDATE}

    def test_is_replaced_by_a_new_one_where_the_latest_has_expired_too(self):
        made = plan(key=replace(NEWER, expires=PAST), version_in_use=self.EXPIRED)
        assert make.actions(made) == {"version": CREATE, "registry": UPDATE}


class TestUnusableLatestVersion:
    @pytest.mark.parametrize("changes", [{}, {"roles": ()}], ids=["alone", "ungranted"])
    def test_is_not_for_the_registry_to_take(self, changes):
        made = plan(key=replace(NEWER, enabled=False), **changes)
        assert make.step(made, "registry") is None
        assert make.actions(made)["LatestVersionUnusable"] == MANUAL
        assert "az acr cmk rotate --name myregistry" in make.step(made, "LatestVersionUnusable").reason


def test_an_identity_that_was_recreated_is_assigned_with_the_key_once_it_is_granted():
    other = replace(STATE.identity, client_id="c0000000-0000-4000-8000-00000000000c", principal_id="another")
    made = plan(identity=other)
    assert make.actions(made) == {"grant": CREATE, "registry": UPDATE}
    assert "grant" in make.after(made, "registry")
