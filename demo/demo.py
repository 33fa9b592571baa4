"""What `make demo` runs inside the sandbox: encrypt a registry with a customer-managed key, and look at it."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

AZ = Path(sys.executable).parent / "az"


def run(command: str, directory: str) -> str:
    """Show a command, run it, show what it printed, and return that."""
    print(f"\n$ {command}", flush=True)
    arguments = [AZ, *shlex.split(command)[1:]]
    done = subprocess.run(arguments, cwd=directory, stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout, end="", flush=True)
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def main() -> None:
    # Not in the checkout: there az would load the extension's sources in place of the installed wheel.
    with tempfile.TemporaryDirectory() as directory:
        enabled = run("az acr cmk enable --name demoregistry --resource-group demo --location westeurope", directory)
        run("az acr cmk show --name demoregistry -o table", directory)

    print("\nWhat the first command did:")
    for step in json.loads(enabled)["steps"]:
        name = step["resource"].rsplit("/", 1)[-1]
        print(f"  {step['outcome']:<10} {step['step']:<10} {name:<40} {step['seconds']:5.1f} s")
    print("All of this happened in a sandbox on this computer. Nothing was sent to Azure.")


if __name__ == "__main__":
    main()
