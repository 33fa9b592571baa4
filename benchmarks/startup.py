"""The start of `az` with this extension, with another one, and without any."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import Bench, Measure

SHARED = ("version", "acr -h", "acr list")
# The help of this extension, and that of the most similar command of Azure CLI itself.
OURS, THEIRS = "acr cmk show -h", "acr encryption show -h"

# An extension of `az acr` with one command, which does nothing.
_FILES = {
    "azext_nothing/__init__.py": """\
from azure.cli.core import AzCommandsLoader


class COMMAND_LOADER_CLS(AzCommandsLoader):
    def __init__(self, cli_ctx=None):
        from azure.cli.core.commands import CliCommandType

        super().__init__(cli_ctx=cli_ctx, custom_command_type=CliCommandType(operations_tmpl="azext_nothing#{}"))

    def load_command_table(self, args):
        with self.command_group("acr nothing") as group:
            group.custom_command("show", "show")
        return self.command_table
""",
    "azext_nothing/azext_metadata.json": '{"azext.minCliCoreVersion": "2.80.0"}\n',
    "nothing-1.0.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: nothing\nVersion: 1.0.0\n",
    "nothing-1.0.0.dist-info/RECORD": "",
}


@dataclass(frozen=True)
class Starts:
    """Measures by command. What the CLI does for any extension of `az acr`, it also does for `another`.

    `imports` are, by command and of each round, the milliseconds of each of our modules.
    """

    ours: dict[str, Measure]
    another: dict[str, Measure]
    none: dict[str, Measure]
    imports: dict[str, list[list[float]]]


def run(rounds: int) -> Starts:
    """Each round does everything once."""
    with ExitStack() as opened:
        empty, other = (Path(opened.enter_context(tempfile.TemporaryDirectory())) for _ in range(2))
        for name, text in _FILES.items():
            file = other / "nothing" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        ours, *others = (
            opened.enter_context(Bench.on("instant", extensions)) for extensions in ("", str(other), str(empty))
        )
        imports: dict[str, list[list[float]]] = {command: [] for command in SHARED}
        for number in range(rounds + 1):
            for command in SHARED:
                imports[command].append(ours.imports(command, "azext_acrcmk"))
                for bench in (ours, *others):
                    bench.measure(command, command)
            ours.measure(OURS, OURS)
            ours.measure(THEIRS, THEIRS)
            if not number:  # the index of commands is written in the first round
                for bench in (ours, *others):
                    bench.measures.clear()
        return Starts(*(bench.measures for bench in (ours, *others)), imports)
