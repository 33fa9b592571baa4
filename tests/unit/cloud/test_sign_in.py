"""A sign-in that fails in Microsoft Entra is tried again, once MSAL asks again."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ServiceRequestError
from msal.exceptions import MsalServiceError

from azext_acrcmk.cloud import sign_in
from azext_acrcmk.cloud.sign_in import PAUSES, SignIn


class Failing:
    """A credential of the CLI that fails so many times before it returns a token."""

    def __init__(self, times: int):
        self.left, self.asked = times, 0

    def get_token(self, *scopes: str) -> str:
        self.asked += 1
        self.left -= 1
        if self.left >= 0:
            raise MsalServiceError("HTTP Error: 503", error=None, error_description=None)
        return f"token for {scopes[0]}"


@pytest.fixture
def pauses(monkeypatch):
    made: list[float] = []
    monkeypatch.setattr(sign_in.time, "sleep", made.append)
    return made


@pytest.mark.parametrize("failures", range(len(PAUSES) + 1))
def test_it_is_tried_again_later_than_msal_repeats_the_answer(pauses, failures):
    credential = Failing(failures)
    assert SignIn(lambda: credential).get_token("vault") == "token for vault"
    assert (credential.asked, pauses) == (failures + 1, [*PAUSES][:failures])
    assert all(pause > 5 for pause in pauses)


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
