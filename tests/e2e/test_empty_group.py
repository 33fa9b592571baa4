"""`-g ""` means that no resource group is given, as in core commands: for every command that has the option."""

from __future__ import annotations

import pytest

from tests.harness.commands import COMMANDS
from tests.harness.seed import changes

# What each command says where no group is given; the options that keep it from changing anything.
OPTIONS = {
    "acr cmk check": "-n myregistry",
    "acr cmk enable": "-n myregistry",
    "acr cmk list": "--subscriptions 11111111-1111-4111-8111-111111111111 --query registries",
    "acr cmk migrate": "-n plain --to another --what-if",
    "acr cmk repair": "-n myregistry --what-if",
    "acr cmk restore": "-n myregistry --what-if",
    "acr cmk revoke": "-n myregistry --what-if",
    "acr cmk rotate": "-n myregistry --what-if",
    "acr cmk show": "-n myregistry",
    "acr cmk template": "-n myregistry --only-show-errors",
    "acr cmk wait": "-n myregistry --exists",
    "acr cmk wizard": "-n myregistry",
}


def test_every_command_with_the_option_is_among_them():
    assert sorted(OPTIONS) == sorted(name for name, it in COMMANDS.items() if "resource_group_name" in it.arguments)


@pytest.mark.parametrize("name", sorted(set(OPTIONS) - {"acr cmk enable"}))
def test_is_as_without_it(azure, scene, quick_az, name):
    scene.encrypt()
    scene.officer()
    command = f"{name} {OPTIONS[name]}"
    without, empty = quick_az(command), quick_az(f'{command} -g ""')
    assert (empty.code, empty.out, empty.err) == (without.code, without.out, without.err)
    assert changes(azure) == []


def test_enable_requires_it_either_way(azure, quick_az):
    for group, code in (("", 2), ('-g ""', 1)):
        result = quick_az(f"acr cmk enable -n myregistry {group}")
        assert (result.code, "--resource-group/-g" in result.err, azure.log()) == (code, True, [])
