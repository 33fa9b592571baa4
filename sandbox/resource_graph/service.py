"""The query API of Azure Resource Graph (recordings graph_*; facts: fleet.md 1.1 to 1.3).

Not served: facets, the history of resources, and the GET/LIST API (`useResourceGraph=true`), which reads as the
providers do.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from sandbox.core.clock import iso
from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.resource_graph import index, kql, rows
from sandbox.resource_graph.errors import refuse, refused, support_message
from sandbox.resource_graph.kql import values
from sandbox.resource_graph.requests import Options, read_options, read_query, read_scopes, write_token
from sandbox.resource_graph.sight import Scopes, Sight
from sandbox.resource_manager.access import GATEWAY
from sandbox.resource_manager.arm import HOST
from sandbox.resource_manager.throttling import Window
from sandbox.world import World

router = Router()
API_VERSIONS = (
    "2024-04-01",
    "2022-10-01",
    "2021-06-01-preview",
    "2021-03-01",
    "2020-04-01-preview",
    "2019-04-01",
    "2018-09-01-preview",
)
# Tables of the service (documentation) that have nothing of what is in the sandbox.
_EMPTY = (
    "advisorresources alertsmanagementresources appserviceresources awsresources azurebusinesscontinuityresources "
    "chaosresources communitygalleryresources computeresources deploymentresources desktopvirtualizationresources "
    "dnsresources edgeorderresources elasticsanresources extendedlocationresources featureresources "
    "guestconfigurationresources healthresourcechanges healthresources insightsresources iotsecurityresources "
    "kubernetesconfigurationresources kustoresources maintenanceresources managedservicesresources migrateresources "
    "networkresources patchassessmentresources patchinstallationresources policyresources recoveryservicesresources "
    "resourcechanges resourcecontainerchanges securityresources servicefabricresources servicehealthresources "
    "spotresources supportresources tagsresources"
)
_TYPES = {
    "dynamic": "object",
    "long": "integer",
    "int": "integer",
    "real": "number",
    "double": "number",
    "bool": "boolean",
    "timespan": "string",
}
_THROTTLED = (
    "Client application has been throttled and should not attempt to repeat the request until an amount of time has "
    "elapsed. Please see https://aka.ms/resourcegraph-throttling for help."
)


@router.route("POST", HOST, "/providers/Microsoft.ResourceGraph/resources")
def query(world: World, request: Request) -> Reply:
    """Answer a query. It counts against the caller's quota, also where it is invalid."""
    _check_version(request)
    quota, settings = _quota(world, request.caller.object_id), world.settings
    let_through = not settings.graph_quota or quota.take(
        world.now(), settings.graph_quota, settings.graph_quota_seconds
    )
    headers = _quota_headers(world, quota)
    try:
        if not let_through:
            raise refuse("RateLimiting", _THROTTLED, status=429)
        reply = _answer(world, request)
    except AzureError as error:
        error.message = support_message(iso(world.now()))
        error.headers |= headers
        raise
    reply.headers |= headers
    return reply


def before_change(world: World) -> None:
    index.begin(world)


def after_change(world: World) -> None:
    index.note(world)


def _check_version(request: Request) -> None:
    version = request.query["api-version"]
    if version not in API_VERSIONS:
        raise AzureError(
            400,
            "InvalidResourceType",
            "The resource type 'resources' could not be found in the namespace 'Microsoft.ResourceGraph' for api "
            f"version '{version}'. The supported api-versions are '{', '.join(API_VERSIONS)}'.",
            headers=GATEWAY,
        )


def _quota(world: World, object_id: str) -> Window:
    return world.quotas.setdefault(("queries", object_id), Window(world.now()))


def _quota_headers(world: World, quota: Window) -> dict[str, str]:
    settings, now = world.settings, world.now()
    left = str(max(settings.graph_quota - quota.used, 0) if settings.graph_quota else 14)
    seconds = math.ceil(quota.resets_after(now, settings.graph_quota_seconds))
    return {
        "x-ms-user-quota-remaining": left,
        "x-ms-user-quota-resets-after": f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}",
        "x-ms-ratelimit-remaining-tenant-resource-requests": left,
    }


def _answer(world: World, request: Request) -> Reply:
    body, object_id = request.body, request.caller.object_id
    text, options = read_query(body), read_options(body)
    scopes = read_scopes(world, request.caller, body, request.query["api-version"])
    result = _evaluate(world, object_id, scopes, text)
    limit_hit = {"x-ms-tenant-subscription-limit-hit": "true"} if scopes.limit_hit else {}
    return Reply(200, _page(result, options), limit_hit)


def _evaluate(world: World, object_id: str, scopes: Scopes, text: str) -> kql.Result:
    """The whole answer, of which each request gets a page. A page later it is the same, unless something changed."""
    edition = index.edition(world)
    answers, key = index.of(world).answers, (edition.moment, object_id, scopes, text)
    if key not in answers:
        sight = Sight(world, object_id, scopes)
        tables = {name: _table(edition, name, sight) for name in (*edition.tables, *_EMPTY.split())}
        now = datetime.fromtimestamp(world.now(), timezone.utc)
        try:
            answer = kql.run(kql.parse(text), tables, now)
        except kql.QueryError as error:
            raise refused(error.details) from error
        index.of(world).remember(key, answer)
    return answers[key]


def _table(edition: index.Edition, name: str, sight: Sight) -> Callable[[], kql.Table]:
    return lambda: kql.Table(rows.COLUMNS, [each.row for each in edition.tables.get(name, ()) if sight.sees(each)])


def _page(result: kql.Result, options: Options) -> dict[str, Any]:
    """Without the column `id`, or with a number of rows of the query's own, there is only a first page."""
    found = list(result.table.rows)
    if not result.table.ordered:
        random.shuffle(found)  # the order means nothing: the next request gets another
    start = 0 if result.limited else options.start
    shown = found[start : start + options.rows]
    end = start + len(shown)
    pageable = "id" in result.table.names and not result.one_page
    answer: dict[str, Any] = {
        "totalRecords": len(found),
        "count": len(shown),
        "data": _data(result.table, shown, options.table),
        "facets": [],
        "resultTruncated": "true" if end < len(found) and not pageable else "false",
    }
    if end < len(found) and pageable:
        answer["$skipToken"] = write_token(end, options.rows)
    return answer


def _data(table: kql.Table, found: list[tuple], as_table: bool) -> Any:
    if as_table:
        columns = [{"name": column.name, "type": _TYPES.get(column.type, column.type)} for column in table.columns]
        return {"columns": columns, "rows": [[values.written(value) for value in row] for row in found]}
    return [dict(zip(table.names, map(values.written, row), strict=True)) for row in found]
