"""The questions of the wizard: which are asked, what an answer means, and which command says the same."""

from __future__ import annotations

import inspect
import shlex
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azext_acrcmk import custom
from azext_acrcmk.model.defaults import GRANT_TIMEOUT
from azext_acrcmk.model.ids import HSM_TYPE, ArmId, KeyId
from azext_acrcmk.model.state import ABSENT, Group
from azext_acrcmk.plan import wizard
from azext_acrcmk.plan.command_line import enable_command, option_of, powershell
from azext_acrcmk.plan.wizard import TOPICS, Answer, Asked, Login, finished, next_topic, options_instead
from tests.harness import make
from tests.harness.commands import COMMANDS

LOGIN = Login(make.SUBSCRIPTION, make.TENANT, ".vault.azure.net")
NAMES = ("registry", "group", "location", "identity", "vault", "key", "rotation", "network", "vault network")


class Configured(str):
    """A value of `az config`, as the CLI marks it."""

    is_default = True


def asked(**arguments) -> Asked:
    return Asked(LOGIN, make.NOW, arguments)


def topics(start: Asked, vault=ABSENT) -> list[str]:
    """The questions that are asked, where the vault is then known to be this."""
    found = []
    while topic := next_topic(start):
        found.append(topic.name)
        start = start.answer(topic.name, Answer({}, vault if topic.name == wizard.VAULT else None))
    return found


def hsm():
    id_ = ArmId(make.SUBSCRIPTION, "images", HSM_TYPE, "myhsm")
    return replace(make.vault(make.goal()), id=id_, uri="https://myhsm.managedhsm.azure.net/", kind="managedHSM")


# Which are asked


def test_all_are_asked_where_nothing_is_given():
    assert tuple(topics(asked())) == NAMES
    assert tuple(topic.name for topic in TOPICS) == NAMES


@pytest.mark.parametrize(
    ("argument", "value", "left_out"),
    [
        ("registry_name", "myregistry", {"registry"}),
        ("resource_group_name", "rg", {"group"}),
        ("location", "westeurope", {"location"}),
        ("identity", "id", {"identity"}),
        ("key_vault", "vault", {"vault", "vault network"}),
        ("key_name", "key", {"key"}),
        ("key_encryption_key", make.uri(), {"vault", "key", "rotation", "vault network"}),
        ("rotation", "manual", {"rotation"}),
        ("public_network_enabled", False, {"network"}),
        ("default_action", "Deny", {"network"}),
        ("restrict_vault_network", True, {"vault network"}),
        ("vault_public_network_access", "Disabled", {"vault network"}),
        ("grant_scope", "key", set()),
    ],
)
def test_what_an_option_gave_is_not_asked(argument, value, left_out):
    assert topics(asked(**{argument: value})) == [name for name in NAMES if name not in left_out]


@pytest.mark.parametrize("argument", ["registry_name", "resource_group_name", "location"])
def test_a_configured_default_is_asked_about(argument):
    assert tuple(topics(asked(**{argument: Configured("x")}))) == NAMES


def test_the_network_of_a_vault_that_exists_is_not_asked():
    assert "vault network" not in topics(asked(), make.vault(make.goal()))


def test_a_key_of_a_managed_hsm_is_always_chosen():
    assert "key" in topics(asked(key_name="any"), hsm())


# What an answer means


@pytest.mark.parametrize(("rotation", "version"), [(None, ""), ("auto", ""), ("manual", f"/{make.VERSION}")])
def test_a_key_of_a_managed_hsm_becomes_its_uri(rotation, version):
    key = replace(make.key(make.goal()), id=KeyId("myhsm.managedhsm.azure.net", "k", make.VERSION))
    start = asked(rotation=rotation).answer(wizard.VAULT, Answer({}, hsm())).answer(wizard.KEY, Answer({}, key))
    arguments = finished(start)
    assert arguments["key_encryption_key"] == f"https://myhsm.managedhsm.azure.net/keys/k{version}"
    assert arguments["rotation"] is None


def test_a_key_of_a_vault_keeps_its_name():
    start = asked(rotation="manual").answer(wizard.KEY, Answer({"key_name": "k"}, make.key(make.goal())))
    assert finished(start) == {"rotation": "manual", "key_name": "k"}


def test_the_goal_of_answers_is_that_of_the_same_options():
    answers = asked(registry_name="myregistry", resource_group_name="images", location="westeurope", key_type="RSA")
    assert answers.goal(rotation="manual") == make.goal(rotation="manual", asked_key_type="RSA")


def test_the_group_that_was_chosen_is_known():
    group = Group("/subscriptions/x/resourceGroups/g", "westus")
    start = asked().answer(wizard.GROUP, Answer({"resource_group_name": "g"}, group))
    assert start.found[wizard.GROUP] is group
    assert start.registry.group == "g"


# Those who can't be asked


def test_without_a_terminal_the_options_and_what_lists_candidates_are_named():
    lines = options_instead(asked())
    assert lines[0] == "Specify options instead: az acr cmk enable --name REGISTRY --resource-group GROUP"
    text = "\n".join(lines)
    for command in ("group list", "identity list", "keyvault list", "keyvault key list", "account list-locations"):
        assert f"az {command}" in text
    for option in ("--location", "--identity", "--key-vault", "--key", "--rotation", "--public-network-enabled"):
        assert f"\n{option}" in text


def test_what_options_gave_is_not_named():
    lines = options_instead(asked(registry_name="myregistry", resource_group_name="rg", key_vault="v", rotation="auto"))
    assert lines[0] == "Specify options instead: az acr cmk enable"
    assert not [line for line in lines if line.startswith(("--name", "--resource-group", "--key-vault", "--rotation"))]


@pytest.mark.parametrize("name", ["Upper1", "abc", "my-registry", "", "\x1b[31mred", "a" * 51])
def test_names_that_no_registry_can_have(name):
    assert wizard.registry_name_problem(name)


# The command that says the same


def test_every_argument_of_enable_has_the_option_that_the_command_has():
    arguments = COMMANDS["acr cmk enable"].arguments
    for name in inspect.signature(custom.enable).parameters:
        if name not in ("cmd", "what_if", "yes"):
            assert option_of(name) in [str(each) for each in arguments[name].options_list], name


def test_the_wizard_takes_what_enable_takes():
    of_enable, of_wizard = (set(inspect.signature(each).parameters) for each in (custom.enable, custom.wizard))
    assert of_enable - of_wizard == {"what_if", "yes"}
    assert of_wizard < of_enable


def test_the_command_leaves_out_what_is_not_given():
    arguments = {
        "registry_name": "myregistry",
        "resource_group_name": "rg",
        "location": None,
        "tags": {"team": "my images"},
        "key_name": "-k",
        "grant_scope": "vault",
        "grant_timeout": GRANT_TIMEOUT,
        "skip_grant": False,
        "restrict_vault_network": True,
        "public_network_enabled": False,
        "retention_days": 7,
    }
    assert enable_command(arguments, "s1") == (
        "az acr cmk enable --name myregistry --resource-group rg --tags 'team=my images' --key=-k "
        "--restrict-vault-network --public-network-enabled false --retention-days 7 --subscription s1"
    )


TEXTS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=20)


@given(st.dictionaries(TEXTS, TEXTS, min_size=1, max_size=3), TEXTS)
def test_a_shell_takes_every_value_as_it_is(tags, group):
    words = shlex.split(enable_command({"resource_group_name": group, "tags": tags}))
    assert words[:4] == ["az", "acr", "cmk", "enable"]
    told = "\0".join(words[4:])
    for option in ("--resource-group", "--tags"):
        # Joined by an equals sign where the value looks like an option.
        told = told.replace(f"{option}=-", f"{option}\0-", 1)
    assert told.split("\0") == ["--resource-group", group, "--tags", *(f"{name}={each}" for name, each in tags.items())]


def test_powershell_quotes_otherwise():
    assert powershell("plain") == "plain"
    assert powershell("it's $x") == "'it''s $x'"
