"""Measures `az acr cmk migrate` against a shell loop of `az acr import`, image by image, and writes MIGRATE.md.

python -m benchmarks.migrate [--images 200] [--loop 10]
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from azext_acrcmk.apply.migrate.limit import MOST
from benchmarks.measure import Bench, Run
from benchmarks.report import Aim

MIGRATE = "acr cmk migrate --name oldregistry --to newregistry --output none --only-show-errors"
_NOTES = """\
Made by `python -m benchmarks.migrate`, against the sandbox on the profile `recorded`: an import is answered after 1 s
and takes 5 s more, each request takes 100 ms, and the registry's own limits are as documented. Compare; these are not
Azure's own times. The loop is `az acr import` for one tag after the other, which is what is published; it runs for
a few images only, as the table says, and its time is told for each. The floor is what the service's own time leaves to
any client that has {most} imports going on at a time. What a run that finds nothing to do takes is subtracted from time
and processor time. A hundred thousand manifests are listed and compared on the profile `instant`.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--loop", type=int, default=10, help="How many images the loop imports.")
    arguments = parser.parse_args()
    text = measured(arguments.images, arguments.loop)
    Path(__file__).with_name("MIGRATE.md").write_text(text, encoding="utf-8")
    print(text)


def measured(images: int, loop: int) -> str:
    """The page."""
    with Bench.on("recorded") as bench:
        bench.az("group create --name g --location westus --output none")
        for name in ("oldregistry", "looped"):
            bench.az(f"acr create --name {name} --resource-group g --sku Premium --output none")
        bench.az(MIGRATE)
        nothing = bench.az(MIGRATE)
        sandbox = bench.sandbox
        count = sandbox.seed_content("oldregistry", repositories=2, images=images // 2)
        sandbox.clear_log()
        copied = bench.az(MIGRATE)
        log = sandbox.log()
        looped = [_import(bench, each) for each in range(1, loop + 1)]
    return _page(count["manifests"], nothing, copied, log, looped, _large())


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
    image = f"app/service0001:v{number}"
    source = shlex.quote(f"oldregistry.azurecr.io/{image}")
    return bench.az(f"acr import --name looped --source {source} --image {image} --output none")


def _page(
    manifests: int, nothing: Run, copied: Run, log: list[Mapping[str, Any]], looped: list[Run], large: Run
) -> str:
    each = sum(run.seconds for run in looped) / len(looped)
    ours = (copied.seconds - nothing.seconds) / manifests
    cost = 1000 * (copied.processor - nothing.processor) / manifests
    imports = [entry for entry in log if entry["path"].endswith("/importImage") and (entry["status"] or 500) < 400]
    least = floor(log)
    spent = copied.seconds - nothing.seconds
    aims = [
        Aim(
            "time for each image",
            "at least 10 times as fast as the loop",
            f"{each / ours:.1f} times",
            each / ours >= 10,
        ),
        Aim("client's cost", "below 3 ms for each manifest", f"{cost:.2f} ms", cost < 3),
        Aim("imports", "one for each digest", f"{len(imports)} for {manifests}", len(imports) == manifests),
        Aim(
            "whole copy",
            "at most 1.3 times the floor",
            f"{spent / least:.2f} times ({spent:.1f} s, floor {least:.1f} s)",
            spent / least <= 1.3,
        ),
    ]
    memory = large.memory / 2**20
    aims.append(Aim("100,000 manifests", "within 250 MB", f"{memory:.0f} MB ({large.seconds:.0f} s)", memory <= 250))
    rows = [
        ("images", str(manifests)),
        ("migrate, seconds", f"{copied.seconds:.1f}"),
        ("migrate where nothing is to do, seconds", f"{nothing.seconds:.1f}"),
        ("the loop, images it was timed on", str(len(looped))),
        ("the loop, seconds for each image", f"{each:.1f}"),
        ("migrate, processor seconds", f"{copied.processor:.2f}"),
        ("migrate, MB", f"{copied.memory / 2**20:.0f}"),
        ("migrate, requests", str(len(log))),
        ("... of them throttled", str(sum(entry["status"] == 429 for entry in log))),
    ]
    table = ["| what | aim | measured | met |", "| --- | --- | --- | --- |"]
    table += [f"| {aim.what} | {aim.aim} | {aim.measured} | {'yes' if aim.met else 'no'} |" for aim in aims]
    table += ["", "| what | |", "| --- | --- |", *(f"| {name} | {value} |" for name, value in rows)]
    return "\n".join(["# Migration\n", _NOTES.format(most=MOST), *table]) + "\n"


def floor(log: list[Mapping[str, Any]]) -> float:
    """Seconds that the service itself takes for its imports, so many at a time; no list is counted."""
    imports = [
        max(entry["ready"] or 0, entry["seconds"] or 0)
        for entry in log
        if entry["path"].endswith("/importImage") and (entry["status"] or 500) < 400
    ]
    return max(sum(imports) / MOST, max(imports, default=0.0))


if __name__ == "__main__":
    main()
