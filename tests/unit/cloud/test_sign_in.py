"""A sign-in that fails in Microsoft Entra is tried again, once MSAL asks again."""

from __future__ import annotations

import pytest
from azure.cli.core.azclierror import AuthenticationError
from azure.core.exceptions import ServiceRequestError
from msal.exceptions import MsalServiceError
from requests import HTTPError

from azext_acrcmk.cloud import sign_in
from azext_acrcmk.cloud.sign_in import PAUSES, SignIn, SignInFailed

FAILED = MsalServiceError("HTTP Error: 503", error=None, error_description=None)
BUSY = AuthenticationError("AADSTS90033: Busy.", msal_error={"error": "temporarily_unavailable"})
REJECTED = AuthenticationError("AADSTS50076: More proof.", msal_error={"error": "interaction_required"})


class Failing:
    """A credential of the CLI that fails so many times before it returns a token."""

    def __init__(self, times: int, error: Exception = FAILED):
        self.left, self.asked, self._error = times, 0, error

    def get_token(self, *scopes: str) -> str:
        self.asked += 1
        self.left -= 1
        if self.left >= 0:
            raise self._error
        return f"token for {scopes[0]}"


@pytest.fixture
def pauses(monkeypatch):
    made: list[float] = []
    monkeypatch.setattr(sign_in.time, "sleep", made.append)
    return made


@pytest.mark.parametrize("error", [FAILED, BUSY, HTTPError("503 Server Error")], ids=["failed", "busy", "old"])
@pytest.mark.parametrize("failures", range(len(PAUSES) + 1))
def test_it_is_tried_again_later_than_msal_repeats_the_answer(pauses, failures, error):
    credential = Failing(failures, error)
    assert SignIn(lambda: credential).get_token("vault") == "token for vault"
    assert (credential.asked, pauses) == (failures + 1, [*PAUSES][:failures])
    assert all(pause > 5 for pause in pauses)


def test_what_is_rejected_is_not_tried_again(pauses):
    with pytest.raises(SignInFailed, match="AADSTS50076"):
        SignIn(lambda: Failing(1, REJECTED)).get_token("vault")
    assert pauses == []


def test_one_that_stays_busy_is_no_login_that_is_rejected(pauses):
    with pytest.raises(ServiceRequestError, match="AADSTS90033"):
        SignIn(lambda: Failing(9, BUSY)).get_token("vault")
    assert pauses == [*PAUSES]


def test_only_the_first_of_many_requests_waits_for_one_that_fails_for_long(pauses):
    credential = Failing(len(PAUSES) + 2)
    account = SignIn(lambda: credential)
    for _ in range(2):
        with pytest.raises(ServiceRequestError, match="503"):
            account.get_token("vault")
    assert account.get_token("vault") == "token for vault"
    assert pauses == [*PAUSES]
    credential.left = 1
    assert account.get_token("vault") == "token for vault"
    assert pauses == [*PAUSES, PAUSES[0]]


def test_a_service_without_token_does_not_hold_up_the_others_again_and_again(pauses):
    credential = Failing(0)
    account = SignIn(lambda: credential)
    for _ in range(3):
        credential.left = len(PAUSES) + 1
        with pytest.raises(ServiceRequestError, match="503"):
            account.get_token("vault")
        credential.left = 0
        assert account.get_token("manager") == "token for manager"
    assert pauses == [*PAUSES]
