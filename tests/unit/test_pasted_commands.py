"""Every command that is printed can be pasted into a shell: it comes out as the words it was made of."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from dataclasses import replace

import pytest

from azext_acrcmk.model.goal import enable_goal
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId
from azext_acrcmk.model.preflight import Lock, Preflight
from azext_acrcmk.model.state import ABSENT, DeletedKey, DeletedVault, State
from azext_acrcmk.plan.enable import plan_enable
from azext_acrcmk.plan.restrictions import locked
from azext_acrcmk.rules import examine
from tests.harness import make

GROUP = "rg-(prod).x"
SHELLS = [shell for shell in ("bash", "zsh", "dash") if shutil.which(shell)]
ODD = ArmId(make.SUBSCRIPTION, GROUP, REGISTRY_TYPE, "myregistry")
COMMAND = re.compile(r"(?:^|[ :`])(az [a-z].*?)(?:`|$)", re.MULTILINE)


def odd_goal(**options):
    return enable_goal(ODD, make.TENANT, ".vault.azure.net", location="westeurope", **options)


def reached() -> State:
    """All in a group whose name means something to a shell."""
    goal = odd_goal()
    state = make.reached(goal)
    registry = replace(state.registry, id=ODD)
    return replace(state, registry=registry, groups=((ODD.group_id.lower(), make.group()),))


def states() -> list[State]:
    good = reached()
    key, registry = good.key, good.registry
    plain = replace(registry, encryption=replace(registry.encryption, status="disabled"))
    other = replace(good.identity, client_id="c0000000-0000-4000-8000-00000000000c")
    return [
        replace(good, registry=plain),
        replace(good, registry=replace(plain, provisioning_state="Failed")),
        replace(good, registry=replace(registry, sku="Standard", content_trust=True, provisioning_state="Failed")),
        replace(good, registry=replace(registry, attached=())),
        replace(good, identity=ABSENT),
        replace(good, identity=other),
        replace(good, roles=()),
        replace(good, key=DeletedKey(key.id.name)),
        replace(good, vault=DeletedVault(good.vault.id, "westeurope", True)),
        replace(good, vault=replace(good.vault, default_action="Deny", bypass="None", purge_protection=False)),
        replace(good, version_in_use=replace(key, enabled=False), key=replace(key, enabled=False)),
        replace(good, version_in_use=replace(key, operations=frozenset({"sign"}))),
        replace(good, version_in_use=replace(key, not_before=make.NOW.replace(year=2030))),
        replace(good, key=replace(key, id=key.id.with_version(make.NEWER))),
    ]


def printed() -> set[str]:
    """The commands of findings, and of what `enable` is refused with."""
    texts = []
    for state in states():
        for finding in examine(state, make.NOW).findings:
            texts += [finding.fix or "", *finding.verdict.advice]
        for goal in (odd_goal(), odd_goal(identity="other"), odd_goal(key_name="other"), odd_goal(skip_grant=True)):
            texts += [line for problem in plan_enable(goal, state, make.NOW).problems for line in problem.advice]
    plan = plan_enable(odd_goal(), State(ABSENT, ABSENT, ABSENT, ABSENT, groups=reached().groups), make.NOW)
    lock = Lock(ODD.group_id.lower(), "a (lock)", read_only=True)
    texts += [each.reason for each in locked(plan, Preflight(locks=(lock,)))]
    return {found for text in texts for found in COMMAND.findall(text)}


COMMANDS = sorted(printed())


def test_there_are_commands_with_the_group_in_them():
    assert len(COMMANDS) > 10
    assert sum(GROUP in command for command in COMMANDS) > 5


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_takes_each_as_it_is_meant(shell):
    script = 'az() { printf "%s\\n" "$@"; echo --end--; }\n' + "\n".join(COMMANDS)
    done = subprocess.run([shell, "-c", script], capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    taken = [block.strip("\n").split("\n") for block in done.stdout.split("--end--\n") if block]
    assert taken == [shlex.split(command)[1:] for command in COMMANDS]


def test_that_of_a_lock_is_among_them():
    assert [command for command in COMMANDS if command.startswith("az lock delete --ids '")]


def test_none_has_a_placeholder_that_a_shell_takes_for_a_redirection():
    assert not [command for command in COMMANDS if re.search(r"[<>]", command)]
