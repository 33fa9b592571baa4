"""Writes templates/: the tutorial's case, a registry and all that it takes in one resource group, in every format.

In templates/existing/ is the case where identity, vault and key exist, as a Resource Manager template and its form.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from azext_acrcmk.model.goal import enable_goal
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId
from azext_acrcmk.model.state import ABSENT, Group, Identity, Key, State, Unknown, Vault
from azext_acrcmk.output.template.formats import FORMATS
from azext_acrcmk.output.template.parts import Parts, parts_of
from azext_acrcmk.plan.enable import plan_enable

DIRECTORY = Path(__file__).parent.parent / "templates"
_NOBODY = "00000000-0000-0000-0000-000000000000"
_NAMES = {"arm": "azuredeploy", "form": "azuredeploy.form", "sh": "registry"}


def texts() -> dict[str, str]:
    """By their paths in the directory. Each of Terraform's is in a folder of its own."""
    id_ = ArmId(_NOBODY, "mygroup", REGISTRY_TYPE, "myregistry")
    goal = enable_goal(id_, _NOBODY, ".vault.azure.net", location="westeurope")
    state = State(
        registry=ABSENT,
        identity=ABSENT,
        vault=ABSENT,
        key=ABSENT,
        version_in_use=Unknown(denied=False),
        roles=(),
        groups=((id_.group_id.lower(), Group(id_.group_id, "westeurope")),),
    )
    there = replace(
        state,
        identity=Identity(goal.identity, "westeurope", _NOBODY, _NOBODY),
        vault=Vault(goal.vault, f"https://{goal.key.host}/", "westeurope", purge_protection=True),
        key=Key(goal.key.with_version("0" * 32), "RSA", 2048),
    )
    existing = _written(parts_of(plan_enable(goal, there)), ("arm", "form"))
    return {
        **_written(parts_of(plan_enable(goal, state)), tuple(FORMATS)),
        **{f"existing/{path}": text for path, text in existing.items()},
    }


def _written(parts: Parts, formats: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in formats:
        form = FORMATS[name]
        folder = f"{name}/main" if form.suffix == ".tf" else _NAMES.get(name, "main")
        written = form.write(parts)
        if form.is_json:
            written = json.dumps(written, indent=2) + "\n"
        for file, text in (written if isinstance(written, dict) else {"": written}).items():
            found[file or f"{folder}{form.suffix}"] = text
    return found


if __name__ == "__main__":
    for path, text in texts().items():
        (DIRECTORY / path).parent.mkdir(parents=True, exist_ok=True)
        (DIRECTORY / path).write_text(text, encoding="utf-8")
