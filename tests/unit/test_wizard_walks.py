"""Whatever is typed, the wizard goes on or ends; and the command that it shows is one that `enable` takes."""

from __future__ import annotations

import io
import re
import shlex
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azext_acrcmk.model.goal import enable_goal
from azext_acrcmk.model.ids import HSM_TYPE, IDENTITY_TYPE, REGISTRY_TYPE, VAULT_TYPE, ArmId, KeyId, Scope
from azext_acrcmk.model.state import ABSENT, Group, Identity, Unknown, Vault
from azext_acrcmk.operations import wizard
from azext_acrcmk.operations.enable import Prepared
from azext_acrcmk.operations.terminal import Terminal
from azext_acrcmk.plan.enable import plan_enable
from tests.harness import make
from tests.harness.commands import CLI, COMMANDS

HERE = f"/subscriptions/{make.SUBSCRIPTION}/resourceGroups"
GROUPS = (Group(Scope(f"{HERE}/rg"), "westeurope"), Group(Scope(f"{HERE}/other"), "eastus"))
HIDDEN = Unknown("Microsoft.KeyVault/vaults/read", "/subscriptions/s")


def vault(name, group="rg", **changes):
    made = Vault(
        ArmId(make.SUBSCRIPTION, group, VAULT_TYPE, name),
        f"https://{name}.vault.azure.net/",
        "westeurope",
        purge_protection=True,
        tenant=make.TENANT,
    )
    return replace(made, **changes)


HSM = vault("myhsm", id=ArmId(make.SUBSCRIPTION, "rg", HSM_TYPE, "myhsm"), kind="managedHSM", permission_model=None)
HSM = replace(HSM, uri="https://myhsm.managedhsm.azure.net/")
VAULTS = (
    vault("plain"),
    vault("elsewhere", "other", permission_model="access-policy"),
    vault("closed", default_action="Deny", bypass="None"),
    HSM,
)
IDENTITIES = tuple(
    Identity(ArmId(make.SUBSCRIPTION, group, IDENTITY_TYPE, name), "x", make.CLIENT, make.PRINCIPAL, make.TENANT)
    for group, name in (("rg", "id1"), ("other", "id2"))
)


def keys(_clients, store):
    """A good key, and one that registries do not support."""
    good = replace(make.key(make.goal()), id=KeyId(store.host, "good", make.VERSION))
    bad = replace(good, id=KeyId(store.host, "bad", make.VERSION), type="EC")
    return tuple((each.id.with_version(None), each) for each in (good, bad))


class Progress:
    @contextmanager
    def during(self, _text):
        yield

    paused = contextmanager(lambda self: (yield))


LOGIN = SimpleNamespace(
    subscription=make.SUBSCRIPTION,
    subscriptions=(make.SUBSCRIPTION,),
    tenant=make.TENANT,
    vault_suffix=".vault.azure.net",
    tenants=(),
)
SESSION = SimpleNamespace(login=LOGIN, now=make.NOW, progress=Progress(), clients=None)


def goal_of(_session, name, group, options):
    id_ = ArmId(make.SUBSCRIPTION, group, REGISTRY_TYPE, name)
    return enable_goal(id_, make.TENANT, ".vault.azure.net", **options)


def planned(_session, goal):
    """As if all that was named existed, and else nothing."""
    seen = next((each for each in VAULTS if each.host == goal.key.host), ABSENT)
    there = {each.id: each for each in IDENTITIES}
    state = replace(make.nothing(goal), identity=there.get(goal.identity, ABSENT), vault=seen)
    group = next((each for each in GROUPS if each.id == goal.registry.group_id), ABSENT)
    state = replace(state, groups=((goal.registry.group_id.lower(), group),))
    if isinstance(seen, Vault):
        found = [key for id_, key in keys(None, seen) if id_.same_key(goal.key)]
        state = replace(state, key=found[0] if found else ABSENT)
    plan = plan_enable(goal, state, make.NOW)
    return Prepared(goal, state, plan, [])


@pytest.fixture(scope="module", autouse=True)
def azure():
    """Lists without an Azure."""
    seen = {
        "list_groups": lambda *_: GROUPS,
        "list_locations": lambda *_: ("eastus", "westeurope"),
        "list_identities": lambda *_: IDENTITIES,
        "list_vaults": lambda *_: VAULTS,
        "list_keys": keys,
        "get_group": lambda _clients, id_: next((each for each in GROUPS if each.id == id_), ABSENT),
        "get_identity": lambda _clients, id_: next((each for each in IDENTITIES if each.id == id_), ABSENT),
        "get_registry_name_problem": lambda _clients, id_: "It is taken." if id_.name == "taken1" else None,
        "locate_vault": lambda _clients, goal, *_: (
            goal,
            next((each for each in VAULTS if each.id == goal.vault), ABSENT),
        ),
        "goal_of": goal_of,
        "planned": planned,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, made in seen.items():
            patch.setattr(wizard, name, made)
        yield


WORDS = [
    *["", "", "", "1", "2", "3", "4", "99", "<", "*", "rg", "other", "myregistry", "taken1", "Bad-Name", "westeurope"],
    *["id1", "id2", "plain", "elsewhere", "closed", "myhsm", "good", "bad", "manual", "auto", "private", "new-one"],
    *[
        "create",
        "leave",
        "save as template",
        f"good/{make.VERSION}",
        str(VAULTS[1].id),
        str(HSM.id),
        "/subscriptions/x",
    ],
    *["\x1b[2J", "-x"],
]
# What is right at most questions, with something else in between.
LINES = st.lists(st.sampled_from(["", "", "1", "2", "westeurope", "good"]) | st.sampled_from(WORDS), max_size=40)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "registry_name": st.just("myregistry"),
        "resource_group_name": st.sampled_from(["rg", "nosuch"]),
        "location": st.just("westeurope"),
        "identity": st.sampled_from(["id1", str(IDENTITIES[1].id)]),
        "key_vault": st.sampled_from(["plain", "nosuch", str(VAULTS[1].id)]),
        "key_name": st.sampled_from(["good", "-k"]),
        "rotation": st.sampled_from(["auto", "manual"]),
        "grant_scope": st.just("key"),
        "public_network_enabled": st.booleans(),
        "tags": st.just({"a": "b c"}),
        "skip_grant": st.just(True),
    },
)


def walk(options, lines):
    """The decision, if there is one, and what was shown."""
    shown = io.StringIO()
    terminal = Terminal(io.StringIO("".join(f"{line}\n" for line in lines)), shown)
    try:
        return wizard.Conversation(SESSION, terminal).lead(options), shown.getvalue()
    except EOFError:
        return None, shown.getvalue()


def assert_command_is_valid(command):
    """As the CLI and our validators see it."""
    parsed = CLI.invocation.parser.parse_args(shlex.split(command)[1:])
    assert parsed.command == "acr cmk enable"
    parsed.cmd = COMMANDS[parsed.command]
    CLI.invocation._validation(parsed)


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(OPTIONS, LINES)
def test_whatever_is_typed(options, lines):
    decision, shown = walk(options, lines)
    assert not [each for each in shown if not each.isprintable() and each != "\n"]
    for command in re.findall(r"^az acr cmk enable .*$", shown, re.MULTILINE):
        assert_command_is_valid(command)
    if decision:
        assert decision.action in ("create", "save", "leave")
        assert decision.arguments["registry_name"]


def test_walks_reach_the_end():
    """So that the property above is about something."""
    decision, shown = walk({}, ["myregistry", "rg", "", "id1", "plain", "good", "", "", "create"])
    assert decision.action == "create", shown
    decision, shown = walk({}, ["myregistry", "rg", "", "", "myhsm", "good", "manual", "", "create"])
    assert decision.arguments["key_encryption_key"].endswith(f"/keys/good/{make.VERSION}"), shown
    decision, shown = walk({"registry_name": "myregistry"}, ["", "westeurope", "", "", "", "", "", "2", "create"])
    assert decision.arguments["restrict_vault_network"] is True, shown


def test_what_can_not_be_listed_is_asked_for(monkeypatch):
    for name in ("list_groups", "list_locations", "list_identities", "list_vaults"):
        monkeypatch.setattr(wizard, name, lambda *_: HIDDEN)
    decision, shown = walk({}, ["myregistry", "2", "rg", "", "2", "id1", "2", "plain", "good", "", "", "create"])
    assert decision.action == "create", shown
    assert shown.count("You don't have permission to read") == 4
