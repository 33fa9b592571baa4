"""What the CLI is given to write consists of plain values: in YAML it can't write others, such as ids of our own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from azext_acrcmk.model.defaults import JSON_FORMATS
from azext_acrcmk.model.ids import Scope
from azext_acrcmk.output.documents import (
    findings_document,
    left_document,
    plan_document,
    registry_document,
    steps_document,
)
from azext_acrcmk.output.fleet import FleetReport, fleet_document
from azext_acrcmk.output.template.formats import FORMATS
from azext_acrcmk.output.template.parts import exported_parts, parts_of
from azext_acrcmk.plan.change import Plan
from azext_acrcmk.plan.enable import plan_enable
from azext_acrcmk.plan.obstacle import BLOCKED, Obstacle
from azext_acrcmk.rules import examine
from azext_acrcmk.run import Outcome
from tests.harness import make
from tests.harness.encrypted import HEALTHY, changed
from tests.harness.findings import CASES
from tests.harness.kinds import KINDS, change_of


def documents_of_states() -> Iterator[Any]:
    for state in (HEALTHY, *(changed(**changes) for _, _, changes in CASES)):
        health = examine(state, make.NOW)
        report = FleetReport(make.NOW, "key", {})
        report.add(state, health)
        yield from (registry_document(state, make.NOW), findings_document(health, state.registry))
        yield from (left_document(health), fleet_document(report))


def documents_of_changes() -> Iterator[Any]:
    for kind in KINDS:
        change = change_of(kind)
        blocked = Obstacle(BLOCKED, change.step, Scope(change.resource), "It is locked.")
        yield from (plan_document(Plan((change,)), [blocked]), steps_document([Outcome(change, "created", 0.1)]))


def documents_of_templates() -> Iterator[Any]:
    away = "/subscriptions/22222222-2222-4222-8222-222222222222/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v"
    for options in ({}, {"permission_model": "access-policy"}, {"key_vault": away}):
        goal = make.goal(**options)
        planned = parts_of(plan_enable(goal, make.nothing(goal), make.NOW))
        for parts in (planned, exported_parts(make.reached(goal))):
            yield from (FORMATS[each].write(parts) for each in JSON_FORMATS)


@pytest.mark.parametrize("documents", [documents_of_states, documents_of_changes, documents_of_templates])
def test_a_result_reads_back_from_yaml_as_it_is(documents):
    count = 0
    for document in documents():
        assert json.loads(json.dumps(document)) == yaml.safe_load(yaml.safe_dump(document))
        count += 1
    assert count > 5
