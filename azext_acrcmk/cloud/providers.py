"""Registers a subscription for a resource provider. The SDKs do that only for short operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from knack.log import get_logger

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import missing_registration, read_error
from azext_acrcmk.cloud.waiting import Stop, retrying
from azext_acrcmk.model.api_versions import API_VERSIONS

logger = get_logger(__name__)
T = TypeVar("T")

# The maximum duration of a registration, in seconds.
REGISTRATION_TIMEOUT = 300


def registering(clients: Clients, subscription: str, begin: Callable[[], T], stop: Stop) -> T:
    """The result of `begin`. If the subscription is not registered for its provider, registers it first.

    Without permission to register it, the error of `begin` is raised.
    """
    from azure.core.exceptions import HttpResponseError

    try:
        return begin()
    except HttpResponseError as error:
        namespace = missing_registration(read_error(error))
        if not namespace:
            raise
        logger.warning("The subscription is not registered to use %s; registering it.", namespace)
        try:
            path = f"/subscriptions/{subscription}/providers/{namespace}/register"
            clients.arm(subscription).post(path, API_VERSIONS["Microsoft.Resources/providers"])
        except HttpResponseError:
            raise error from None
    clients.renew_request_ids()
    return retrying(begin, lambda error: bool(missing_registration(read_error(error))), stop, REGISTRATION_TIMEOUT)
