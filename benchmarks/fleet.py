"""Measures `az acr cmk list` on fleets of several sizes, and beside it what people do without it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from benchmarks.fleet_limit import Quotas, fleet_limit
from benchmarks.measure import Bench, Run

SIZES = (100, 1_000, 10_000)
# Of this size, loops over all registries are measured; beyond, they take as much longer as there are more registries.
LOOPED = 100
# Other programs can take a third of a run's time, of a short one the most: some rounds are run of each size.
ROUNDS = {100: 7, 1_000: 7, 10_000: 3}
QUOTAS = Quotas()
LIST = "acr cmk list --all"
LOOPS = {"acr encryption show": "acr encryption show", "acr cmk show": "acr cmk show"}


@dataclass(frozen=True)
class Looked:
    """A `list` of so many registries; `start` is the same command on none of them, which `waited` so many seconds for
    Azure."""

    size: int
    run: Run
    start: Run
    waited: float
    limit: float
    requests: int
    complete: bool

    @property
    def share(self) -> float:
        """How much longer it takes than the least."""
        return self.run.seconds / self.least

    @property
    def least(self) -> float:
        """The seconds that quota and latency impose, and that the same command takes on no registry, without those in
        which it waits."""
        return self.limit + self.start.seconds - self.waited

    @property
    def milliseconds(self) -> float:
        """Processor time for each registry, beyond what the command takes on none."""
        return 1000 * (self.run.processor - self.start.processor) / self.size


@dataclass(frozen=True)
class Looped:
    """One command for each registry, after a list of them: seconds of all, and of processor."""

    what: str
    seconds: float
    processor: float
    commands: int


@dataclass(frozen=True)
class FleetResult:
    looks: list[Looked]
    loops: list[Looped]


def run(sizes: Sequence[int] = SIZES, loops: bool = True) -> FleetResult:
    looks, looped = [], []
    for size in sizes:
        with Bench.on("recorded") as bench:
            ids = bench.seed_fleet(
                size, arm_read_bucket=QUOTAS.bucket, arm_read_rate=QUOTAS.rate, graph_quota=QUOTAS.queries
            )
            looks.append(_look(bench, size))
            if loops and size == LOOPED:
                looped = [_loop(bench, what, command, ids) for what, command in LOOPS.items()]
    return FleetResult(looks, looped)


def _look(bench: Bench, size: int) -> Looked:
    on_none = "acr cmk list --resource-group empty"
    bench.az("group create --name empty --location westeurope")
    bench.az(on_none)  # the sandbox makes its index after a change
    starts, runs = [], []
    for _ in range(ROUNDS.get(size, 1)):
        start, log_of_none = bench.logged(on_none)
        bench.rest(QUOTAS.seconds)
        run, log = bench.logged(LIST)
        bench.rest(QUOTAS.seconds)
        starts.append(start)
        runs.append(run)
    document = json.loads(runs[-1].output)
    complete = not document["partial"] and document["counts"]["total"] == size
    waited, limit = fleet_limit(log_of_none, QUOTAS), fleet_limit(log, QUOTAS)
    return Looked(size, _typical(runs), _typical(starts), waited, limit, len(log), complete)


def _typical(runs: Sequence[Run]) -> Run:
    """The median of seconds, the processor seconds of the run that other programs disturbed least, the most memory."""
    least, most = min(run.processor for run in runs), max(run.memory for run in runs)
    return replace(runs[-1], seconds=median(run.seconds for run in runs), processor=least, memory=most)


def _loop(bench: Bench, what: str, command: str, ids: Iterable[str]) -> Looped:
    runs = [bench.az("acr list")]
    for id_ in ids:
        _, _, subscription, *_, name = id_.split("/")
        runs.append(bench.az(f"{command} -n {name} --subscription {subscription}"))
    return Looped(what, sum(run.seconds for run in runs), sum(run.processor for run in runs), len(runs))
