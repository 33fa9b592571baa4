"""Makes the settings of the new registry, kind by kind: one that fails does not keep the others from being made."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from itertools import groupby

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import UnexpectedResponse, explain, read_error, same_code
from azext_acrcmk.cloud.pool import for_each
from azext_acrcmk.cloud.settings import patch_properties, put_setting
from azext_acrcmk.cloud.waiting import Stop
from azext_acrcmk.model.settings import REPLICATIONS
from azext_acrcmk.plan.migrate.settings import Setting

# Of one kind at a time; a registry takes one change of its own at a time, and one new replica.
_AT_ONCE = 8
_ONE_BY_ONE = (REPLICATIONS, "registry")


@dataclass
class Made:
    """The settings that were made, and those that were not, with the reason."""

    made: list[Setting] = field(default_factory=list)
    failed: list[tuple[Setting, str]] = field(default_factory=list)


def make_settings(clients: Clients, subscription: str, settings: tuple[Setting, ...], stop: Stop) -> Made:
    """Makes settings in their order; those of one kind side by side."""
    outcome, lock = Made(), threading.Lock()

    def make(each: Setting) -> None:
        why = _why_not(clients, subscription, each, stop)
        with lock:
            if why:
                outcome.failed.append((each, why))
            else:
                outcome.made.append(each)

    for kind, some in groupby(settings, key=lambda each: each.kind):
        for_each(some, make, most=1 if kind in _ONE_BY_ONE else _AT_ONCE)
    order = {id(each): number for number, each in enumerate(settings)}
    outcome.made.sort(key=lambda each: order[id(each)])
    outcome.failed.sort(key=lambda each: order[id(each[0])])
    return outcome


def _why_not(clients: Clients, subscription: str, each: Setting, stop: Stop) -> str | None:
    """Why a setting could not be made; None if it was."""
    from azure.core.exceptions import AzureError

    change = patch_properties if each.patch else put_setting
    try:
        state = change(clients, subscription, each.path, each.version, each.body, stop)
    except UnexpectedResponse:
        raise
    except AzureError as error:
        said = read_error(error)
        if same_code(said, "RoleAssignmentExists"):
            return None
        if said.status in (0, 401):
            raise
        return explain(said).message
    return None if state == "Succeeded" else f"It ended in state {state}."
