"""Writes the pictures of the HTML report in docs/: `make docs-pictures`. Needs Chromium; seeds a fleet in a sandbox."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

from sandbox.client import Sandbox

DOCS = Path(__file__).parents[1] / "docs"
AZ = Path(sys.executable).parent / "az"
FLEET = {"registries": 300, "vaults": 60, "keys": 150, "subscriptions": 6, "seed": 1, "damaged": 0.2}
SIZE = {"width": 1200, "height": 1250}


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("There is no Chromium here. On Debian: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        report = _report(Path(folder))
        flags = ["--disable-gpu", "--disable-quic", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        for scheme in ("light", "dark"):
            page = browser.new_page(color_scheme=scheme, viewport=SIZE)
            page.goto(report.as_uri())
            page.screenshot(path=DOCS / f"report-{scheme}.png")
        browser.close()


def _report(folder: Path) -> Path:
    with Sandbox(folder / "sandbox") as sandbox:
        sandbox.settings(graph_quota=0)
        sandbox.seed_fleet(**FLEET)
        environment = {**sandbox.login(folder), "AZURE_EXTENSION_DIR": os.environ["AZURE_EXTENSION_DIR"]}
        command = [AZ, "acr", "cmk", "list", "--all", "--report", "fleet.html", "--output", "none"]
        subprocess.run(command, env=environment, cwd=folder, check=True)
    return folder / "fleet.html"


if __name__ == "__main__":
    main()
