"""Questions to Resource Graph of a command about few registries: none has to wait for the answer, and it may fail."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import parsing_responses, read_error
from azext_acrcmk.cloud.fields import identifier, text
from azext_acrcmk.cloud.graph import Graph, quoted
from azext_acrcmk.cloud.waiting import Interrupted, Stop, done, in_thread
from azext_acrcmk.model.ids import ArmId, Id
from azext_acrcmk.model.key_identity import SYSTEM
from azext_acrcmk.model.state import Registry, Unknown
from azext_acrcmk.model.value import Value, immutable

NO_ANSWER = "no response in time"
# How long an answer may take if nothing irreversible depends on it, in seconds: the quota begins again after five.
SECONDS = 6.0

# Of these two tables a query may be united; so both are one request.
_AND_SUBSCRIPTIONS = (
    " | union (resourcecontainers | where type =~ 'microsoft.resources/subscriptions' | project id, subscriptionId)"
)
_KEY_USERS = (
    "resources | where type =~ 'microsoft.containerregistry/registries' "
    "| extend key = tostring(properties.encryption.keyVaultProperties.keyIdentifier), "
    "client = tostring(properties.encryption.keyVaultProperties.identity) "
    "| where {} | project id, key, client"
)


@immutable
class Seen(Value):
    """What Resource Graph shows: rows, and the subscriptions that it shows at all. `missing` is how many more rows it
    counts; `cut` tells that there are more subscriptions than it looks at."""

    rows: tuple[dict[str, Any], ...]
    subscriptions: frozenset[Id]
    missing: int
    cut: bool


class Asked:
    """A query of all that the login of a subscription sees, under way."""

    def __init__(self, clients: Clients, subscription: str, query: str):
        self._stop = Stop()

        def ask() -> Seen:
            # A query that names only subscriptions that the login does not see is rejected: so it names none.
            with parsing_responses():
                found = Graph(clients, subscription, self._stop).ask(query + _AND_SUBSCRIPTIONS)
            shown = frozenset(Id(each) for row in found.rows if (each := identifier(row, "subscriptionId")))
            rows = tuple(row for row in found.rows if not row.get("subscriptionId"))
            return Seen(rows, shown, found.missing, found.cut)

        self._answer = in_thread(ask)

    def within(self, seconds: float) -> Seen | Unknown:
        """The answer; unknown if there is none by then, and nobody asks any more."""
        from azure.core.exceptions import AzureError

        if not done(self._answer, seconds):
            self._stop.set()
            return Unknown(why=NO_ANSWER, denied=False)
        try:
            return self._answer.result()
        except Interrupted:
            return Unknown(why=NO_ANSWER, denied=False)
        except AzureError as error:
            return Unknown(why=read_error(error).message, denied=False)


def ids_in(seen: Seen) -> list[ArmId]:
    """The IDs of the resources that Resource Graph shows, which may be gone."""
    found = []
    for row in seen.rows:
        with contextlib.suppress(ValueError):
            found.append(ArmId.parse(text(row, "id") or ""))
    return found


def ids_shown(clients: Clients, subscription: str, condition: str) -> list[ArmId]:
    """The IDs of resources that it shows within its time; none if it can't be asked."""
    seen = Asked(clients, subscription, f"resources | where {condition} | project id").within(SECONDS)
    return [] if isinstance(seen, Unknown) else ids_in(seen)


class KeyUsers:
    """Asks which registries use a key: for `many` registries of one command, once for all with the same login."""

    def __init__(self, many: bool = False):
        self.many = many
        self._asked: dict[str, Asked] = {}
        self._lock = threading.Lock()

    def ask(self, clients: Clients, registry: Registry) -> Asked:
        subscription = registry.id.subscription
        if not self.many:
            return Asked(clients, subscription, _KEY_USERS.format(_shares_with(registry)))
        with self._lock:
            account = clients.account_name(subscription)
            if account not in self._asked:
                self._asked[account] = Asked(clients, subscription, _KEY_USERS.format("key != ''"))
            return self._asked[account]


def ask_identity_users(clients: Clients, subscription: str, identity: str) -> Asked:
    """Asks to which resources an identity is assigned, by its ID; also for those with one whose ID begins so."""
    assigned = "tolower(tostring(identity.userAssignedIdentities))"
    query = f"resources | where {assigned} contains {quoted(identity.lower())} | project id, identity"
    return Asked(clients, subscription, query)


def _shares_with(registry: Registry) -> str:
    """By a key of the same vault, or by the same identity for any key."""
    used = registry.encryption
    by_vault = f"key contains {quoted(f'//{used.key.host}/')}"
    return by_vault if used.identity == SYSTEM else f"({by_vault} or client =~ {quoted(used.identity or '')})"
