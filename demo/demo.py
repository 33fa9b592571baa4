"""What `make demo` runs inside the sandbox: encrypt a registry with a customer-managed key, and look at it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

AZ = Path(sys.executable).parent / "az"
REGISTRY = "demoregistry"


def say(*lines: str) -> None:
    print("", *lines, sep="\n", flush=True)


def run(command: str, directory: str) -> None:
    """Show a command and run it, as a person would see it in a terminal."""
    say(f"$ {command}")
    done = subprocess.run([AZ, *shlex.split(command)[1:]], cwd=directory, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def pull() -> dict[str, object]:
    """Asks the sandbox whether the registry could serve an image now: it unwraps the registry's data key for that."""
    # The sandbox is on loopback, where no proxy belongs in between.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    url = f"{os.environ['ACRCMK_SANDBOX']}/registries/{REGISTRY}/pull"
    with opener.open(urllib.request.Request(url, data=b"{}", method="POST")) as answer:
        return json.load(answer)


def main() -> None:
    say(
        "This is the real Azure CLI with the extension installed. It talks to a sandbox on this computer that answers",
        "as Azure does. It is empty: no resource group, no identity, no key vault, no key, no registry.",
    )
    # Not in the checkout: there az would load the extension's sources in place of the installed wheel.
    with tempfile.TemporaryDirectory() as directory:
        say("One command makes all of them, and a registry that is encrypted with the key:")
        run(
            f"az acr cmk enable --name {REGISTRY} --resource-group demo --location westeurope --output table", directory
        )
        say("Another one looks at the registry, the identity, the key, the vault and the grant, and says if they work:")
        run(f"az acr cmk show --name {REGISTRY} --output table", directory)

    pulled = pull()
    if pulled["status"] != 200:
        sys.exit(f"The sandbox says that the registry can serve no image: {pulled['reason']}")
    say(
        "The sandbox agrees: the registry opens its data with the key, so images can be pulled.",
        "",
        "That was all: one command made a resource group, an identity, a key vault with purge protection, a key,",
        "a grant, and a registry encrypted with the key. Nothing was sent to Azure, and the sandbox ends here.",
        "",
        "To go on: `make sandbox` opens a shell with an Azure like this one. Type the two commands there, then try",
        f"  az acr cmk check --name {REGISTRY} --output table     all that the encryption depends on",
        f"  az acr cmk revoke --name {REGISTRY}                   revoke its access to the key",
        f"  az acr cmk restore --name {REGISTRY}                  and undo that",
        "docs/commands.md tells of all the others, docs/install.md how to install the extension for the real Azure.",
    )


if __name__ == "__main__":
    main()
