"""Whatever Azure answers: no traceback, and no token to a host outside the cloud."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.server.alterations import ALTERATIONS
from sandbox.world import SUBSCRIPTION
from tests.harness.expected_requests import unexpected_requests
from tests.harness.scenarios import SCENARIOS
from tests.harness.scene import Scene
from tests.harness.seed import ENABLE, KEY, VAULT, changes

EXAMPLES = 60
CHANGED = 2  # examples of each scenario

LINK = "https://evil.example/next"
LINKS = [
    LINK,
    "http://management.azure.com/next",
    "https://management.azure.com.evil.example/next",
    "https://management.azure.com@evil.example/next",
    "https://management.azure.com:443@evil.example/next",
    "https://evil.example\\@management.azure.com/next",
    "https://evil.example\\.management.azure.com/next",
    "https://evil.example#.management.azure.com/next",
    "https://evil.example?.management.azure.com/next",
    "https://evilmanagement.azure.com/next",
    "https://evil.example%2f.management.azure.com/next",
]
SHOW, CHECK, FRESH = "acr cmk show -n myregistry", "acr cmk check -n myregistry", f"{ENABLE} -l westeurope"
ROTATE = "acr cmk rotate -n myregistry -g rg --yes"
# Where answers have several pages, and a command that reads them.
LISTS = [
    ("roleAssignments$", SHOW),
    ("deletedVaults$", f"{ENABLE} --key-vault nosuchvault"),
]
# Those that only serve a remark: it is unknown, and the command goes on.
REMARKS = [
    ("registries$", "KeyShared"),
    ("denyAssignments$", "DenialsUnknown"),
    ("userAssignedIdentities$", "IdentityUnknown"),
]


def encrypted(azure, seed):
    scene = Scene(azure, seed)
    scene.officer()
    return scene.encrypt()


def assert_well(azure, result):
    assert result.code in (0, 1, 2, 3), result
    assert "Traceback" not in result.err, result
    assert "unexpected error" not in result.err, result
    assert result.err.count("ERROR: ") <= 1, result
    assert unexpected_requests(azure.log()) == [], result


def assert_refused(azure, result, *words):
    """The command has failed and says why, and nothing was sent to where it was led."""
    assert_well(azure, result)
    assert result.code == 1, result
    for word in ("Unexpected response from Azure", *words):
        assert word in result.err, result


def assert_unknown(azure, result, code, *words):
    """The command goes on; what a finding is about is unknown, and why is said."""
    assert_well(azure, result)
    (row,) = [row for row in json.loads(result.out) if row["code"] == code]
    assert row["status"] in ("unknown", "failed"), row
    for word in words:
        assert word in row["message"], row


@pytest.mark.parametrize("link", LINKS)
def test_a_link_to_the_next_page_on_another_host(azure, seed, many_az, link):
    encrypted(azure, seed)
    azure.fault("alter", path="/roleAssignments$", put={"nextLink": link})
    result = many_az(SHOW.split())
    assert_well(azure, result)
    assert result.code == 1


@pytest.mark.parametrize(("path", "command"), LISTS)
def test_every_list_keeps_to_its_host(azure, seed, many_az, path, command):
    encrypted(azure, seed)
    azure.fault("alter", path=path, put={"nextLink": LINK})
    assert_refused(azure, many_az(command.split()), "evil.example", "No request was sent there.")


@pytest.mark.parametrize(("path", "code"), REMARKS)
def test_every_list_that_serves_a_remark_keeps_to_its_host(azure, seed, many_az, path, code):
    scene = encrypted(azure, seed)
    if "Identities" in path:
        scene.detach_identity()
    azure.fault("alter", path=path, put={"nextLink": LINK}, times=99)
    assert_unknown(azure, many_az(CHECK.split()), code, "No request was sent there")


@pytest.mark.parametrize("header", ["Azure-AsyncOperation", "Location"])
def test_an_operation_that_is_followed_on_another_host(azure, many_az, header):
    azure.fault("alter", method="PUT", path="registries/", headers={"Azure-AsyncOperation": None, header: LINK})
    result = many_az(FRESH.split())
    assert_well(azure, result)
    if result.code:
        assert_refused(azure, result, "evil.example", "possibly registry")
    assert many_az(FRESH.split()).code == 0


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_to_another_host(azure, seed, many_az, status):
    encrypted(azure, seed)
    azure.fault("status", path="registries/myregistry$", status=status, headers={"Location": LINK})
    assert_refused(azure, many_az([*SHOW.split(), "-g", "rg"]), "evil.example")


@pytest.mark.parametrize(
    "host", ["evil.example", f"evil.example/{VAULT.name}.vault.azure.net", "vault.azure.net.evil.example"]
)
def test_a_vault_that_says_it_is_on_another_host(azure, seed, many_az, host):
    encrypted(azure, seed)
    azure.fault("alter", path=f"vaults/{VAULT.name}$", put={"properties/vaultUri": f"https://{host}/"}, times=9)
    result = many_az(ROTATE.split())
    assert_well(azure, result)
    assert result.code == 1
    assert "evil.example" in result.err


@pytest.mark.parametrize(
    "challenge",
    [
        'Bearer authorization="https://login.microsoftonline.com/t", resource="https://management.azure.com"',
        'Bearer authorization="https://login.microsoftonline.com/t", resource="https://evil.example"',
        'Bearer authorization="https://evil.example/t", scope="https://evil.example/.default"',
    ],
)
def test_a_vault_that_asks_for_a_token_for_something_else_gets_none(azure, seed, many_az, challenge):
    encrypted(azure, seed)
    azure.fault("status", path="^[^/]*vault", status=401, headers={"WWW-Authenticate": challenge}, times=9)
    result = many_az(ROTATE.split())
    assert_well(azure, result)
    assert result.code == 1
    assert [each["caller"] for each in azure.log() if "vault" in each["host"]] == [None]


def test_pages_in_a_circle_end(azure, seed, many_az):
    encrypted(azure, seed)
    in_circles(azure, f"{VAULT}/keys/{KEY}/providers/Microsoft.Authorization/roleAssignments", "2022-04-01")
    assert_refused(azure, many_az(SHOW.split()), "links back to itself")
    in_circles(azure, f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerRegistry/registries", "2025-04-01")
    assert_unknown(azure, many_az(CHECK.split()), "KeyShared", "links back to itself")


def in_circles(azure, list_, version):
    azure.clear_faults()
    link = f"https://management.azure.com{list_}?api-version={version}"
    azure.fault("alter", path=f"{list_}$", put={"nextLink": link}, times=99)


JSON = {"Content-Type": "application/json"}
DEEP = "[" * 20_000
NO_OBJECTS = ["<html>", "", "null", "[]", "7", '"text"', '{"id": "/sub', "{}", DEEP, '{"a": 1e999}']
BODIES = [
    ("<html><body>Bad gateway</body></html>", {"Content-Type": "text/html"}),
    *((body, JSON) for body in NO_OBJECTS),
    ("{}", {"Content-Type": "application/json; charset=nonsense"}),
    ("{}", {"Content-Encoding": "gzip"}),
    ("\x00\x01", {"Content-Type": "application/octet-stream"}),
]
HEADERS = [
    *({"Retry-After": value} for value in ("soon", "-1", "", "nan", "Thu, 01 Jan 1970 00:00:00 GMT")),
    *({"Content-Type": value} for value in ("", "text/plain", "nonsense")),
    *({"x-ms-request-id": "é\t", "Date": "yesterday"}, {"Azure-AsyncOperation": "nonsense", "Location": ""}),
]
STATUSES = [201, 202, 204, 206, 304, 400, 401, 403, 404, 405, 409, 410, 412, 418, 451]
ERRORS = [
    *(None, "", "<html>", "null", "[]", '{"error": null}', '{"error": "text"}', DEEP),
    '{"error": {"code": 7, "message": []}}',
]

faults = st.one_of(
    st.fixed_dictionaries({"alteration": st.sampled_from(sorted(ALTERATIONS)), "place": st.integers(0, 500)}),
    st.sampled_from(BODIES).map(lambda given: {"body": given[0], "headers": given[1]}),
    st.sampled_from(HEADERS).map(lambda headers: {"headers": headers}),
    st.builds(
        lambda status, body, headers: {"action": "status", "status": status, "body": body, "headers": headers},
        *map(st.sampled_from, (STATUSES, ERRORS, [JSON, {"Content-Type": "text/html"}, *HEADERS[:5]])),
    ),
).map(lambda fault: {"action": "alter", "path": "^(?!login)", **fault})
# The n-th request, and those after it that many times.
when = st.tuples(st.integers(1, 16), st.sampled_from([1, 1, 2, 99]))
READING = [
    *(SHOW, f"{SHOW} -g rg -o table", CHECK, f"{CHECK} -g rg -o table --fail-on none"),
    *(f"acr cmk {each} -n myregistry -g rg --what-if" for each in ("rotate", "repair", "revoke", "restore")),
    *("acr cmk rotate -n myregistry -g rg --key k2 --identity i2 -w", "acr cmk revoke -n myregistry --by key -w"),
    *(f"{ENABLE} --what-if", "acr cmk enable -n newregistry -g rg -w"),
    "acr cmk enable -n newregistry -g new -l westus -w",
    "acr cmk wait -n myregistry -g rg --created --interval 1 --timeout 2",
]


@pytest.mark.parametrize("path", ["registries/myregistry$", "resourcegroups/rg$", "vaults/.*/keys/"])
@pytest.mark.parametrize("status", [400, 404, 409])
def test_an_error_that_is_too_deep_to_read(azure, many_az, path, status):
    azure.fault("status", path=path, status=status, body=DEEP, headers=JSON)
    assert_well(azure, many_az(FRESH.split()))
    assert many_az(FRESH.split()).code == 0


def test_a_page_in_place_of_a_role(azure, seed, many_az):
    scene = encrypted(azure, seed)
    scene.ungrant()
    seed.grant(scene.identity["principalId"], VAULT, seed.role("keys/read", "keys/wrap/action", "keys/unwrap/action"))
    azure.fault("alter", path="roleDefinitions/", body="<html>", times=9)
    assert_unknown(azure, many_az(CHECK.split()), "AccessUnknown", "can't be read")


def test_a_page_in_place_of_a_registration(azure, seed, many_az):
    azure.unregister("Microsoft.KeyVault")
    azure.fault("alter", path="/register$", body="<html>")
    result = many_az(ENABLE.split())
    assert_well(azure, result)
    assert result.code == 1, result
    assert "Register it: az provider register --namespace Microsoft.KeyVault --wait" in result.err, result


def test_an_identity_that_is_busy_is_waited_for(azure, seed, many_az):
    body = {"error": {"code": "Conflict", "message": "Another operation is in progress."}}
    azure.fault("status", method="PUT", path="Identities/", status=409, body=body, times=2)
    result = many_az(ENABLE.split())
    assert_well(azure, result)
    assert result.code == 0, result
    assert len([each for each in changes(azure) if "Identities/" in each]) == 3


def test_a_page_that_says_not_found_is_no_word_of_azure(azure, seed, many_az):
    azure.fault("status", path="vaults/", status=404, body="<html>No such page</html>", headers={}, times=99)
    result = many_az(FRESH.split())
    assert_well(azure, result)
    assert result.code == 3, result
    assert "Unexpected response with status 404 and no Azure error code" in result.err
    assert changes(azure) == []


def test_no_answer_breaks_a_command_that_reads(azure, seed, many_az):
    encrypted(azure, seed)

    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(READING), faults, when)
    def run(command, fault, when):
        azure.clear_log()
        azure.clear_faults()
        azure.fault(nth=when[0], times=when[1], **fault)
        assert_well(azure, many_az(command.split()))

    run()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_no_answer_breaks_a_command_that_changes_and_a_second_run_ends_well(azure, many_az, prepared, scenario):
    @settings(max_examples=CHANGED, suppress_health_check=list(HealthCheck))
    @given(faults, when)
    def run(fault, when):
        prepared(scenario)
        azure.fault(nth=when[0], times=when[1], **fault)
        assert_well(azure, many_az(scenario.command.split()))
        azure.clear_faults()
        again = many_az(scenario.command.split())
        assert_well(azure, again)
        assert again.code == 0, again

    run()
