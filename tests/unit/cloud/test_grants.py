"""Role assignments are put under the name that a template gives them."""

from types import SimpleNamespace

import pytest

from azext_acrcmk.apply import Context, apply_change
from azext_acrcmk.cloud.waiting import Stop
from azext_acrcmk.model.arm_guid import arm_guid
from azext_acrcmk.plan.enable import plan_enable
from azext_acrcmk.progress import Progress
from tests.harness import make


class Arm:
    """Takes what is put."""

    def __init__(self):
        self.put_there = {}

    def put(self, path, _version, body):
        self.put_there[path] = body
        return body


@pytest.mark.parametrize("scope", ["vault", "key"])
def test_an_assignment_is_named_by_scope_principal_and_role(scope):
    goal, arm = make.goal(grant_scope=scope), Arm()
    state = make.nothing(goal)
    change = make.step(plan_enable(goal, state, make.NOW), "grant")
    clients = SimpleNamespace(arm=lambda _subscription: arm)
    context = Context(clients, state, make.TENANT, Progress(silent=True), Stop(), goal)
    context.identity, context.vault = make.identity(goal), make.vault(goal)
    apply_change(change, context)
    ((path, body),) = arm.put_there.items()
    there = f"{goal.vault}/keys/{goal.key_name}" if scope == "key" else str(goal.vault)
    name = arm_guid(there, make.PRINCIPAL, "e147488a-f6f5-4113-8e2d-b22465e65bf6")
    assert path == f"{there}/providers/Microsoft.Authorization/roleAssignments/{name}"
    assert body["properties"]["principalId"] == make.PRINCIPAL
    assert body["properties"]["roleDefinitionId"].endswith("/roleDefinitions/e147488a-f6f5-4113-8e2d-b22465e65bf6")
