"""Azure Policy's preview: which policies would deny a resource, before it is written.

From documentation, not recordings: the specification of Microsoft.PolicyInsights (2022-03-01, 2023-03-01, 2024-10-01)
and its example PolicyRestrictions_CheckAtResourceGroupScope. Microsoft's list of operations calls the permission
`checkPolicyRestrictions/read`, though the request is a POST; other public texts call it `.../action`.

It is assumed to accept resource groups, keys and role assignments like any other type.

Restrictions of single fields (`pendingFields`) are not computed: `fieldRestrictions` is always empty. Error texts are
not known.
"""

from __future__ import annotations

from typing import Any

from sandbox.core.web import AzureError, Reply, Request, Router
from sandbox.resource_manager import policies
from sandbox.resource_manager.access import require
from sandbox.resource_manager.arm import HOST
from sandbox.resource_manager.common import body_of
from sandbox.world import World

router = Router()
TYPE = "Microsoft.PolicyInsights/checkPolicyRestrictions"
_EFFECTS_SINCE = "2023-03-01"


@router.route("POST", HOST, f"/subscriptions/{{subscription}}/providers/{TYPE}")
@router.route("POST", HOST, f"/subscriptions/{{subscription}}/resourceGroups/{{group}}/providers/{TYPE}")
def check(world: World, request: Request) -> Reply:
    """The policies assigned at or above the scope that would deny this content."""
    scope = request.path[: request.path.lower().rindex("/providers/")]
    require(world, request.caller, f"{TYPE}/read", scope)
    details = body_of(request).get("resourceDetails")
    content = details.get("resourceContent") if isinstance(details, dict) else None
    if not isinstance(content, dict) or not content.get("type"):
        raise AzureError(
            400, "InvalidCheckRestrictionsRequest", "The property 'resourceDetails.resourceContent.type' is required."
        )
    with_effect = request.query["api-version"] >= _EFFECTS_SINCE
    broken = policies.broken_by(world, content["type"], details.get("scope") or scope, content)
    evaluations = [_evaluation(policy, content, with_effect) for policy in broken]
    return Reply(200, {"fieldRestrictions": [], "contentEvaluationResult": {"policyEvaluations": evaluations}})


def _evaluation(policy: policies.DenyPolicy, content: dict[str, Any], with_effect: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        # No policy of the sandbox belongs to an initiative, so the IDs of initiatives are left out.
        "policyInfo": {"policyDefinitionId": policy.definition_id, "policyAssignmentId": policy.assignment_id},
        "evaluationResult": "NonCompliant",
        "evaluationDetails": {"evaluatedExpressions": policies.expressions(policy, content["type"], content)},
    }
    if with_effect:
        shown["effectDetails"] = {"policyEffect": "Deny"}
        if policy.reason:
            shown["evaluationDetails"]["reason"] = policy.reason
    return shown
