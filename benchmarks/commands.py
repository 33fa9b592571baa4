"""What is measured against a sandbox: creating encrypted registries, and reading one."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks import tutorial
from benchmarks.limit import limit
from benchmarks.measure import Bench, Measure

MODELS = {"rbac": "Azure RBAC", "access-policy": "access policies"}
# How often a round reads a registry, which takes little of its time.
LOOKS = 3


@dataclass
class Result:
    """What was measured on one profile, and by permission model the limits (see limit.py) of the runs of `enable`."""

    measures: dict[str, Measure]
    limits: dict[str, list[float]]


def run(profile: str, rounds: int) -> Result:
    """Each round does everything once, on names of its own; by the tutorial and by `enable` in sandboxes of their own.

    Where most of the time is waiting, the two wait at the same time.
    """
    limits: dict[str, list[float]] = {model: [] for model in MODELS}
    with ExitStack() as opened:
        taught, made = ({model: opened.enter_context(Bench.on(profile)) for model in MODELS} for _ in range(2))
        made["rbac"].may_do_all_with_keys()
        for number in range(rounds):
            with ThreadPoolExecutor(max_workers=1 if profile == "instant" else 2) as pool:
                runs = [
                    (pool.submit(_teach, taught[model], model, number), pool.submit(_make, made[model], model, number))
                    for model in MODELS
                ]
            for model, (teaching, making) in zip(MODELS, runs, strict=True):
                teaching.result()
                limits[model].append(making.result())
            _look(made["rbac"], number)
        benches = [bench for model in MODELS for bench in (taught[model], made[model])]
        return Result({name: measure for bench in benches for name, measure in bench.measures.items()}, limits)


def _teach(bench: Bench, model: str, number: int) -> None:
    bench.measure(f"tutorial, {MODELS[model]}", *tutorial.commands(number, model))


def _make(bench: Bench, model: str, number: int) -> float:
    """The limit of this run."""
    command = f"acr cmk enable -n {_name(number)} -g bench{number} -l westeurope --permission-model {model}"
    return limit(bench.measure(f"enable, {MODELS[model]}", command))


def _look(bench: Bench, number: int) -> None:
    bench.measure("rotate", f"acr cmk rotate -n {_name(number)}")
    for _ in range(LOOKS):
        bench.measure("enable again", f"acr cmk enable -n {_name(number)} -g bench{number}")
        bench.measure("acr encryption show", f"acr encryption show -n {_name(number)}")
        bench.measure("show", f"acr cmk show -n {_name(number)}")
        bench.measure("acr encryption show -g", f"acr encryption show -n {_name(number)} -g bench{number}")
        bench.measure("show -g", f"acr cmk show -n {_name(number)} -g bench{number}")
        bench.measure("check", f"acr cmk check -n {_name(number)}")
        bench.measure("az version", "version")


def _name(number: int) -> str:
    return f"benchregistry{number}"
