"""Azure Resource Graph: rows of many subscriptions by few queries, at the pace that its quota allows, and counted.

Facts: fleet.md 1. Without `id` in the projection, and an order by it, paging is lost without an error; rows can shift
between pages; a subscription that can't be read is left out without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from math import inf
from typing import Any

from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import UnexpectedResponse, read_error, same_code
from azext_acrcmk.cloud.fields import identifier, number, parts, text
from azext_acrcmk.cloud.quota import Quota, resets_after
from azext_acrcmk.cloud.reads import in_parallel
from azext_acrcmk.cloud.waiting import Pauses, Stop, asked_pause
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import Id, same
from azext_acrcmk.model.value import Value, immutable

PATH = "/providers/Microsoft.ResourceGraph/resources"
# Azure takes a thousand; smaller groups are advised.
MOST_SUBSCRIPTIONS = 300
# A query of more than about ten kilobytes may be refused: beyond so many values all rows are read, and sorted out here.
MOST_VALUES = 100
# How long one page may be tried for, in seconds: however short the quota, it comes again; a failure may not pass.
PATIENCE = 600.0
PATIENCE_WITH_TROUBLE = 60.0
_FIRST_PAUSE = 1.0
# So many queries are asked before Azure told how many it lets through: a quota is of some more.
_UNTOLD = 3


@immutable
class Where(Value):
    """What is looked at: subscriptions, or management groups, or with neither all that the login can see."""

    subscriptions: tuple[Id, ...] = ()
    management_groups: tuple[str, ...] = ()

    def pieces(self) -> Iterable[dict[str, Any]]:
        """As the bodies of queries have it."""
        if self.management_groups:
            # Azure takes ten at once.
            for at in range(0, len(self.management_groups), 10):
                yield {"managementGroups": list(self.management_groups[at : at + 10])}
        elif self.subscriptions:
            for at in range(0, len(self.subscriptions), MOST_SUBSCRIPTIONS):
                yield {"subscriptions": list(self.subscriptions[at : at + MOST_SUBSCRIPTIONS])}
        else:
            yield {}


EVERYWHERE = Where()


@immutable
class Rows(Value):
    """What a query found, each row once. `missing` is how many more rows Azure counts than it gave; `cut` tells that
    there are more subscriptions than it looks at, `told` that it answered at all."""

    rows: tuple[Any, ...] = ()
    missing: int = 0
    cut: bool = False
    told: bool = True


@immutable
class Page(Value):
    """Some of the rows of a query by their IDs, how many there are on the page and in all, the token for those after
    it, and whether it is `cut`."""

    by_id: dict[Id | None, Any]
    size: int
    total: int
    token: str | None
    cut: bool


# Asks for one page: which, the body of the query tells.
GetPage = Callable[[dict[str, Any]], Page]


def as_it_is(row: dict[str, Any]) -> dict[str, Any]:
    return row


class Graph:
    """Asks Resource Graph as the login of one subscription. Several queries, and pages of one, may be under way."""

    def __init__(self, clients: Clients, subscription: str, stop: Stop):
        self._arm = clients.arm(subscription)
        self._stop, self._quota = stop, Quota(stop, _UNTOLD)

    def ask(
        self,
        query: str,
        where: Where = EVERYWHERE,
        most: float = inf,
        read: Callable[[dict[str, Any]], Any] = as_it_is,
    ) -> Rows:
        """All rows of a query, which must keep the column `id`; nothing is told if there are more than `most`. Raises
        AzureError.

        Of each row it is what `read` makes of it, if anything, as soon as its page is there, while others are awaited.
        """
        # A role of a management group or of the tenant is above all subscriptions.
        options: dict[str, Any] = {"$top": 1000, "authorizationScopeFilter": "AtScopeAboveAndBelow"}
        by_id: dict[Id | None, Any] = {}
        missing, cut = 0, False
        for piece in where.pieces():
            body = {"query": f"{query} | order by id asc", "options": options, **piece}
            found = _complete(body, partial(self._page, read), most)
            if found is None:
                return Rows(told=False)
            by_id |= found.by_id
            missing, cut = missing + found.total - found.size, cut or found.cut
        return Rows(tuple(each for each in by_id.values() if each is not None), missing, cut)

    def _page(self, read: Callable[[dict[str, Any]], Any], body: dict[str, Any]) -> Page:
        """One answer, however long the quota makes it wait."""
        from azure.core.exceptions import AzureError

        pauses, renewed = Pauses(self._stop, first=_FIRST_PAUSE), False
        while True:
            self._quota.take()
            headers: dict[str, str] = {}
            try:
                answer, headers = self._arm.query(PATH, API_VERSIONS["Microsoft.ResourceGraph/resources"], body)
                if not isinstance(answer.get("data"), list):
                    raise UnexpectedResponse("a list of rows was expected.")
                if number(answer, "totalRecords") is None:
                    raise UnexpectedResponse("the number of all rows was expected.")
                failure = None
            except AzureError as error:
                headers = getattr(getattr(error, "response", None), "headers", None) or {}
                failure = error
            finally:
                asked = self._quota.told(headers)
            if failure is None:
                return _page_of(answer, headers, read)
            if read_error(failure).status == 401 and not renewed:
                renewed = True  # a token can expire on the way: the next query has a new one
                continue
            throttled = _throttled(failure)
            wait = (asked or resets_after(headers)) if throttled else None
            within = PATIENCE if throttled else PATIENCE_WITH_TROUBLE
            if not (throttled or _may_pass(failure)) or not pauses.another(within, wait or asked_pause(failure)):
                raise failure


def _page_of(answer: dict[str, Any], headers: Mapping[str, str], read: Callable[[dict[str, Any]], Any]) -> Page:
    rows = parts(answer, "data")
    by_id = {identifier(row, "id"): read(row) for row in rows}
    cut = headers.get("x-ms-tenant-subscription-limit-hit", "").lower() == "true"
    total, token = number(answer, "totalRecords") or 0, text(answer, "$skipToken")
    if not token and same(text(answer, "resultTruncated"), "true"):
        total = max(total, len(rows) + 1)  # there are more, and no way to get them
    return Page(by_id, len(rows), total, token, cut)


def _complete(body: dict[str, Any], get_page: GetPage, most: float) -> Page | None:
    """All pages as one, whose size is that of all its different rows; None if these are more than `most`. Asked again
    from the start where rows are missing: pages are offsets, and rows may have shifted."""
    first = get_page(body)
    if first.total > most:
        return None
    found = _together(first, _side_by_side(body, get_page, first))
    if found.size == found.total:
        return found
    first = get_page(body)
    return _together(first, _one_by_one(body, get_page, first))


def _together(first: Page, rest: Iterable[Page]) -> Page:
    by_id: dict[Id | None, Any] = {}
    total, cut = 0, False
    for page in (first, *rest):
        by_id |= page.by_id
        # Where it changes, rows have shifted: the largest tells that one may be missing.
        total, cut = max(total, page.total), cut or page.cut
    return Page(by_id, len(by_id), max(total, len(by_id)), None, cut)


def _side_by_side(body: dict[str, Any], get_page: GetPage, first: Page) -> Iterable[Page]:
    """The pages after the first, which tells how many there are, all at once."""
    starts = range(first.size, first.total, first.size) if first.token and first.size else ()
    return in_parallel(*(partial(get_page, _with_option(body, "$skip", start)) for start in starts))


def _one_by_one(body: dict[str, Any], get_page: GetPage, first: Page) -> Iterable[Page]:
    """The pages after the first, each by the token of the one before."""
    token, seen = first.token, set()
    while token and token not in seen:
        seen.add(token)
        page = get_page(_with_option(body, "$skipToken", token))
        yield page
        token = page.token


def _with_option(body: dict[str, Any], name: str, value: object) -> dict[str, Any]:
    return {**body, "options": {**body["options"], name: value}}


def only(column: str, values: Iterable[str]) -> str:
    """The condition that a column has one of the values; empty where they are too many to name."""
    wanted = sorted({Id(each) for each in values if each})
    if len(wanted) > MOST_VALUES:
        return ""
    return f"{column} in~ ({', '.join(map(quoted, wanted or ['']))})"


def quoted(value: str) -> str:
    """A text in a query, whatever is in it."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _throttled(error: Exception) -> bool:
    said = read_error(error)
    return said.status == 429 or same_code(said, "RateLimiting")


def _may_pass(error: Exception) -> bool:
    """No answer, or that of a service in trouble."""
    from azure.core.exceptions import ClientAuthenticationError

    return not isinstance(error, ClientAuthenticationError) and read_error(error).status in (0, 500, 502, 503, 504)
