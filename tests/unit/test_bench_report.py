"""The report of the benchmark: what was measured stands there, and whether it is enough."""

from __future__ import annotations

import pytest

from benchmarks.commands import MODELS, Result
from benchmarks.measure import Measure
from benchmarks.report import report
from benchmarks.startup import OURS, SHARED, THEIRS, Starts


def measure(*seconds, processor=0.3, requests=1, repeated=0):
    return Measure(list(seconds), [processor] * len(seconds), [100 * 2**20] * len(seconds), requests, repeated)


def result(enable=1.0, tutorial=7.0, show=0.6, limit=0.0):
    measures = {"az version": measure(0.2)}
    for words in MODELS.values():
        measures[f"tutorial, {words}"] = measure(tutorial)
        measures[f"enable, {words}"] = measure(enable, requests=17)
    for flag in ("", " -g"):
        measures[f"show{flag}"] = measure(show)
        measures[f"acr encryption show{flag}"] = measure(0.5)
    return Result(measures, {model: [limit] for model in MODELS})


def aims(results, starts=None):
    """What was measured and whether it is enough, by what it is about and what was hoped for."""
    text = report("Made here.\n", results, starts)
    table = text.partition("## Aims")[2].partition("##")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line.startswith("|")
    ]
    return {(what, aim): (measured, met) for what, aim, measured, met in rows[2:]}


def test_what_was_measured_is_in_a_table():
    text = report("Made here.\n", {"instant": result()}, None)
    assert text.startswith("# Results\n\nMade here.\n")
    assert "| enable, Azure RBAC | 1.00 | 1.00, 1.00 | 0.30 | 100 | 17 | 0 |" in text


def test_medians_are_of_all_rounds():
    measures = result().measures | {"check": measure(1, 5, 2)}
    text = report("", {"instant": Result(measures, {})}, None)
    assert "| check | 2.00 | 1.00, 5.00 |" in text


@pytest.mark.parametrize(("tutorial", "told"), [(7.0, ("7.0 times", "yes")), (5.0, ("5.0 times", "no"))])
def test_times_as_fast_as_the_tutorial(tutorial, told):
    found = aims({"instant": result(tutorial=tutorial)})
    assert found["`instant`: enable, Azure RBAC", "at least 6 times as fast as the tutorial"] == told


@pytest.mark.parametrize(("enable", "met"), [(40.0, "yes"), (45.0, "no")])
def test_near_the_limit_which_has_a_start_of_az_in_it(enable, met):
    found = aims({"recorded": result(enable=enable, tutorial=80.0, limit=37.8)})
    measured = f"{enable / 38:.2f} times ({enable:.1f} s, limit 38.0 s)"
    assert found["`recorded`: enable, access policies", "at most 1.10 times the limit"] == (measured, met)


def test_start():
    with_it = {command: measure(0.3, processor=0.304) for command in (*SHARED, OURS, THEIRS)}
    without = {command: measure(0.3, processor=0.300) for command in SHARED}
    imports = {"version": [[0.2], []], "acr -h": [[1.0, 2.5], [1.5, 2.5]], "acr list": [[4.0, 2.0]]}
    found = aims({"instant": result()}, Starts(with_it, without, without, imports))
    assert found["`az version`", "the extension adds nothing"] == ("1 modules, 0.1 ms", "no")
    assert found["`az acr -h`", "the extension adds under 5 ms"] == ("2 modules, 3.8 ms", "yes")
    assert found["`az acr list`", "the extension adds under 5 ms"] == ("2 modules, 6.0 ms", "no")
    assert found[f"`az {OURS}`", f"no slower than `az {THEIRS}`"] == ("1.00 times", "yes")
