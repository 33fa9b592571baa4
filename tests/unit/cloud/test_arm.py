"""Requests to Resource Manager without an SDK."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from azext_acrcmk.cloud.arm import Arm


@pytest.mark.parametrize(("level", "logged"), [(logging.DEBUG, True), (logging.WARNING, False)])
def test_the_import_of_an_image_is_logged_where_somebody_reads_it(monkeypatch, level, logged):
    sent = []

    def respond(*_request, **options):
        sent.append(options["logging_enable"])
        return SimpleNamespace(status_code=202, headers={})

    arm = Arm.__new__(Arm)
    monkeypatch.setattr(arm, "_base", "https://management.azure.com", raising=False)
    monkeypatch.setattr(arm, "_response", respond)
    handler = logging.NullHandler(level)
    monkeypatch.setattr(logging.getLogger("cli"), "handlers", [handler])
    arm.begin("/importImage", "2025-11-01", {})
    arm.poll("https://management.azure.com/operation")
    assert sent == [logged, logged]
