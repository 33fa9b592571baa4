"""What `az acr cmk wait` looks at."""

from __future__ import annotations

from azure.cli.core.azclierror import ResourceNotFoundError

from azext_acrcmk._errors import service_error
from azext_acrcmk.cloud.clients import wire
from azext_acrcmk.cloud.errors import read_error
from azext_acrcmk.operations.session import Session


def registry_for_wait(cmd, registry_name: str, group: str | None):
    """The registry as the service returns it. That there is none goes through as the 404 that the CLI's wait knows."""
    from azure.core.exceptions import AzureError, HttpResponseError

    session = Session(cmd)
    try:
        id_ = session.registry_id(registry_name, group)
        return session.clients.registries(id_.subscription).get(id_.group, id_.name, cls=wire)
    except ResourceNotFoundError as error:
        not_found = HttpResponseError(str(error))
        not_found.status_code = 404
        raise not_found from error
    except AzureError as error:
        if read_error(error).status == 404:
            raise
        raise service_error(error, []) from error
