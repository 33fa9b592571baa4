"""python -m live: asks the real Azure what no document says, in a resource group of its own, and removes it again.

It takes a subscription that you may spend a little money in, the role Owner there (or Contributor and Role Based Access
Control Administrator), `az login`, and an hour or two. See docs/live.md.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from live.azure import Azure, Failed, Runner, subprocess_runner
from live.place import RETENTION_DAYS, Place, find_place
from live.questions import STEPS
from live.run import INTERRUPTED, run
from live.steps import Step

OLDEST_CLI = (2, 80, 0)


def say(text: str) -> None:
    print(text, flush=True)


def main(arguments: list[str] | None = None, runner: Runner | None = None, steps: Sequence[Step] = STEPS) -> int:
    options = _parser().parse_args(arguments)
    azure = Azure(runner or subprocess_runner(say), options.subscription)
    try:
        versions = _versions(azure)
        account = _account(azure)
        azure.subscription = account["id"]
        place = find_place(azure, account, options.location)
    except Failed as problem:
        say(str(problem))
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    say(_explanation(place, account, len(steps)))
    if not options.yes and not _confirmed(place):
        say("Nothing was done.")
        return 1
    about = {"location": place.location, "cloud": account.get("environmentName"), "versions": versions}
    return run(azure, place, account, about, options.output, steps=steps, say=say)


def _account(azure: Azure) -> dict[str, Any]:
    try:
        return azure.must("account", "show", debug=False)
    except Failed as problem:
        raise Failed(f"{problem}\nSign in first: az login") from None


def _versions(azure: Azure) -> dict[str, str]:
    """Of what takes part. Raises Failed where one is missing or too old."""
    found = azure.must("version", debug=False)
    extension = (found.get("extensions") or {}).get("acrcmk")
    if not extension:
        raise Failed("The extension acrcmk is not installed. az extension add --upgrade --yes --name acrcmk")
    cli = found["azure-cli"]
    if tuple(int(part) for part in cli.split(".")[:3]) < OLDEST_CLI:
        raise Failed(f"Azure CLI {cli} is too old: az upgrade")
    return {"azure-cli": cli, "acrcmk": extension, "system": platform.system()}


def _explanation(place: Place, account: dict[str, Any], steps: int) -> str:
    return f"""
This asks the real Azure, as {(account.get("user") or {}).get("name")}, in subscription {account.get("name")}
({place.subscription}), in {place.location}.

It makes     resource group {place.group}, and in it the Premium registry {place.registry}, the key vaults
             {place.vault} and {place.open_vault}, keys, three managed identities and role assignments.
It takes     {steps} steps, half an hour to two hours. Ctrl-C ends it at any time, and removes what was made.
It costs     what a Premium registry costs a day (about 2 US dollars), and some cents for keys.
             https://azure.microsoft.com/pricing/details/container-registry
It removes   the resource group with all that is in it, and purges {place.open_vault}.
It leaves    key vault {place.vault}, deleted, for {RETENTION_DAYS} days: it has purge protection, as it must. It costs
             nothing, and nothing but its name is taken. Resource providers that get registered stay so:
             Microsoft.ContainerRegistry, Microsoft.KeyVault, Microsoft.ManagedIdentity.
It writes    a report without ids, names, addresses and tokens. It sends nothing to anybody.
"""


def _confirmed(place: Place) -> bool:
    try:
        return input(f"Type {place.group} to go on: ").strip() == place.group
    except (EOFError, KeyboardInterrupt):
        return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m live", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--location", default="westeurope", help="where everything is made (westeurope)")
    parser.add_argument("--subscription", default="", help="id or name; else the one that az has by default")
    parser.add_argument("--yes", action="store_true", help="don't ask")
    parser.add_argument("--output", type=Path, default=Path("live-reports"), help="where reports go (live-reports)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
