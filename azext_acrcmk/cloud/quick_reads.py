"""Reads of Resource Manager by the thousand, each for a fraction of the processor time that an SDK takes.

Only a good answer counts, or that something is not there. Anything else, such as another error, a list of several
pages, or a token that is about to expire, is None, and is then read by an SDK, which knows what to do about it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from knack.log import get_logger

from azext_acrcmk.cloud.arm import Arm
from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.fields import moment, part, parts, text
from azext_acrcmk.cloud.pool import Rest, Throttled
from azext_acrcmk.cloud.quick_transport import Response
from azext_acrcmk.cloud.sign_in import SignIn
from azext_acrcmk.cloud.transport import never
from azext_acrcmk.model.api_versions import API_VERSIONS, DATA_PLANE_API_VERSION
from azext_acrcmk.model.ids import IDENTITY_TYPE, ArmId, same
from azext_acrcmk.model.state import ABSENT, Absent
from azext_acrcmk.model.value import Value, immutable

logger = get_logger(__name__)

_CONNECT_SECONDS, _READ_SECONDS = 10, 20
# A token is not used in the seconds before it expires.
_MARGIN = 60
# The seconds for which a subscription without reads left is left alone, unless it says for how long.
_REFILL = 1.0
_LEFT = "x-ms-ratelimit-remaining-subscription-reads"


@immutable
class Answer(Value):
    """A body, absent if Azure says so, and the rest that its subscription should have."""

    body: dict[str, Any] | Absent
    rest: Rest | None = None


@immutable
class _Way(Value):
    """The headers of an account, and until when they are good."""

    headers: dict[str, str]
    until: float


class QuickReads:
    """Used by many threads. It repeats the headers of what the CLI's own client `like` has sent before: those of the
    command and of the user."""

    def __init__(self, clients: Clients, like: Arm):
        self._clients, self._like = clients, like
        self._ways: dict[SignIn, _Way] = {}
        self._connections: Any = None
        self._lock = threading.Lock()

    def get(self, subscription: str, path: str, version: str, where: str | None = None) -> Answer | None:
        """The resource at a path, or the list of those that match a filter; None if it takes more to tell. Raises
        Throttled."""
        account = self._clients.account_of(subscription)
        if (way := self._way(account)) is None:
            with self._lock:
                way = self._way(account) or self._make_way(account, subscription)
        if way is None:
            return None
        condition = f"&$filter={quote(where)}" if where else ""
        target = f"{quote(path)}?api-version={version}{condition}"
        response = _send(self._connections, target, way.headers) if self._connections else None
        if response is None:
            return None
        if response.status == 429:
            asked = response.headers.get("Retry-After") or ""
            raise Throttled(float(asked) if asked.isdigit() else _REFILL)
        if response.status == 401:
            self._ways.pop(account, None)
        return _answer(response)

    def _way(self, account: SignIn) -> _Way | None:
        way = self._ways.get(account)
        return way if way and time.time() < way.until else None

    def _make_way(self, account: SignIn, subscription: str) -> _Way | None:
        from azure.core.exceptions import AzureError

        try:
            token = self._clients.token(subscription)
        except AzureError:
            return None
        until = token.expires_on - _MARGIN
        if not self._like.sent or until < time.time():
            return None
        if self._connections is None:
            self._connections = self._connect()
        self._ways[account] = way = _Way({**self._like.sent, "Authorization": f"Bearer {token.token}"}, until)
        return way

    def _connect(self) -> Any:
        try:
            return self._clients.connections()
        except Exception:  # it only saves time, by what other versions of the CLI's libraries may not have
            logger.debug("All is read by SDKs.", exc_info=True)
            return False

    def get_of_vault(self, host: str, path: str) -> Answer | None:
        """The same of the data plane of a vault, which often refuses. Raises HttpResponseError if so."""
        from azure.core.exceptions import AzureError, HttpResponseError

        try:
            token, connections = self._clients.vault_token(), self._clients.connections(host)
        except Exception as error:  # it only saves time
            logger.debug("Vaults are read by the SDK.", exc_info=not isinstance(error, AzureError))
            return None
        headers = {**self._like.sent, "Authorization": f"Bearer {token}"}
        response = _send(connections, f"{quote(path)}?api-version={DATA_PLANE_API_VERSION}", headers)
        if response is not None and response.status == 403:
            raise HttpResponseError(response=Response(response))
        return None if response is None else _answer(response)


class QuickClients:
    """The clients of a command, of which those of Resource Manager read quickly where that gives a good answer."""

    def __init__(self, clients: Clients, reads: QuickReads):
        self._clients, self._reads = clients, reads
        self._identities: dict[str, list[dict[str, Any]]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._clients, name)

    def arm(self, subscription: str) -> _QuickArm:
        return _QuickArm(self._clients.arm(subscription), self._reads, subscription)

    def get_deleted_key(self, host: str, name: str) -> str | Absent | None:
        answer = self._reads.get_of_vault(host, f"/deletedkeys/{name}")
        if answer is None:
            return self._clients.get_deleted_key(host, name)
        if isinstance(answer.body, Absent):
            return ABSENT
        purge = moment(answer.body, "scheduledPurgeDate")
        return purge.isoformat() if purge else None

    def get_identity(self, id_: ArmId) -> dict[str, Any]:
        # Not quickly: most of those that are looked for are gone, and that takes the client to tell.
        return self._clients.arm(id_.subscription).get(str(id_), API_VERSIONS[IDENTITY_TYPE])

    def list_identities(self, subscription: str, **options: Any) -> Iterator[dict[str, Any]]:
        """Read once, if that is possible: what is in several vaults of a subscription is looked for there."""
        if subscription not in self._identities:
            path = f"/subscriptions/{subscription}/providers/{IDENTITY_TYPE}"
            found = self.arm(subscription).pages(path, API_VERSIONS[IDENTITY_TYPE], **options)
            self._identities[subscription] = list(found)
        return iter(self._identities[subscription])


class _QuickArm:
    def __init__(self, arm: Arm, reads: QuickReads, subscription: str):
        self._arm, self._reads, self._subscription = arm, reads, subscription

    def get(self, path: str, version: str, **options: Any) -> dict[str, Any]:
        return self._body(path, version) or self._arm.get(path, version, **options)

    def pages(self, path: str, version: str, where: str | None = None, **options: Any) -> Iterator[dict[str, Any]]:
        body = self._body(path, version, where)
        if isinstance(body.get("value"), list):
            return iter(parts(body, "value"))
        return self._arm.pages(path, version, where, **options)

    def _body(self, *asked: str | None) -> dict[str, Any]:
        try:
            answer = self._reads.get(self._subscription, *asked)
        except Throttled:
            return {}
        return (answer.body if answer else None) or {}


def _send(connections: Any, target: str, headers: dict[str, str]) -> Any:
    """The response, None if there is none."""
    from urllib3 import Timeout
    from urllib3.exceptions import HTTPError

    timeout = Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS)
    try:
        response = connections.urlopen("GET", target, headers=headers, redirect=False, retries=never(), timeout=timeout)
    except (HTTPError, OSError):
        logger.debug("GET %s: no answer", target, exc_info=True)
        return None
    return response


def _answer(response: Any) -> Answer | None:
    if response.status not in (200, 404):
        return None
    try:
        body = part(json.loads(response.data))
    except ValueError:
        return None
    rest = Rest(_REFILL) if response.headers.get(_LEFT) == "0" else None
    if response.status == 404:
        # As in `read_or_unknown`: Azure's own has a code, and a subscription that is not found may be hidden.
        code = text(part(body, "error"), "code")
        return Answer(ABSENT, rest) if code and not same(code, "SubscriptionNotFound") else None
    return None if body.get("nextLink") else Answer(body, rest)
