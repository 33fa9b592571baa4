"""Whatever is typed: no traceback, an exit code of the CLI's, and no request but those that are meant."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from azext_acrcmk.model.ids import HSM_TYPE, IDENTITY_TYPE, REGISTRY_TYPE, VAULT_TYPE
from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION
from tests.harness.commands import COMMANDS
from tests.harness.expected_requests import unexpected_requests
from tests.harness.scene import Scene
from tests.harness.seed import IDENTITY, KEY, REGISTRY, VAULT

EXAMPLES = 60
# What core `az` does by itself, with requests of its own.
CORE = {"cmd", "_change_reference", "_acquire_policy_token"}

# No byte that is not UTF-8, which core `az` can't log, and no `--` for a subscription, which it can't look up.
ODD = [
    *("", " ", ".", "..", "../..", "/", "//", "a/b", "a/../b", "%2e%2e", "%2F", "%252f", "%", "%00"),
    *("?", "a?b=c", "a?api-version=1", "#", "a#b", "a&b=c", ";", "a;b", "*", "$", "{}", "[]", "[system]", "@nofile"),
    *("'", "''", "x' or '1'='1", "x' and name ne 'x", '"', "\\", "..\\..", "`id`", "$(id)", "~", "a,b", "a:b"),
    *("\n", "a\nb", "\r\nX-Header: y", "\t", "\x1b[31m", "\x7f"),
    *("ü", "registr\u0443", "myregistry\u200b", "\u202emyregistry", "\u2126", "\u212aey12", "İstanbul", "١٢٣٤٥"),
    *("-", "--name", "-x", "null", "None", "true", "0", "-1", "1.5", "1e9", "9" * 30, "a" * 300),
]
text = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=12)
odd = st.sampled_from(ODD) | text
near = st.builds("{}{}{}".format, st.sampled_from(ODD), st.sampled_from(["myregistry", "myvault", "rg"]), odd)
anything = odd | near

subscriptions = st.sampled_from([SUBSCRIPTION, OTHER_SUBSCRIPTION, "Sandbox two"])
types = st.sampled_from([REGISTRY_TYPE, VAULT_TYPE, IDENTITY_TYPE, HSM_TYPE, "Microsoft.Web/sites", "microsoft.x/.."])
ids = st.builds(
    "{}/subscriptions/{}/resourceGroups/{}/providers/{}/{}{}".format,
    st.sampled_from(["", "", "", " ", "/", "https://management.azure.com", "https://evil.example"]),
    subscriptions | odd,
    st.sampled_from(["rg", "RG", "other"]) | odd,
    types | odd,
    st.sampled_from([REGISTRY.name, VAULT.name, IDENTITY.name]) | anything,
    st.sampled_from(["", "", "", "/", "//", "/keys/k", "/..", "?x=y", "#f"]),
)
HOSTS = [
    *(f"{VAULT.name}.vault.azure.net", "myhsm.managedhsm.azure.net", "nosuch.vault.azure.net"),
    *("x.vault.azure.net.evil.example", "evil.example", "vault.azure.net", ".vault.azure.net", "x..vault.azure.net"),
    *("x.vault.azure.net.", "x.vault.azure.cn", "xvault.azure.net", "x.y.vault.azure.net"),
    "evil.example/x.vault.azure.net",
    *("x.vault.azur\u0435.net", "x.vault。azure。net", "K.vault.azure.net", "X.VAULT.AZURE.NET", "[::1]", "127.0.0.1"),
    *("x.vault.azure.net%2eevil.example", "evil.example\\@x.vault.azure.net", "x.vault.azure.net\\.evil.example"),
    *("evil.example#.vault.azure.net", "evil.example?.vault.azure.net", "x.vault.azure.net\n.evil.example"),
]
uris = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["https://", "https://", "https://", "http://", "HTTPS://", "//", "ftp://", ""]),
    st.sampled_from(["", "", "", "user@", "user:pass@", "evil.example@", "evil.example:443@", "@"]),
    st.sampled_from(HOSTS) | anything,
    st.sampled_from(["", "", "", ":443", ":8443", ":0", ":", ":-1", ":99999", ":x"]),
    st.sampled_from(["", "/", f"/keys/{KEY}", "/keys/k/", f"/keys/k/{'0' * 32}", "//keys/k", "/secrets/s"])
    | st.builds("/keys/{}".format, anything)
    | st.builds("/keys/k/{}".format, anything)
    | st.builds("/{}/k".format, anything),
)
durations = st.builds(
    "{}{}{}".format, st.sampled_from(["", "P", "PT", "-P"]), odd | st.integers(-9, 999), st.sampled_from("DdwmyYs ")
)
numbers = st.sampled_from(["-1", "0", "1", "2", "86401", "9" * 400, "٣"]) | odd

VALUES = {
    "registry_name": st.sampled_from(["myregistry", "MYREGISTRY", "newregistry", "myregistry.azurecr.io"]) | anything,
    "resource_group_name": st.sampled_from(["rg", "Rg", "new", "nosuch"]) | anything,
    "_subscription": subscriptions | anything,
    "ids": ids | st.just(str(REGISTRY)),
    "key_vault": st.sampled_from([VAULT.name, str(VAULT), "newvault"]) | ids | anything,
    "identity": st.sampled_from([IDENTITY.name, str(IDENTITY), "newidentity"]) | ids | anything,
    "key_name": st.sampled_from([KEY, "newkey"]) | anything,
    "key_encryption_key": uris | st.just(f"https://{VAULT.name}.vault.azure.net/keys/{KEY}"),
    "rotation_period": durations,
    "key_lifetime": durations,
    "location": st.sampled_from(["westeurope", "West Europe"]) | odd,
    "tags": st.builds("{}{}{}".format, odd, st.sampled_from(["", "=", "=="]), odd),
    **dict.fromkeys(("grant_timeout", "retention_days", "expiry_days", "timeout", "interval"), numbers),
}
USUAL = {"registry_name": "myregistry", "resource_group_name": "rg", "timeout": "1", "interval": "1"}


@st.composite
def command_lines(draw):
    """A command with the usual arguments and any of its options, whatever contradicts what."""
    name = draw(st.sampled_from(sorted(COMMANDS)))
    known = {dest: each for dest, each in COMMANDS[name].arguments.items() if dest not in CORE}
    chosen = draw(st.lists(st.sampled_from(sorted(known)), max_size=5, unique=True))
    arguments = name.split()
    for dest in sorted({*chosen, *(USUAL.keys() & known.keys())}):
        settings = known[dest].type.settings
        option = draw(st.sampled_from([str(each) for each in known[dest].options_list]))
        if settings.get("action") == "store_true":
            arguments.append(option)
            continue
        usual = draw(st.booleans()) if dest in chosen else True
        value = USUAL[dest] if usual and dest in USUAL else draw(values_of(dest, settings))
        joined = option.startswith("--") and draw(st.booleans())
        arguments += [f"{option}={value}"] if joined else [option, value]
    output = draw(st.sampled_from(["json", "table", "tsv", "none"]))
    return [*arguments, "--output", output]


def values_of(dest, settings):
    if dest in VALUES:
        return VALUES[dest]
    return st.sampled_from(list(settings["choices"])) | odd if settings.get("choices") else anything


def test_no_command_line_breaks_a_command_or_sends_what_is_unexpected_requests(azure, seed, many_az):
    scene = Scene(azure, seed)
    scene.officer()
    scene.encrypt()

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(command_lines())
    def run(arguments):
        azure.clear_log()
        result = many_az(arguments)
        assert result.code in (0, 1, 2, 3), result
        assert "Traceback" not in result.err, result
        assert "unexpected error" not in result.err, result
        assert unexpected_requests(azure.log()) == [], result

    run()
