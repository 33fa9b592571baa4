"""What `make demo-fleet` runs inside the sandbox: 300 registries with all kinds of damage, and a report of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
import webbrowser
from pathlib import Path
from typing import Any

AZ = Path(sys.executable).parent / "az"
REPORT = "fleet.html"
FLEET = {"registries": 300, "vaults": 60, "keys": 150, "subscriptions": 6, "seed": 1}


def say(*lines: str) -> None:
    print("", *lines, sep="\n", flush=True)


def control(path: str, given: dict[str, Any]) -> Any:
    """Asks the sandbox itself. It is on loopback, where no proxy belongs in between."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    request = urllib.request.Request(
        f"{os.environ['ACRCMK_SANDBOX']}{path}",
        data=json.dumps(given).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    with opener.open(request) as answer:
        return json.load(answer)


def show(report: Path) -> None:
    """Opens the report in a browser, where there is one and somebody to see it."""
    say("The report is one file, which asks nobody for anything. Open it in a browser:", f"  {report.as_uri()}")
    if sys.stdout.isatty() and sys.stdin.isatty() and os.environ.get("CI") is None:
        webbrowser.open(report.as_uri())


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp(prefix="acrcmk-fleet-")).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    damages = control("/fleet", FLEET)["damages"]
    say(
        f"In the sandbox there are now {FLEET['registries']} registries in {FLEET['subscriptions']} subscriptions,",
        f"with {len(damages)} kinds of damage: a key disabled or expired, a grant missing, a vault closed, and more.",
        "",
        "One command finds all of it, and writes a report:",
    )
    command = ["acr", "cmk", "list", "--all", "--report", REPORT, "--report", "fleet.csv"]
    shown = [*command, "--query", "counts", "--output", "yaml"]
    say(f"$ az {' '.join(shown)}")
    # In the folder of the report, and not in the checkout: there az would load the extension's sources.
    done = subprocess.run([AZ, *shown], cwd=folder, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    show(folder / REPORT)
    say(
        "fleet.csv beside it has the same rows for a spreadsheet. docs/commands.md tells of SARIF, JUnit and JSON, and",
        "how to compare two reports. Nothing was sent to Azure, and the sandbox ends here.",
    )


if __name__ == "__main__":
    main()
