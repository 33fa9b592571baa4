"""The tables as the CLI prints them, of the longest valid names and of texts of any length."""

from __future__ import annotations

import io
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
from azext_acrcmk.plan.change import READ, Action
from azext_acrcmk.plan.enable import plan_enable
from azext_acrcmk.plan.repair import plan_repair
from azext_acrcmk.plan.rotate import plan_rotate
from azext_acrcmk.rules import examine
from azext_acrcmk.rules.catalogue import CATALOGUE, SEVERITIES, Facts
from azext_acrcmk.run import Outcome
from tests.harness import encrypted as rotation
from tests.harness import make
from tests.harness.tables import fits

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


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def shown(result, transformer) -> str:
    """As the CLI prints it."""
    return format_table(CommandResultItem(result, table_transformer=transformer))


def rows(table: str) -> list[list[str]]:
    return [line.split() for line in table.splitlines() if line.strip("- ")]


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
        lines = [line.split(maxsplit=1)[-1].strip() for line in table.splitlines()]
        for finding in document(state)["findings"]:
            assert finding["code"] in table
            assert finding["fix"] is None or finding["fix"] in lines

    def test_check(self, state):
        found = findings_document(examine(state, make.NOW), state.registry)
        table = shown(found, check_table)
        assert fits(table)
        assert rows(table)[0] == ["Code", "Severity", "Status", "Message"]
        assert [row[0] for row in rows(table)[1:] if row[0] in {each.code for each in CATALOGUE}] == [
            each["code"] for each in found
        ]
        lines = [line.strip() for line in table.splitlines()]
        assert all(f"Fix: {each['fix']}" in lines for each in found if each["fix"])

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
        assert [row[0] for row in rows(table)].count("Remaining") == len(left)

    def test_no_word_is_lost_but_where_lines_break(self, state):
        table = "".join(shown(document(state), show_table).split())
        for finding in document(state)["findings"]:
            assert "".join(finding["message"].split()) in table.replace("Value", "")

    @pytest.mark.parametrize("columns", [80, 100, 200])
    def test_a_terminal_is_filled_and_not_exceeded(self, state, columns, monkeypatch):
        monkeypatch.setattr("sys.stdout", Terminal())
        monkeypatch.setenv("COLUMNS", str(columns))
        for table in (
            shown(document(state), show_table),
            shown(findings_document(examine(state, make.NOW), state.registry), check_table),
        ):
            assert fits(table, columns)

    def test_a_narrow_terminal_breaks_lines_itself(self, state, monkeypatch):
        monkeypatch.setattr("sys.stdout", Terminal())
        monkeypatch.setenv("COLUMNS", "30")
        assert fits(shown(document(state), show_table), 80)

    def test_tables_are_ascii(self, state):
        assert shown(document(state), show_table).isascii()
        assert shown(findings_document(examine(state, make.NOW), state.registry), check_table).isascii()


class TestPlans:
    @pytest.mark.parametrize("state", [NOTHING, reached(), reached(roles=())])
    def test_enable(self, state):
        plan = plan_enable(GOAL, state, make.NOW)
        assert not plan.problems
        table = shown(plan_document(plan), enable_table)
        assert fits(table)
        assert rows(table)[0] == ["Symbol", "Action", "Resource", "Irreversible", "Reason"]
        assert [row[1] for row in rows(table)[1:] if row[0] in SYMBOLS] == [each.action.label for each in plan.changes]
        steps = shown({"steps": done(plan)}, enable_table)
        assert fits(steps)
        assert rows(steps)[0] == ["Step", "Resource", "Outcome", "Seconds"]
        assert [row[0] for row in rows(steps)[1:]] == [each.step for each in plan.changes]

    def test_what_is_irreversible_is_marked_once(self):
        plan = plan_enable(GOAL, NOTHING, make.NOW)
        marked = [row for row in rows(shown(plan_document(plan), enable_table)) if row[3:4] == ["yes"]]
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


@pytest.mark.parametrize("transformer", [enable_table, repair_table, check_table])
def test_nothing_is_an_empty_table(transformer):
    assert transformer([]) == []


COMMAND = f'az role assignment create --role "Key Vault Crypto User" --scope {VAULT}/keys/{KEY} --query "[].id"'


@pytest.mark.parametrize(
    ("reason", "lines"),
    [
        (f"Have it done: {COMMAND}", ["Have it done:", COMMAND]),
        (f"One: {COMMAND}; if not: {COMMAND}. Then go.", ["One:", COMMAND, "if not:", COMMAND, "Then go."]),
        ("All will fail until `az acr cmk restore`.", ["All will fail until `az acr cmk restore`."]),
        ("What az: is not.", ["What az: is not."]),
    ],
)
def test_a_command_is_not_broken_across_lines(reason, lines):
    row = {"symbol": "!", "action": "manual", "resource": "/", "reason": reason, "irreversible": False}
    table = shown([row], enable_table)
    assert [line.removeprefix("!         manual    /").strip() for line in table.splitlines()[2:]] == lines


# Without what marks a command, which is not broken whatever its length.
words = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="`"), min_size=1, max_size=300)
texts = st.lists(words, min_size=1, max_size=8).map(" ".join)


@given(
    st.lists(
        st.tuples(st.sampled_from([each for each in Action if each is not READ]), words, texts, st.booleans()),
        min_size=1,
        max_size=4,
    )
)
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
        st.tuples(
            st.sampled_from([each.code for each in CATALOGUE]),
            texts,
            st.none() | texts.map(lambda text: f"az x {text}"),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_checks_fit_whatever_their_texts(findings):
    result = [
        {"registry": "r", "code": code, "severity": severity, "status": "unknown", "message": message, "fix": fix}
        for severity in SEVERITIES
        for code, message, fix in findings
    ]
    assert fits(shown(result, check_table))
