"""The tables as the CLI prints them, of the longest legal names and of texts that have no end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from azure.cli.core.commands import CommandResultItem
from hypothesis import given
from hypothesis import strategies as st
from knack.output import format_table

from azext_acrcmk._format import check_table, enable_table, repair_table, show_table
from azext_acrcmk.model.goal import enable_goal
from azext_acrcmk.model.ids import IDENTITY_TYPE, REGISTRY_TYPE, VAULT_TYPE, ArmId
from azext_acrcmk.model.state import ABSENT, Encryption, State, Unknown
from azext_acrcmk.output.documents import (
    findings_document,
    left_document,
    plan_document,
    registry_document,
    steps_document,
)
from azext_acrcmk.plan.change import Action
from azext_acrcmk.plan.enable import plan_enable
from azext_acrcmk.plan.repair import plan_repair
from azext_acrcmk.plan.rotate import plan_rotate
from azext_acrcmk.rules import examine
from azext_acrcmk.rules.catalogue import CATALOGUE, SEVERITIES, Facts
from azext_acrcmk.run import Outcome
from tests.harness import encrypted as rotation
from tests.harness import make

WIDTH = 120

# As long as Azure lets them be.
REGISTRY = ArmId(make.SUBSCRIPTION, "g" * 90, REGISTRY_TYPE, "r" * 50)
IDENTITY = ArmId(make.SUBSCRIPTION, "g" * 90, IDENTITY_TYPE, "i" * 128)
VAULT = ArmId(make.SUBSCRIPTION, "g" * 90, VAULT_TYPE, "v" * 24)
KEY = "k" * 127
GOAL = enable_goal(
    REGISTRY,
    make.TENANT,
    ".vault.azure.net",
    location="germanywestcentral",
    identity=str(IDENTITY),
    key_vault=str(VAULT),
    key_name=KEY,
)
HIDDEN = Unknown("Microsoft.KeyVault/vaults/keys/versions/read", f"{VAULT}/keys/{KEY}/versions/{make.VERSION}")


NOTHING = replace(make.nothing(GOAL), groups=((REGISTRY.group_id.lower(), ABSENT),))
SYMBOLS = {each.symbol for each in Action}


def reached(**changes) -> State:
    state = replace(make.reached(GOAL), groups=((REGISTRY.group_id.lower(), make.group()),))
    named = replace(
        state.registry,
        id=REGISTRY,
        login_server=f"{REGISTRY.name}.azurecr.io",
        location="germanywestcentral",
    )
    return replace(state, registry=named, **changes)


def ill() -> State:
    """A registry with all that can go wrong at the same time."""
    state = reached(roles=())
    used = replace(
        state.version_in_use,
        enabled=False,
        expires=make.NOW - timedelta(days=1),
        not_before=make.NOW + timedelta(days=1),
        operations=frozenset(),
    )
    return replace(
        state,
        version_in_use=used,
        key=replace(state.key, id=state.key.id.with_version(make.NEWER), created=make.NOW),
        vault=replace(state.vault, default_action="Deny", bypass="None", purge_protection=False, retention_days=7),
        registry=replace(state.registry, attached=(), provisioning_state="Failed", status_message="No " * 100),
    )


def hidden() -> State:
    return reached(identity=HIDDEN, vault=HIDDEN, key=HIDDEN, version_in_use=HIDDEN, roles=HIDDEN)


def plain() -> State:
    state = reached()
    return replace(
        state, registry=replace(state.registry, encryption=Encryption("disabled", wire={"status": "disabled"}))
    )


def shown(result, transformer) -> str:
    """As the CLI prints it."""
    return format_table(CommandResultItem(result, table_transformer=transformer))


def rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines() if line.strip("- ")]


def fits(table: str) -> bool:
    return max(len(line) for line in table.splitlines()) <= WIDTH


def document(state: State) -> dict:
    made = registry_document(state, make.NOW)
    wire = made["encryption"] or {"status": "enabled", "keyVaultProperties": {"keyRotationEnabled": True}}
    return {**made, "encryption": wire}


def done(plan) -> list[dict]:
    return steps_document(Outcome(each, each.action.outcome, 3599.9) for each in plan.changes)


@pytest.mark.parametrize("state", [reached(), ill(), hidden(), plain()], ids=["good", "ill", "hidden", "plain"])
class TestRegistries:
    def test_show(self, state):
        table = shown(document(state), show_table)
        assert fits(table)
        for finding in document(state)["findings"]:
            assert finding["code"] in table

    def test_check(self, state):
        found = findings_document(examine(state, make.NOW), state.registry)
        table = shown(found, check_table)
        assert fits(table)
        assert rows(table)[0] == ["Code", "Severity", "Status", "Message"]
        assert [row[0] for row in rows(table)[1:] if row[0] in {each.code for each in CATALOGUE}] == [
            each["code"] for each in found
        ]

    def test_repair(self, state):
        health = examine(state, make.NOW)
        plan = plan_repair(Facts(state, make.NOW), health, make.TENANT)
        left = left_document(health)
        assert fits(shown(plan_document(plan), repair_table)) or not plan.changes
        table = shown(
            {"name": REGISTRY.name, "health": health.status, "steps": done(plan), "findings": left}, repair_table
        )
        assert fits(table)
        assert rows(table)[-1] == ["Health", health.status]
        assert [row[0] for row in rows(table)].count("Left") == len(left)

    def test_no_word_is_lost_but_where_lines_break(self, state):
        table = "".join(shown(document(state), show_table).split())
        for finding in document(state)["findings"]:
            assert "".join(finding["message"].split()) in table.replace("Value", "")


class TestPlans:
    @pytest.mark.parametrize("state", [NOTHING, reached(), reached(roles=())])
    def test_enable(self, state):
        plan = plan_enable(GOAL, state, make.NOW)
        assert not plan.problems
        table = shown(plan_document(plan), enable_table)
        assert fits(table)
        assert rows(table)[0] == ["Symbol", "Action", "Resource", "Reason", "Irreversible"]
        assert [row[1] for row in rows(table)[1:] if row[0] in SYMBOLS] == [each.action.label for each in plan.changes]
        steps = shown({"steps": done(plan)}, enable_table)
        assert fits(steps)
        assert rows(steps)[0] == ["Step", "Resource", "Outcome", "Seconds"]
        assert [row[0] for row in rows(steps)[1:]] == [each.step for each in plan.changes]

    def test_what_is_irreversible_is_marked_once(self):
        plan = plan_enable(GOAL, NOTHING, make.NOW)
        marked = [row for row in rows(shown(plan_document(plan), enable_table)) if row[-1] == "yes"]
        assert len(marked) == sum(each.irreversible for each in plan.changes) > 0

    def test_rotate(self):
        current = rotation.encrypted(behind=True)
        goal = rotation.goal(current, identity=str(IDENTITY), key_vault=str(VAULT), key_name=KEY, revoke_old=True)
        plan = plan_rotate(goal, current, rotation.target_of(goal, current), make.NOW)
        assert not plan.problems
        assert fits(shown(plan_document(plan), enable_table))
        table = shown({**document(current), "steps": done(plan)}, enable_table)
        assert fits(table)
        assert len(rows(table)) == len(plan.told) + 1


class TestSeveralRegistries:
    """What --ids gives: a list of the results of each, and of `check` one list in which each row names its registry."""

    def test_show(self):
        table = shown([document(reached()), document(plain())], show_table)
        assert [row[0] for row in rows(table)].count("Registry") == 2

    def test_check(self):
        found = findings_document(examine(reached(), make.NOW), reached().registry)
        others = [{**row, "registry": "other"} for row in found]
        table = rows(shown([*found, *others], check_table))
        assert [row for row in table if row[0] == "Registry"] == [["Registry", REGISTRY.name], ["Registry", "other"]]
        assert len(table) == 2 * len(rows(shown(found, check_table))) + 1

    @pytest.mark.parametrize("transformer", [enable_table, repair_table])
    def test_plans(self, transformer):
        plan = plan_document(plan_enable(GOAL, NOTHING, make.NOW))
        assert len(rows(shown([[], plan, plan], transformer))) == 2 * len(rows(shown(plan, transformer))) - 1

    def test_steps(self):
        plan = plan_enable(GOAL, NOTHING, make.NOW)
        result = {**document(reached()), "steps": done(plan)}
        assert len(rows(shown([result, result], enable_table))) == 2 * len(plan.told) + 1

    def test_repairs(self):
        result = {"name": "one", "health": "healthy", "steps": [], "findings": []}
        both = [result, {**result, "name": "two", "health": "broken"}]
        assert rows(shown(both, repair_table))[1:] == [
            ["Registry", "one"],
            ["Health", "healthy"],
            ["Registry", "two"],
            ["Health", "broken"],
        ]


@pytest.mark.parametrize("transformer", [enable_table, repair_table, check_table])
def test_nothing_is_an_empty_table(transformer):
    assert transformer([]) == []


words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=300)
texts = st.lists(words, min_size=1, max_size=8).map(" ".join)


@given(st.lists(st.tuples(st.sampled_from(Action), words, texts, st.booleans()), min_size=1, max_size=4))
def test_a_plan_fits_whatever_its_texts(changes):
    result = [
        {
            "symbol": action.symbol,
            "action": action.label,
            "step": "grant",
            "resource": resource,
            "reason": reason,
            "irreversible": final,
        }
        for action, resource, reason, final in changes
    ]
    assert fits(shown(result, enable_table))


@given(
    st.lists(
        st.tuples(st.sampled_from([each.code for each in CATALOGUE]), texts, st.none() | texts), min_size=1, max_size=4
    )
)
def test_checks_fit_whatever_their_texts(findings):
    result = [
        {"registry": "r", "code": code, "severity": severity, "status": "unknown", "message": message, "fix": fix}
        for severity in SEVERITIES
        for code, message, fix in findings
    ]
    assert fits(shown(result, check_table))
