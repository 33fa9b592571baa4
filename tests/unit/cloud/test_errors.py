import json
import re
import shlex

import pytest
from azure.core.exceptions import HttpResponseError

from azext_acrcmk.cloud.errors import ServiceError, explain, key_access_refused, read_error
from azext_acrcmk.cloud.reads import read_or_unknown


class Response:
    def __init__(self, status, body):
        self.status_code, self._body = status, body

    def text(self):
        return self._body if isinstance(self._body, str) else json.dumps(self._body)


class HttpError(Exception):
    def __init__(self, status, body):
        super().__init__("from the SDK")
        self.response, self.status_code = Response(status, body), status


def error(status, code, message, **more):
    return read_error(HttpError(status, {"error": {"code": code, "message": message, **more}}))


def words(explanation):
    return " ".join((explanation.message, *explanation.advice))


def test_an_error_is_read_with_its_inner_code():
    said = error(403, "Forbidden", "No.", innererror={"code": "ForbiddenByRbac"})
    assert (said.status, said.code, said.inner, said.message) == (403, "Forbidden", "ForbiddenByRbac", "No.")


def test_the_first_error_of_a_registrys_data_plane_is_read():
    said = read_error(HttpError(403, {"errors": [{"code": "DENIED", "message": "No.", "detail": None}]}))
    assert (said.status, said.code, said.message) == (403, "DENIED", "No.")


def test_a_failed_operation_is_read_from_its_status():
    said = read_error(
        HttpError(200, {"status": "Failed", "error": {"code": "X", "message": "Failed to access KeyId 'k'"}})
    )
    assert key_access_refused(said)


@pytest.mark.parametrize(
    "body",
    [
        *("", "<html>", "[]", "null", "[" * 20_000),
        *(
            '{"error": "text"}',
            '{"error": {"details": 1, "innererror": "x"}}',
            '{"errors": []}',
            '{"errors": ["text"]}',
        ),
    ],
)
def test_an_answer_in_another_shape_is_read_too(body):
    said = read_error(HttpError(502, body))
    assert said.status == 502
    assert said.message == "from the SDK"


def test_no_answer_is_a_connection_that_failed():
    said = read_error(ConnectionError("refused"))
    assert said.status == 0
    assert "refused" in words(explain(said))
    assert "run the same command again" in words(explain(said))


CASES = [
    (
        "AuthorizationFailed",
        "The client 'a' with object id 'b' does not have authorization to perform action "
        "'Microsoft.KeyVault/vaults/write' over scope '/subscriptions/s/resourceGroups/g' or the scope is invalid. "
        "If access was recently granted, please refresh your credentials.",
        ["'Microsoft.KeyVault/vaults/write' on /subscriptions/s/resourceGroups/g", "az login"],
    ),
    (
        "LinkedAuthorizationFailed",
        "The client 'a' with object id 'b' has permission to perform action "
        "'Microsoft.ContainerRegistry/registries/write' on scope '/r'; however, it does not have permission to perform "
        "action 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked scope(s) '/i' or the "
        "linked scope(s) are invalid.",
        ["userAssignedIdentities/assign/action' on /i", "Managed Identity Operator"],
    ),
    (
        "MissingSubscriptionRegistration",
        "The subscription is not registered to use namespace 'Microsoft.KeyVault'. See https://aka.ms/rps-not-found",
        ["az provider register --namespace Microsoft.KeyVault"],
    ),
    (
        "VaultAlreadyExists",
        "The vault name 'v1' is already in use. Vault names are globaly unique",
        ["'v1' is already in use", "--key-vault"],
    ),
    (
        "ConflictError",
        "A vault with the same name already exists in deleted state.",
        ["'Microsoft.KeyVault/deletedVaults/read'"],
    ),
    (
        "ForbiddenByRbac",
        "Caller is not authorized to perform action on resource.\r\nAction: "
        "'Microsoft.KeyVault/vaults/keys/rotate/action'\r\n",
        ["'Microsoft.KeyVault/vaults/keys/rotate/action'", "The vault uses Azure RBAC", "Key Vault Crypto Officer"],
    ),
    (
        "ForbiddenByPolicy",
        "The user, group or application 'x' does not have keys rotate permission on key vault 'v'.",
        ["('rotate')", "The vault uses access policies", "--key-permissions get rotate"],
    ),
    ("RoleAssignmentLimitExceeded", "No more role assignments can be created", ["access-policy"]),
    ("QuotaExceeded", "Too many.", ["quota"]),
    ("TooManyRequests", "Slow down.", ["again"]),
    ("ReadOnlyDisabledSubscription", "The subscription 'x' is disabled.", ["Reactivate"]),
    ("SubscriptionNotFound", "The subscription 'x' could not be found.", ["az account list"]),
    ("InvalidAuthenticationToken", "Expired.", ["az login"]),
]


@pytest.mark.parametrize(("code", "message", "expected"), CASES, ids=[case[0] for case in CASES])
def test_known_errors_come_with_cause_and_next_step(code, message, expected):
    said = words(explain(error(400, code, message)))
    for each in expected:
        assert each in said


@pytest.mark.parametrize(
    ("code", "inner", "message"),
    [
        ("Forbidden", "ForbiddenByRbac", "Action: 'Microsoft.KeyVault/vaults/keys/rotate/action'"),
        ("Forbidden", "ForbiddenByPolicy", "The user does not have keys rotate permission on key vault 'v'."),
        ("Forbidden", "ForbiddenByRbac", "not authorized to perform Microsoft.KeyVault/managedHsm/keys/rotate/action"),
        ("ForbiddenByRbac", "", "Caller is not authorized to perform action on resource."),
    ],
)
def test_every_refusal_of_a_vault_says_that_a_new_role_takes_its_time(code, inner, message):
    advice = explain(ServiceError(403, code, message, inner=inner)).advice
    assert any("recently, wait a few minutes" in each for each in advice)


def test_a_policy_is_named():
    info = {"type": "PolicyViolation", "info": {"policyAssignmentDisplayName": "Vaults must be private"}}
    said = explain(
        error(403, "RequestDisallowedByPolicy", "Resource 'v' was disallowed by policy.", additionalInfo=[info])
    )
    assert "Vaults must be private" in said.message


def test_the_namespace_comes_from_the_target_where_there_is_one():
    said = explain(
        error(409, "MissingSubscriptionRegistration", "Not registered.", details=[{"target": "Microsoft.X"}])
    )
    assert "--namespace Microsoft.X" in words(said)


def test_an_unknown_error_is_told_in_the_services_words():
    assert explain(error(418, "Teapot", "Short and stout.")).message == "Short and stout. (Teapot)"


def test_a_status_without_an_error_of_azure_may_be_a_proxys():
    page = "Operation returned an invalid status 'Bad Gateway'\nContent: <html>A long page</html>"
    failure = HttpError(502, "<html>A long page</html>")
    failure.message = page
    said = words(explain(read_error(failure)))
    assert "Bad Gateway" in said
    assert "502" in said
    assert "proxy" in said
    assert "long page" not in said


def test_a_message_of_several_lines_is_folded_to_one():
    said = error(403, "Forbidden", "Not allowed.\r\nCaller: x\nVault:\ty\u2028z\x00\n")
    assert said.message == "Not allowed. Caller: x Vault: y z"
    assert said.summary == "Not allowed."


def test_unknown_names_the_cause_not_the_caller():
    """What Key Vault says of the caller and the propagation of roles comes in further lines."""
    message = "Caller is not authorized to perform action on resource.\r\nCaller: appid=x\r\nAction: 'a/read'\r\n"

    def refused():
        failure = HttpResponseError(message)
        failure.status_code = 403
        raise failure

    assert read_or_unknown(refused, "a/read", "/scope").why == "Caller is not authorized to perform action on resource."


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "LinkedAuthorizationFailed",
            "has permission to perform action 'x' on scope 'y'; however, it does not have permission to perform "
            "action(s) 'a/assign/action' on the linked scope(s) '/subscriptions/s/resourceGroups/rg-(prod).x/p' or ...",
        ),
        ("ScopeLocked", "The scope '/subscriptions/s/resourceGroups/rg-(prod).x/p' cannot perform delete: locked."),
    ],
)
def test_a_command_with_a_name_from_an_error_can_be_pasted(code, message):
    advice = " ".join(explain(error(403, code, message)).advice)
    command = advice[advice.index("az ") :].partition(" Remove the lock")[0]
    assert re.search(r"'[^' ]*rg-\(prod\)\.x[^' ]*'", command)
    assert any("rg-(prod).x" in word for word in shlex.split(command))
