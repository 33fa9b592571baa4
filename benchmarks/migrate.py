"""Measures `az acr cmk migrate` against a shell loop of `az acr import`, image by image, and writes MIGRATE.md.

python -m benchmarks.migrate [--loop 10]
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import Bench, Run
from benchmarks.report import Aim

MIGRATE = "acr cmk migrate --name oldregistry --to newregistry --output none --only-show-errors"
# How many imports the registry takes at a time, and how many images are copied so. Azure publishes no number; the last
# is what the registry team's own tool begins (Azure/acr, samples/dotnetcore/registry-artifact-transfer). The first is
# compared with the loop.
LIMITS = ((16, 200), (4, 48), (50, 1000))
# What Azure Resource Manager takes of one caller: requests at once, and then in each second (fleet facts 2.1).
WRITES, WRITES_A_SECOND = 200, 10
_ARM = {
    "arm_write_bucket": WRITES,
    "arm_write_rate": float(WRITES_A_SECOND),
    "arm_read_bucket": 250,
    "arm_read_rate": 25.0,
}
_NOTES = """\
Made by `python -m benchmarks.migrate`, against the sandbox on the profile `recorded`: an import is answered after 1 s
and takes 5 s more, each request takes 100 ms, and the limits of Azure Resource Manager and of the registry are as
documented. Compare; these are not Azure's own times. The loop is `az acr import` for one tag after the other, which is
what is published; its time is told for each of the images that it ran for, as the table says. What a run that finds
nothing to do takes is subtracted from time and processor time. A hundred thousand manifests are listed and compared on
the profile `instant`.

The floor is the service's alone: the time that its imports take, divided by how many it takes at a time, but no more
imports than Azure Resource Manager takes writes (200, and then 10 a second). Azure does not publish how many imports a
registry takes at a time, so the sandbox refuses more than {limits} in turn. `migrate` is not told the number.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--loop", type=int, default=10, help="How many images the loop imports.")
    arguments = parser.parse_args()
    text = measured(arguments.loop)
    Path(__file__).with_name("MIGRATE.md").write_text(text, encoding="utf-8")
    print(text)


def measured(loop: int) -> str:
    """The page."""
    with Bench.on("recorded") as bench:
        bench.az("group create --name g --location westus --output none")
        for name in ("oldregistry", "looped"):
            bench.az(f"acr create --name {name} --resource-group g --sku Premium --output none")
        bench.az(MIGRATE)
        nothing = bench.az(MIGRATE)
        copies = [_copy(bench, limit, images) for limit, images in LIMITS]
        looped = [_import(bench, each) for each in range(1, loop + 1)]
    return _page(nothing, copies, looped, _large())


@dataclass(frozen=True)
class Copy:
    """A copy of so many images into a registry that takes so many imports at a time."""

    limit: int
    images: int
    run: Run
    log: list[Mapping[str, Any]]

    @property
    def imports(self) -> int:
        return sum(map(_is_import, self.log))


def _copy(bench: Bench, limit: int, images: int) -> Copy:
    bench.sandbox.settings(import_limit=limit, **_ARM)
    bench.sandbox.seed_content("oldregistry", repositories=2, images=images // 2, prefix=f"at-{limit}")
    run, log = bench.logged(MIGRATE)
    return Copy(limit, images, run, log)


def _large() -> Run:
    """A hundred thousand manifests, half of them in one repository, that are on both sides: listed and compared."""
    with Bench.on("instant") as bench:
        bench.az("group create --name g --location westus --output none")
        bench.az("acr create --name oldregistry --resource-group g --sku Premium --output none")
        bench.az(MIGRATE)
        for name in ("oldregistry", "newregistry"):
            bench.sandbox.seed_content(name, repositories=1, images=50_000, prefix="large")
            bench.sandbox.seed_content(name, repositories=500, images=100, prefix="many")
        return bench.az(MIGRATE)


def _import(bench: Bench, number: int) -> Run:
    limit, images = LIMITS[0]
    repository, version = divmod(number - 1, images // 2)
    image = f"at-{limit}/service{repository + 1:04}:v{version + 1}"
    source = shlex.quote(f"oldregistry.azurecr.io/{image}")
    return bench.az(f"acr import --name looped --source {source} --image {image} --output none")


def _page(nothing: Run, copies: list[Copy], looped: list[Run], large: Run) -> str:
    first = copies[0]
    each = sum(run.seconds for run in looped) / len(looped)
    ours = (first.run.seconds - nothing.seconds) / first.images
    cost = 1000 * (first.run.processor - nothing.processor) / first.images
    memory = large.memory / 2**20
    aims = [
        Aim(
            "time for each image",
            "at least 10 times as fast as the loop",
            f"{each / ours:.1f} times",
            each / ours >= 10,
        ),
        Aim("client's cost", "below 3 ms for each manifest", f"{cost:.2f} ms", cost < 3),
        Aim("imports", "one for each digest", f"{first.imports} for {first.images}", first.imports == first.images),
        *(_aim(copy, copy.run.seconds - nothing.seconds) for copy in copies),
        Aim("100,000 manifests", "within 250 MB", f"{memory:.0f} MB ({large.seconds:.0f} s)", memory <= 250),
    ]
    rows = [
        ("images", str(first.images)),
        ("migrate, seconds", f"{first.run.seconds:.1f}"),
        ("migrate where nothing is to do, seconds", f"{nothing.seconds:.1f}"),
        ("the loop, images it was timed on", str(len(looped))),
        ("the loop, seconds for each image", f"{each:.1f}"),
        ("migrate, processor seconds", f"{first.run.processor:.2f}"),
        ("migrate, MB", f"{first.run.memory / 2**20:.0f}"),
        ("migrate, requests", str(len(first.log))),
        ("... of them throttled", str(sum(entry["status"] == 429 for entry in first.log))),
    ]
    table = ["| what | aim | measured | met |", "| --- | --- | --- | --- |"]
    table += [f"| {aim.what} | {aim.aim} | {aim.measured} | {'yes' if aim.met else 'no'} |" for aim in aims]
    table += ["", "| what | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows)]
    limits = " or ".join(map(str, sorted(limit for limit, _ in LIMITS)))
    return "\n".join(["# Migration\n", _NOTES.format(limits=limits), *table]) + "\n"


def _aim(copy: Copy, spent: float) -> Aim:
    least = floor(copy.log, copy.limit)
    return Aim(
        f"whole copy of {copy.images} images, {copy.limit} imports at a time",
        "at most 1.3 times the floor",
        f"{spent / least:.2f} times ({spent:.1f} s, floor {least:.1f} s)",
        spent / least <= 1.3,
    )


def floor(log: list[Mapping[str, Any]], limit: int) -> float:
    """Seconds that the service itself needs for its imports, if it takes `limit` at a time; no list is counted."""
    imports = [max(entry["ready"] or 0, entry["seconds"] or 0) for entry in log if _is_import(entry)]
    last_begins = max(len(imports) - WRITES, 0) / WRITES_A_SECOND
    return max(sum(imports) / limit, last_begins + max(imports, default=0.0))


def _is_import(entry: Mapping[str, Any]) -> bool:
    return entry["path"].endswith("/importImage") and (entry["status"] or 500) < 400


if __name__ == "__main__":
    main()
