"""Requests to Resource Manager without an SDK."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest
from azure.core.exceptions import HttpResponseError

from azext_acrcmk.cloud.arm import Arm
from azext_acrcmk.cloud.errors import read_error


def answer(status: int, body: str = "", **headers: str) -> SimpleNamespace:
    return SimpleNamespace(status_code=status, reason="", headers=headers, text=lambda: body)


@pytest.fixture
def arm(monkeypatch) -> Arm:
    found = Arm.__new__(Arm)
    monkeypatch.setattr(found, "_base", "https://management.azure.com", raising=False)
    return found


@pytest.mark.parametrize(
    ("asked", "seconds"), [({"Retry-After": "3"}, 3.0), ({"Retry-After": "soon"}, None), ({}, None)]
)
def test_an_operation_says_where_and_when_to_ask_for_it(monkeypatch, arm, asked, seconds):
    monkeypatch.setattr(arm, "_response", lambda *_, **__: answer(202, Location="/operation", **asked))
    assert arm.begin("/importImage", "2025-11-01", {}) == ("/operation", seconds)
    assert arm.poll("/operation") == (False, seconds)


def test_an_operation_that_failed_is_an_error_whatever_its_status_code(monkeypatch, arm):
    body = '{"status": "Failed", "error": {"code": "InvalidParameters", "message": "Error copying blobs."}}'
    monkeypatch.setattr(arm, "_response", lambda *_, **__: answer(200, body))
    with pytest.raises(HttpResponseError) as error:
        arm.poll("/operation")
    assert read_error(error.value).message == "Error copying blobs."
    for text in ("", '{"status": "Succeeded"}', "[]"):
        monkeypatch.setattr(arm, "_response", lambda *_, text=text, **__: answer(200, text))
        assert arm.poll("/operation") == (True, None)


@pytest.mark.parametrize(("level", "logged"), [(logging.DEBUG, True), (logging.WARNING, False)])
def test_the_import_of_an_image_is_logged_where_somebody_reads_it(monkeypatch, arm, level, logged):
    sent = []

    def respond(*_request, **options):
        sent.append(options["logging_enable"])
        return answer(202)

    monkeypatch.setattr(arm, "_response", respond)
    handler = logging.NullHandler(level)
    monkeypatch.setattr(logging.getLogger("cli"), "handlers", [handler])
    arm.begin("/importImage", "2025-11-01", {})
    arm.poll("https://management.azure.com/operation")
    assert sent == [logged, logged]
