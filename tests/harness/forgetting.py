"""What a command leaves in its process that another `az`, in a process of its own, would not find there."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from azure.cli.core.auth.identity import Identity
from azure.keyvault.administration._internal import http_challenge_cache as challenges_of_roles
from azure.keyvault.keys._shared import http_challenge_cache as challenges_of_keys


@contextmanager
def as_if_alone() -> Iterator[None]:
    """Discards the sign-in, the challenges of vaults and the settings of logs after what is run in the context."""
    before = {each: (each.level, each.propagate, list(each.handlers)) for each in _loggers()}
    try:
        yield
    finally:
        for each in _loggers():
            level, each.propagate, each.handlers = before.get(each, (logging.NOTSET, True, []))
            each.setLevel(level)
        for name in ("_msal_token_cache", "_msal_http_cache", "_service_principal_store_instance"):
            assert hasattr(Identity, name)
            setattr(Identity, name, None)
        challenges_of_keys.clear()
        challenges_of_roles.clear()


def _loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.values()
    return [logging.root, *(each for each in known if isinstance(each, logging.Logger))]
