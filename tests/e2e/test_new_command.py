"""What the next developer does: a command is five files of the product, an option of the registry three. A copy of the
extension, with no more changed than that, runs both."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.harness.seed import ENABLE, REGISTRY

ROOT = Path(__file__).parents[2]
# What is put after a line of a file.
COMMAND = {
    "commands.py": (r'group\.custom_command\("check".*', '        group.custom_command("greet", "greet")'),
    "_params.py": (
        r"    _load_common\(loader\)",
        '    with loader.argument_context("acr cmk greet") as c:\n        c.argument("greeting", help="What to say.")',
    ),
    "_help.py": (
        r"from knack\.help_files import helps",
        'helps["acr cmk greet"] = """\ntype: command\nshort-summary: Greet a registry.\n"""',
    ),
    "custom.py": (
        r"from azext_acrcmk\.model\.defaults import.*",
        'def greet(cmd, registry_name, resource_group_name=None, greeting="Hello"):\n'
        "    from azext_acrcmk.operations.greet import greet as operation\n\n"
        "    return operation(cmd, registry_name, resource_group_name, greeting)",
    ),
}
OPERATION = """
from azext_acrcmk.operations.session import Session


def greet(cmd, name, group, greeting):
    with Session.of(cmd) as session:
        return {"said": f"{greeting}, {session.registry(name, group).location}."}
"""
OPTION = {
    "model/registry_options.py": (
        r"REGISTRY_OPTIONS = \(",
        '    RegistryOption("quarantine", ("policies", "quarantinePolicy", "status"), _STATUS, default="disabled"),',
    ),
    "_params_goal.py": (
        r"    with loader\.argument_context\(.*",
        '        c.argument("quarantine", get_three_state_flag(), help="Whether images are in quarantine.")',
    ),
    "custom.py": (r"    zone_redundancy=None,", "    quarantine=None,"),
}
RUN = """
import json, sys
from azure.cli.core.mock import DummyCli
from azext_acrcmk.model.registry_options import RegistryOptions
from scripts.docs import options
from tests.harness.commands import OurCommands

assert "What to say." in options("greet")
assert "Whether images are in quarantine." in options("enable")
there = {"policies": {"quarantinePolicy": {"status": "enabled"}}}
assert [each.option for each, _, _ in RegistryOptions.of(quarantine=False).differing(there)] == ["--quarantine"]
for command in json.loads(sys.argv[1]):
    code = DummyCli(commands_loader_cls=OurCommands).invoke(command.split())
    assert code in (0, None), (command, code)
"""


def test_a_command_takes_five_files_and_an_option_of_the_registry_three(azure, seed, tmp_path):
    copy = tmp_path / "source"
    shutil.copytree(ROOT / "azext_acrcmk", copy / "azext_acrcmk", ignore=shutil.ignore_patterns("__pycache__"))
    package = copy / "azext_acrcmk"
    for edits in (COMMAND, OPTION):
        for name, (line, more) in edits.items():
            text = (package / name).read_text(encoding="utf-8")
            edited = re.sub(
                rf"^ *{line.strip()}$",
                lambda found, more=more: f"{found[0]}\n{more}",
                text,
                count=1,
                flags=re.MULTILINE,
            )
            assert edited != text, name
            (package / name).write_text(edited, encoding="utf-8")
    (package / "operations" / "greet.py").write_text(OPERATION, encoding="utf-8")
    assert (len(COMMAND) + 1, len(OPTION)) == (5, 3)
    environment = {**azure.login(tmp_path), "PYTHONPATH": os.pathsep.join((str(copy), str(ROOT)))}
    commands = [f"{ENABLE} --quarantine true -o none", "acr cmk greet -n myregistry -g rg --greeting Ahoy -o json"]
    ran = subprocess.run(
        [sys.executable, "-c", RUN, json.dumps(commands)],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert json.loads(ran.stdout) == {"said": "Ahoy, westeurope."}
    assert seed.get(REGISTRY)["properties"]["policies"]["quarantinePolicy"]["status"] == "enabled"
