"""The results of operations that are not asked for below a registry: imports, and deletions of what lies below one.

Recording acr_import_post_202: the region in the URL is in upper case, and no registry is named (facts: migrate.md 2).
"""

from __future__ import annotations

from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.resource_manager.access import require, scopes_granted
from sandbox.resource_manager.arm import HOST, not_found
from sandbox.world import Operation, World

router = Router()
IMPORTING = "Importing"
_TYPE = "Microsoft.ContainerRegistry/locations/operationResults"
_RESULT = "/subscriptions/{subscription}/providers/Microsoft.ContainerRegistry/locations/{location}/operationResults"


@router.route("GET", HOST, f"{_RESULT}/{{operation}}")
def get(world: World, request: Request) -> Reply:
    """202 while an operation goes on; then 200 without a body, or its error."""
    _may_poll(world, request)
    operation = world.results.get(request.params["operation"].lower())
    if operation is None:
        raise not_found(_TYPE, (request.params["location"], request.params["operation"]), "")
    status = operation.settle(world.now())
    if status == "Failed" and world.settings.import_failure_in_body:
        return Reply(200, {"status": "Failed", "error": operation.error})
    if status == "Failed":
        raise AzureError(400, operation.error["code"], operation.error["message"])
    if status == "Succeeded":
        return Reply(200)
    return Reply(202, None, headers(world, request, request.params["location"], operation))


def headers(world: World, request: Request, location: str, operation: Operation) -> dict[str, str]:
    """Where the result of an operation can be had, and when."""
    path = _RESULT.format(subscription=request.params["subscription"], location=location.upper())
    version, settings = request.query["api-version"], world.settings
    told = {"Location": f"https://{HOST}{path}/{operation.id}?api-version={version}", "api-supported-versions": version}
    again = settings.import_retry_after if operation.kind == IMPORTING else settings.registry_retry_after
    return told | ({} if again is None else {"Retry-After": str(again)})


def _may_poll(world: World, request: Request) -> None:
    """Whether the permission must be one on the subscription is a setting."""
    action, caller = f"{_TYPE}/read", request.caller
    if world.settings.import_polls_need_subscription or not scopes_granted(world, caller.object_id, action):
        require(world, caller, action, f"/subscriptions/{request.params['subscription']}")
