"""Tokens that prove an external evaluation of a request, as `--acquire-policy-token` of the CLI fetches them.

From documentation, not recordings: the models PolicyTokenRequest and PolicyTokenResponse of azure-mgmt-resource-policy,
and what azure.cli.core.sdk.policies sends. Which permission it requires is not known; here it requires none. That a
token holds only for the request that it was acquired for is assumed.
"""

from __future__ import annotations

import uuid
from urllib.parse import unquote, urlsplit

from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.resource_manager.arm import HOST
from sandbox.resource_manager.common import body_of
from sandbox.world import World

router = Router()


@router.route("POST", HOST, "/subscriptions/{subscription}/providers/Microsoft.Authorization/acquirePolicyToken")
def acquire(world: World, request: Request) -> Reply:
    operation = body_of(request).get("operation")
    if not isinstance(operation, dict) or not operation.get("uri") or not operation.get("httpMethod"):
        raise AzureError(400, "InvalidPolicyTokenRequest", "The property 'operation' is required.")
    token, path = str(uuid.uuid4()), unquote(urlsplit(operation["uri"]).path).lower()
    world.policy_tokens[token] = operation["httpMethod"], path
    return Reply(200, {"result": "Succeeded", "token": token, "tokenId": token, "results": []})
