"""Reads a query request: its scopes, its options, the place in the answer from which it goes on.

The texts about invalid scopes follow those that users report ("There must be at least one subscription …", "The
provided management groups must be valid …"); those about options are assumed.
"""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import dataclass
from typing import Any

from sandbox.core.web import Caller
from sandbox.resource_graph.errors import refuse
from sandbox.resource_graph.sight import BELOW, FILTERS, Scopes
from sandbox.resource_manager.hierarchy import reaches
from sandbox.resource_manager.subscriptions import visible_subscriptions
from sandbox.world import World

PAGE = 1_000
_MOST_SUBSCRIPTIONS, _MOST_GROUPS = 1_000, 10
_CLUSTER = "https://arg-wus2-three-sf.arg.core.windows.net"
_FILTERS_SINCE, _GROUPS_SINCE = "2021-06-01", "2021-03-01"


@dataclass(frozen=True)
class Options:
    """Which rows are wanted: `rows` at most, from `start` on. `table` is the other format of an answer."""

    start: int = 0
    rows: int = PAGE
    table: bool = False


def read_query(body: Any) -> str:
    query = body.get("query") if isinstance(body, dict) else None
    if not isinstance(query, str) or not query.strip():
        raise refuse("InvalidRequest", "The query must not be empty.")
    return query


def read_options(body: dict[str, Any]) -> Options:
    """What is not spelled as it should be ("top" for "$top") has no effect, as in the service."""
    given = body.get("options") or {}
    if not isinstance(given, dict):
        raise refuse("InvalidRequest", "The options are invalid.")
    form = given.get("resultFormat") or "objectArray"
    if str(form).lower() not in ("objectarray", "table"):
        raise refuse("InvalidRequest", f"The result format '{form}' is invalid.")
    rows = _whole(given, "$top", 1, PAGE)
    start = _whole(given, "$skip", 0, 2**31 - 1) or 0
    token = given.get("$skipToken")
    if token:
        start, size = _read_token(token)
        rows = rows or size
    return Options(start, rows or PAGE, str(form).lower() == "table")


def read_scopes(world: World, caller: Caller, body: dict[str, Any], api_version: str) -> Scopes:
    """The subscriptions that are asked for and that the caller may look into."""
    subscriptions = _names(body, "subscriptions")
    groups = _names(body, "managementGroups") if api_version >= _GROUPS_SINCE else None
    if subscriptions is not None and groups is not None:
        raise refuse("InvalidRequest", "Subscriptions and management groups can't be given at the same time.")
    visible = visible_subscriptions(world, caller)
    authorization = _authorization(body, api_version)
    if subscriptions is not None:
        return Scopes(_eligible(subscriptions, visible), authorization=authorization)
    if groups is not None:
        return _below(world, groups, visible, authorization)
    if not visible:  # as in github.com/Azure/azure-sdk-for-java/issues/29924
        text = "Access is denied to the requested resource. The user might not have enough permission."
        raise refuse("AccessDenied", text, status=403)
    shown, limit_hit = _first(world, visible)
    return Scopes(shown, tenant=True, authorization=authorization, limit_hit=limit_hit)


def write_token(start: int, rows: int) -> str:
    """A place in an answer. It is an offset, into whatever the rows are then (recording graph_query_page_200)."""
    place = {"$id": "1", "MaxRows": rows, "RowsToSkip": start, "KustoClusterUrl": _CLUSTER}
    return base64.b64encode(json.dumps(place, indent=2).replace("\n", "\r\n").encode()).decode()


def _read_token(token: Any) -> tuple[int, int]:
    try:
        place = json.loads(base64.b64decode(token, validate=True))
        start, rows = place["RowsToSkip"], place["MaxRows"]
        if not (isinstance(start, int) and isinstance(rows, int) and start >= 0 and 1 <= rows <= PAGE):
            raise ValueError(token)
    except (ValueError, TypeError, KeyError):
        raise refuse("InvalidSkipToken", "The skip token is invalid.") from None
    return start, rows


def _eligible(asked: list[str], visible: set[str]) -> frozenset[str]:
    if len(asked) > _MOST_SUBSCRIPTIONS:
        text = f"The number of subscriptions, {len(asked)}, exceeds the limit of {_MOST_SUBSCRIPTIONS}."
        raise refuse("TooManySubscriptions", text)
    if invalid := [each for each in asked if not _is_guid(each)]:
        raise refuse(
            "SubscriptionsContainInvalidGuids",
            f"The provided subscriptions must be valid Guids. Given: {_all(invalid)}.",
        )
    eligible = frozenset(each.lower() for each in asked) & visible
    if not eligible:
        raise _none_eligible(asked)
    return eligible


def _below(world: World, asked: list[str], visible: set[str], authorization: str) -> Scopes:
    if len(asked) > _MOST_GROUPS:
        text = f"The number of management groups, {len(asked)}, exceeds the limit of {_MOST_GROUPS}."
        raise refuse("TooManyManagementGroups", text)
    known = [world.management_groups.get(each.lower()) for each in asked]
    if None in known:
        text = f"The provided management groups must be valid. Given: {_all(asked)}."
        raise refuse("ManagementGroupsContainInvalidIds", text)
    below = {each for each in visible for group in known if reaches(world, group.id, f"/subscriptions/{each}")}
    if not below:
        raise _none_eligible([])
    shown, limit_hit = _first(world, below)
    return Scopes(shown, frozenset(each.lower() for each in asked), False, authorization, limit_hit)


def _first(world: World, subscriptions: set[str]) -> tuple[frozenset[str], bool]:
    limit = world.settings.graph_subscription_limit
    return frozenset(sorted(subscriptions)[:limit]), len(subscriptions) > limit


def _none_eligible(asked: list[str]) -> Exception:
    text = f"There must be at least one subscription that is eligible to contain resources. Given: {_all(asked)}."
    return refuse("NoValidSubscriptionsInQueryRequest", text)


def _authorization(body: dict[str, Any], api_version: str) -> str:
    given = body.get("options") or {}
    wanted = (given.get("authorizationScopeFilter") if isinstance(given, dict) else None) or BELOW
    if api_version < _FILTERS_SINCE:
        return BELOW
    for each in FILTERS:
        if each.lower() == str(wanted).lower():
            return each
    raise refuse("InvalidRequest", f"The authorization scope filter '{wanted}' is invalid.")


def _names(body: dict[str, Any], key: str) -> list[str] | None:
    """A list of names, or None where none is given; an empty list is none."""
    given = body.get(key)
    if not given:
        return None
    if not isinstance(given, list) or not all(isinstance(each, str) for each in given):
        raise refuse("InvalidRequest", f"The property '{key}' must be an array of strings.")
    return given


def _whole(given: dict[str, Any], key: str, least: int, most: int) -> int | None:
    value = given.get(key)
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise refuse("InvalidRequest", f"The option '{key}' must be between {least} and {most}. Given: '{value}'.")
    return value


def _all(names: list[str]) -> str:
    return "'" + "','".join(names) + "'"


def _is_guid(text: str) -> bool:
    try:
        return bool(uuid.UUID(text))
    except ValueError:
        return False
