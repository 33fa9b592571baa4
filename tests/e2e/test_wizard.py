"""`az acr cmk wizard` at a pseudo-terminal: its paths, its refusals, and that nothing happens before the end."""

from __future__ import annotations

import json
import re

import pytest

from sandbox.world import OTHER_SUBSCRIPTION
from tests.harness.scene import CLOSED
from tests.harness.seed import KEY, REGISTRY, VAULT, changes, outcomes
from tests.harness.terminal import Person

WIZARD = "acr cmk wizard"
SEARCH = "search for"
NAMED = "-n myregistry -g rg -l westeurope --identity myregistry-cmk"


@pytest.fixture
def person(az):
    """Somebody who starts a command at a terminal."""
    return lambda command, **how: Person(az, command, **how)


def enters(person, count: int) -> None:
    """Takes the default of so many lists."""
    for _ in range(count):
        person.type("", after=SEARCH)


def decides(person, what: str) -> str:
    """Chooses at the end. Returns the review."""
    person.sees("Review + create")
    return person.type(what, after="search for [3]: ")


def asked_command(shown: str) -> str:
    return re.search(r"^az (acr cmk enable .*)$", shown, re.MULTILINE)[1]


def test_from_nothing_to_an_encrypted_registry(azure, seed, az, person):
    """All by Enter but the name and the location: a new group, and all in it. Then by the command that it shows."""
    someone = person(WIZARD, redirected=True)
    someone.type("My-Registry", after="Name: ")
    someone.sees("is not a valid registry name")
    someone.type("myregistry", after="Name: ")
    someone.type("", after="search for [1]: ")
    someone.type("euro", after=f"{SEARCH}: ")
    someone.type("westeurope", after=SEARCH)
    enters(someone, 6)
    review = decides(someone, "create")
    result = someone.ends()
    # Standard output is a file, and has only the result.
    made = json.loads(result.ok().out)
    assert made["health"] == "healthy"
    assert set(outcomes(made).values()) == {"created"}
    assert azure.pull("myregistry")["status"] == 200
    assert "+ create   myregistry  (irreversible)" in review
    lasting = review.partition("Can't be undone:")[2].partition("The same without questions:")[0]
    assert "can't be purged for 90 days" in lasting.replace("\n", " ")
    assert "encryption can't be disabled later" in lasting.replace("\n", " ")
    again = az(asked_command(review)).json()
    assert set(outcomes(again).values()) == {"reused"}


@pytest.mark.parametrize("how", ["leave", "\x04", "at once"])
def test_leaving_changes_nothing(azure, seed, person, how):
    someone = person(f"{WIZARD} {NAMED}")
    if how == "at once":
        someone.type("\x04", after=SEARCH)
    else:
        enters(someone, 5)
        decides(someone, how)
    result = someone.ends()
    assert result.code == (0 if how == "leave" else 1), result
    assert "Nothing was changed." in result.err
    assert (result.out, changes(azure)) == ("", [])
    assert "Traceback" not in result.err


def test_ctrl_c_leaves(azure, seed, person):
    someone = person(f"{WIZARD} {NAMED}", controlling=True)
    someone.type("\x03", after=SEARCH)
    result = someone.ends()
    assert (result.code, result.out, changes(azure)) == (1, "", [])
    assert "The wizard was canceled. Nothing was changed." in result.err
    assert "Traceback" not in result.err


def test_a_terminal_that_is_resized(azure, seed, person):
    """What is shown next fits."""
    seed.encrypted()
    someone = person(f"{WIZARD} -n another1 -g rg -l westeurope", controlling=True, columns=120)
    wide = someone.sees(SEARCH)
    assert max(map(len, wide.split("\n"))) < 120
    someone.resize(44)
    someone.type("", after=": ")
    narrow = someone.type("", after=SEARCH)
    lines = narrow.split("\n")[2:]
    assert max(map(len, lines)) < 44, lines
    assert any(line.endswith("...") for line in lines)
    someone.type("\x04", after=SEARCH)
    assert someone.ends().code == 1


def test_what_speaks_against_a_vault_and_a_key_is_told(azure, seed, person):
    """The impossible is listed and not chosen; back; search."""
    azure.settings(require_purge_protection=False)
    place = str(VAULT).rpartition("/")[0]
    seed.vault(f"{place}/closed", networkAcls=CLOSED)
    seed.vault(f"{place}/unprotected", enablePurgeProtection=None)
    seed.vault(f"{place}/policies", enableRbacAuthorization=False)
    seed.key(f"{place}/policies", "curve", kty="EC")
    seed.key(f"{place}/policies", "good")
    for number in range(30):
        seed.vault(f"{place}/many{number:02}")
    someone = person(f"{WIZARD} {NAMED}")
    listed = someone.sees(SEARCH)
    assert re.search(r"^   2  another name or ID", listed, re.MULTILINE)
    assert "more: type a part of the name to search" in listed
    someone.type("closed", after=": ")
    found = someone.type("unpro", after=f"{SEARCH}: ").replace("\n      ", " ")
    assert "Can't be chosen: The firewall of key vault 'closed'" in found
    assert "has no purge protection" in someone.type("policies", after=SEARCH)
    keys = someone.type("curve", after=SEARCH)
    assert re.search(r"^   -  curve +EC", keys, re.MULTILINE)
    assert "registries support RSA and RSA-HSM only" in keys.replace("\n      ", " ")
    # Not chosen: it is shown again.
    assert "Can't be chosen: " in someone.type("<", after=f"{SEARCH}: ")
    someone.type("policies", after="Key vault")
    someone.type("good", after=SEARCH)
    enters(someone, 2)
    review = decides(someone, "create")
    command = asked_command(review)
    assert "--key-vault policies --key good" in command
    assert someone.ends().ok()
    assert seed.get(REGISTRY)["properties"]["encryption"]["status"] == "enabled"


def test_what_can_not_be_undone_is_told_before_it_is_chosen(azure, seed, person):
    """Then it is not asked for again."""
    azure.settings(require_purge_protection=False)
    seed.vault(str(VAULT).replace(VAULT.name, "unprotected"), enablePurgeProtection=None)
    someone = person(f"{WIZARD} {NAMED}")
    someone.type("unprotected", after=SEARCH)
    enters(someone, 3)
    review = decides(someone, "create")
    lasting = review.partition("Can't be undone:")[2].partition("The same without questions:")[0]
    assert "- unprotected: Purge protection is enabled; it can never be disabled." in lasting
    assert someone.ends().ok()
    vault = seed.get(str(VAULT).replace(VAULT.name, "unprotected"))
    assert vault["properties"]["enablePurgeProtection"] is True


def test_a_name_that_is_taken_is_told_while_one_is_there(azure, seed, person):
    seed.registry()
    someone = person(f"{WIZARD} -g rg -l westeurope")
    someone.type("myregistry", after="Name: ")
    someone.sees("already in use")
    someone.type("another1", after="Name: ")
    someone.sees("Identity")
    someone.type("\x04", after=SEARCH)
    assert someone.ends().code == 1
    assert changes(azure) == []


def test_configured_defaults_are_the_entries_that_enter_takes(azure, seed, az, person):
    seed.group("aaa")
    az.environment |= {"AZURE_DEFAULTS_GROUP": "rg", "AZURE_DEFAULTS_LOCATION": "northeurope"}
    someone = person(f"{WIZARD} -n myregistry")
    groups = someone.type("", after="search for [3]: ")
    assert re.search(r"^\*  3  rg ", groups, re.MULTILINE)
    places = someone.type("", after="search for [1]: ")
    assert re.search(r"^\*  1  northeurope$", places, re.MULTILINE)
    assert re.search(r"^   2  westeurope +of the resource group", places, re.MULTILINE)
    enters(someone, 6)
    review = decides(someone, "leave")
    assert "--resource-group rg --location northeurope" in asked_command(review)
    assert someone.ends().ok()


def test_back_to_the_question_before(azure, seed, person):
    """From the review too; what was answered is asked again."""
    someone = person(f"{WIZARD} {NAMED}")
    someone.type("2", after="Key vault")
    someone.type("othervault", after="Name or ID of the key vault: ")
    someone.type("<", after="Key\n")
    someone.type("", after="Key vault")
    enters(someone, 3)
    someone.type("2", after="Network of the new key vault")
    someone.type("<", after="search for [3]: ")
    someone.type("1", after="Network of the new key vault")
    review = decides(someone, "leave")
    assert "othervault" not in review
    assert "--restrict-vault-network" not in review
    assert someone.ends().ok()
    assert changes(azure) == []


def test_a_key_in_a_managed_hsm(azure, seed, person):
    seed.key(seed.hsm(), kty="RSA-HSM", keyOps=["wrapKey", "unwrapKey"])
    someone = person(f"{WIZARD} {NAMED}")
    someone.type("myhsm", after=SEARCH)
    someone.type(KEY, after=SEARCH)
    someone.type("manual", after=SEARCH)
    enters(someone, 1)
    review = decides(someone, "create")
    assert re.search(rf"--key-encryption-key https://myhsm\.managedhsm\.azure\.net/keys/{KEY}/[0-9a-f]{{32}} ", review)
    assert someone.ends().ok()
    assert azure.pull("myregistry")["status"] == 200


def test_an_id_of_another_subscription_is_typed(azure, seed, person):
    seed.group("elsewhere", subscription=OTHER_SUBSCRIPTION)
    vault = str(VAULT).replace(VAULT.subscription, OTHER_SUBSCRIPTION).replace("/rg/", "/elsewhere/")
    seed.key(seed.vault(vault), "theirs")
    someone = person(f"{WIZARD} {NAMED}")
    someone.type("2", after=SEARCH)
    someone.type(vault, after="Name or ID of the key vault: ")
    someone.type("theirs", after=SEARCH)
    enters(someone, 2)
    review = decides(someone, "leave")
    assert f"--key-vault {vault} --key theirs" in review
    assert someone.ends().ok().out == ""


@pytest.mark.parametrize("exists", [False, True])
def test_save_as_template(azure, seed, az, person, tmp_path, exists):
    """It is what `template` writes. A file that exists is replaced only after yes."""
    file = tmp_path / "azuredeploy.json"
    if exists:
        file.write_text("mine")
    someone = person(f"{WIZARD} {NAMED}")
    enters(someone, 5)
    review = decides(someone, "save as template")
    someone.type("", after="search for [1]: ")
    someone.type(str(file), after="File [azuredeploy.json]: ")
    if exists:
        someone.type("n", after="Replace it? (y/N): ")
        assert file.read_text() == "mine"
        someone.type(str(file), after="File [azuredeploy.json]: ")
        someone.type("y", after="Replace it? (y/N): ")
    result = someone.ends().ok()
    assert "Next: az deployment group create" in result.err
    assert (result.out, changes(azure)) == ("", [])
    same = asked_command(review).replace("acr cmk enable", "acr cmk template")
    assert json.loads(file.read_text()) == az(same).json()


def test_what_blocks_the_command_does_not_block_a_template(azure, seed, az_as, tmp_path):
    """Somebody who can only read may hand the template to others."""
    reader = az_as(azure.principal(("Reader", f"/subscriptions/{REGISTRY.subscription}")))
    someone = Person(reader, f"{WIZARD} {NAMED}")
    enters(someone, 5)
    someone.sees("Review + create")
    shown = someone.type("create", after=f"{SEARCH} [2]: ")
    assert re.search(r"^x blocked", shown, re.MULTILINE)
    assert "-  create" in shown
    someone.type("save as template", after=SEARCH)
    someone.type("sh", after=SEARCH)
    someone.type(str(tmp_path / "registry.sh"), after="File [registry.sh]: ")
    assert someone.ends().ok()
    assert "az acr create" in (tmp_path / "registry.sh").read_text()


def test_a_plan_with_problems_can_only_be_left(azure, seed, person):
    """The registry is there, without a key of ours: that was given by options, and is judged by the plan."""
    seed.registry()
    someone = person(f"{WIZARD} {NAMED} --key-vault keys1 --key k --rotation auto --public-network-enabled true "
                     "--restrict-vault-network")  # fmt: skip
    someone.sees("Review + create")
    shown = someone.type("", after="search for [1]: ")
    assert "exists and is not encrypted with a customer-managed key" in shown.replace("\n", " ")
    assert "-  create" in shown
    assert "-  save as template" in shown
    assert someone.ends().ok()
    assert changes(azure) == []


def test_hostile_names_are_shown_without_control_characters(azure, seed, person):
    """What Azure says is not believed to be harmless."""
    seed.group("hostile")
    azure.fault("alter", method="GET", path="resourceGroups$", put={"value/*/location": "x\u001b[31m\u202e"})
    someone = person(f"{WIZARD} -n myregistry")
    someone.type("\x04", after=SEARCH)
    shown = someone.ends().err
    assert "x [31m?" in shown
    assert "\x1b[31m" not in shown


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("resourceGroups$", "resource groups"),
        ("providers/Microsoft.ContainerRegistry$", "locations"),
        ("userAssignedIdentities$", "user-assigned identities"),
        ("vaults$", "key vaults"),
    ],
)
def test_a_list_that_azure_does_not_give_ends_nothing(azure, seed, person, path, what):
    """Whatever it answers, names can be typed."""
    azure.fault("alter", method="GET", path=path, body="unheard of", times=9)
    given = {"resource groups": "", "locations": "-g rg"}.get(what, "-g rg -l westeurope")
    given += " --identity myregistry-cmk" if what == "key vaults" else ""
    someone = person(f"{WIZARD} -n myregistry {given}")
    told = someone.type("\x04", after="Location [westeurope]: " if what == "locations" else SEARCH)
    assert f"Could not read which {what} exist" in told
    result = someone.ends()
    assert result.code == 1
    assert "Traceback" not in result.err


def test_a_slow_list_is_told_and_leaves_no_trace(azure, seed, person):
    azure.fault("delay", method="GET", path="KeyVault/vaults$", seconds=3600)
    someone = person(f"{WIZARD} {NAMED}")
    someone.sees("\r\x1b[K  Reading key vaults (")
    azure.advance(3600)
    after = someone.type("\x04", after=SEARCH)
    assert "\r\x1b[K\nKey vault\n" in after
    assert someone.ends().code == 1


REFUSED = ("az group list", "az identity list", "az keyvault list", "az keyvault key list", "--resource-group GROUP")


def test_without_a_terminal_it_names_the_options(azure, seed, az):
    result = az(f"{WIZARD} -n myregistry")
    assert (result.code, result.out, azure.log()) == (1, "", [])
    for words in REFUSED:
        assert words in result.err
    assert "--name " not in result.err.split("enable", 1)[1].split("\n")[0]


@pytest.mark.parametrize("redirection", ["2>log", "<answers"])
def test_half_a_terminal_is_none(azure, seed, az, person, redirection):
    """Neither answers from a file nor questions into one."""
    (az.directory / "answers").write_text("myregistry\n")
    someone = person(WIZARD, redirected=True, **{"told" if ">" in redirection else "given": False})
    result = someone.ends()
    assert (result.code, result.out, azure.log()) == (1, "", [])


def test_without_permission_to_list_names_are_typed(azure, seed, scene, az_as):
    blind = scene.reader_without("Microsoft.KeyVault/vaults/read", "Microsoft.Resources/subscriptions/providers/read")
    someone = Person(az_as(blind), f"{WIZARD} -n myregistry -g rg --identity myregistry-cmk")
    told = someone.type("", after="Location [westeurope]: ").replace("\n", " ")
    assert "You don't have permission to read which locations exist" in told
    assert "You don't have permission to read which key vaults exist" in someone.sees(SEARCH).replace("\n", " ")
    someone.type("2", after=": ")
    someone.type("x", after="Name or ID of the key vault: ")
    someone.sees("is not a valid key vault name")
    someone.type("\x04", after="Name or ID of the key vault: ")
    assert someone.ends().code == 1
