"""The registry that `az acr cmk wait` polls."""

from __future__ import annotations

import time

from azure.cli.core.azclierror import ResourceNotFoundError

from azext_acrcmk._errors import service_error
from azext_acrcmk.cloud.clients import wire
from azext_acrcmk.cloud.errors import parsing_responses, read_error
from azext_acrcmk.cloud.fields import part
from azext_acrcmk.cloud.read import read_registry
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.operations.session import Session
from azext_acrcmk.progress import LOG_SECONDS

# Where the CLI's context keeps when the wait began, and when that was last told.
_WAITING = "acrcmk_waiting"


def registry_for_wait(cmd, registry_name: str, group: str | None):
    """The registry as returned by the service. If there is none, raises the 404 that the CLI's wait command expects."""
    from azure.core.exceptions import AzureError, HttpResponseError

    session = Session(cmd)
    _tell(session, cmd.cli_ctx.data, registry_name)
    try:
        return _look(session, session.registry_id(registry_name, group))
    except ResourceNotFoundError as error:
        not_found = HttpResponseError(str(error))
        not_found.status_code = 404
        raise not_found from error
    except AzureError as error:
        if read_error(error).status == 404:
            raise
        raise service_error(error, [], []) from error


def _tell(session: Session, data: dict, name: str) -> None:
    """A line of progress now and then: the CLI's wait command, which polls, writes none into a log."""
    now = time.monotonic()
    began, last = data.setdefault(_WAITING, (now, now))
    if now - last >= LOG_SECONDS:
        session.progress.note(f"  Waiting for registry {name}: {now - began:.0f} seconds so far")
        data[_WAITING] = began, now


def _look(session: Session, id_: ArmId):
    with parsing_responses():
        body = session.clients.registries(id_.subscription).get(id_.group, id_.name, cls=wire)
        state = read_registry(body).provisioning_state
        return {**body, "properties": {**part(body, "properties"), "provisioningState": state}}
