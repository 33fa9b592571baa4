"""What `make demo` and `make demo-fleet` show a newcomer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "demo"


def demo(environment, script="demo.py", *arguments) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, FOLDER / script, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def test_shows_each_command_and_what_came_of_it(azure, tmp_path):
    done = demo(azure.login(tmp_path))
    assert (done.returncode, "+ Creating registry demoregistry" in done.stderr) == (0, True), done
    lines = done.stdout.splitlines()
    commands = [line for line in lines if line.startswith("$ ")]
    assert [command.split(" --")[0] for command in commands] == ["$ az acr cmk enable", "$ az acr cmk show"]
    made, seen = lines.index(commands[0]), lines.index(commands[1])
    assert [line.split()[0] for line in lines[made + 3 : made + 9]] == [
        *("group", "identity", "vault", "key", "grant", "registry")
    ]
    assert "Health      healthy" in lines[seen:]
    assert max(len(line) for line in lines) <= 120
    assert azure.pull("demoregistry")["status"] == 200


def test_fails_where_a_command_does(azure, tmp_path):
    azure.fault("status", path="registries/demoregistry", status=403, body={"error": {"code": "AuthorizationFailed"}})
    done = demo(azure.login(tmp_path))
    assert done.returncode == 1
    assert "$ az acr cmk show" not in done.stdout


def test_of_a_fleet_writes_a_report_and_says_where(azure, tmp_path):
    azure.settings(graph_quota=0)
    folder = tmp_path / "a folder"
    done = demo(azure.login(tmp_path), "fleet.py", folder)
    assert done.returncode == 0, done
    assert "total: 300" in done.stdout
    assert (folder / "fleet.html").as_uri() in done.stdout
    assert (folder / "fleet.html").read_text().startswith("<!DOCTYPE html>")
    assert len((folder / "fleet.csv").read_text().splitlines()) > 300
    assert max(len(line) for line in done.stdout.splitlines() if "file://" not in line) <= 120
