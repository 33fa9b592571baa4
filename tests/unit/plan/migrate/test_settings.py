"""Settings: what is set, in which order, what is left alone because it is there, and what can only be told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from azext_acrcmk.model.content import Deleted
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId
from azext_acrcmk.model.settings import Settings
from azext_acrcmk.model.state import Encryption, Registry, Unknown
from azext_acrcmk.plan.migrate.left import keeps_deleted, left_deleted, left_settings
from azext_acrcmk.plan.migrate.settings import (
    counts,
    network_setting,
    other_conditions,
    settings_to_make,
    unreadable_there,
)
from tests.harness.content import OLD

NEW = ArmId(OLD.subscription, "rg", REGISTRY_TYPE, "newregistry")


def registry(id_: ArmId, location: str = "westeurope", **properties: Any) -> Registry:
    return Registry(id_, location, "Premium", None, "Succeeded", Encryption("disabled"), properties=properties)


def old(hooks: dict | None = None, properties: dict | None = None, **lists: Any) -> Settings:
    return Settings(
        registry(OLD, **(properties or {})), {kind: tuple(each) for kind, each in lists.items()}, hooks or {}
    )


def new(location: str = "westeurope", properties: dict | None = None, **lists: Any) -> Settings:
    found = {kind: tuple(each) for kind, each in lists.items()}
    return Settings(registry(NEW, location, **(properties or {})), found)


def made(source: Settings, target: Settings) -> list[str]:
    return [f"{each.kind} {each.name}" for each in settings_to_make(source, target)]


def test_what_the_service_made_is_not_copied():
    system = {"name": "_repositories_pull", "properties": {"type": "SystemDefined", "actions": ["x"]}}
    sync = {
        "name": "onsite-sync",
        "id": f"{OLD}/tokens/onsite-sync",
        "properties": {"scopeMapId": f"{OLD}/scopeMaps/x"},
    }
    connected = {
        "name": "onsite",
        "properties": {"parent": {"syncProperties": {"tokenId": f"{OLD}/tokens/ONSITE-sync"}}},
    }
    source = old(scopeMaps=[system], tokens=[sync], connectedRegistries=[connected])
    assert made(source, new()) == []
    assert counts(source)["scopeMaps"] == 0


def test_replicas_are_made_in_all_regions_but_the_two_homes():
    rows = [{"name": each, "location": each} for each in ("westeurope", "northeurope", "West US")]
    source = old(replications=rows)
    assert made(source, new()) == ["replications northeurope", "replications West US"]
    assert made(source, new(location="West US")) == ["replications northeurope"]
    assert made(source, new(replications=rows)) == []
    assert counts(source)["replications"] == 2


def test_a_webhook_that_was_enabled_since_stays_enabled_when_its_address_changes():
    hook = {"name": "deploy", "location": "westeurope", "properties": {"status": "enabled", "actions": ["push"]}}
    address = {"serviceUri": "https://a", "customHeaders": {"h": "1"}}
    source = old(hooks={"deploy": address}, webhooks=[hook])
    (fresh,) = settings_to_make(source, new())
    assert fresh.body["properties"] == {**address, "actions": ["push"], "scope": "", "status": "disabled"}
    target = replace(new(webhooks=[hook]), hooks={"deploy": {"serviceUri": "https://b"}})
    (changed,) = settings_to_make(source, target)
    assert changed.body["properties"]["status"] == "enabled"
    same = {**hook, "properties": {**hook["properties"], "scope": ""}}
    assert made(source, replace(new(webhooks=[same]), hooks={"deploy": address})) == []


def test_a_webhook_whose_address_can_not_be_read_is_left():
    hook = {"name": "deploy", "properties": {"status": "enabled"}}
    source = old(hooks={"deploy": Unknown("action", "scope", "No.")}, webhooks=[hook])
    assert made(source, new()) == []
    (left,) = left_settings(source, NEW)
    assert "can't be read: No." in left.why


def test_only_roles_of_the_registry_itself_are_assigned_each_once():
    def role(scope: object, principal: str, condition: str | None = None) -> dict:
        properties = {"scope": str(scope), "principalId": principal, "roleDefinitionId": "/r/7f951dda"}
        return {"name": principal, "properties": {**properties, **({"condition": condition} if condition else {})}}

    source = old(roleAssignments=[role(OLD, "p", "c"), role(OLD.group_id, "q"), role(OLD, "r")])
    assert made(source, new()) == ["roleAssignments 7f951dda to p", "roleAssignments 7f951dda to r"]
    assert made(source, new(roleAssignments=[role(NEW, "P", "c")])) == ["roleAssignments 7f951dda to r"]
    (first, _) = settings_to_make(source, new())
    assert first.path.startswith(f"{NEW}/providers/Microsoft.Authorization/roleAssignments/")
    assert first.body["properties"]["condition"] == "c"


def test_a_lock_that_would_stop_the_next_pass_is_left_to_the_user():
    def lock(registry_id: object, level: str) -> dict:
        path = f"{registry_id}/providers/Microsoft.Authorization/locks/{level}"
        return {"id": path, "name": level, "properties": {"level": level}}

    source = old(locks=[lock(OLD, "ReadOnly"), lock(OLD, "CanNotDelete"), lock(OLD.group_id, "CanNotDelete")])
    assert made(source, new()) == ["locks CanNotDelete"]
    (left,) = left_settings(source, NEW)
    assert left.command == f"az lock create --name ReadOnly --lock-type ReadOnly --resource {NEW}"


def test_policies_that_delete_and_addresses():
    policies = {
        "retentionPolicy": {"status": "enabled", "days": 7, "lastUpdatedTime": "x"},
        "softDeletePolicy": {"status": "disabled"},
        "quarantinePolicy": {"status": "enabled"},
    }
    rules = {"defaultAction": "Deny", "ipRules": [{"action": "Allow", "value": "1.2.3.4"}]}
    source = old(properties={"policies": policies, "networkRuleSet": rules, "anonymousPullEnabled": True})
    (policy,) = settings_to_make(source, new())
    assert policy.patch
    assert policy.body["properties"] == {
        "policies": {"retentionPolicy": {"status": "enabled", "days": 7}},
        "anonymousPullEnabled": True,
    }
    setting = network_setting(source, new(properties={"networkRuleSet": {"defaultAction": "Deny"}}))
    assert setting.body["properties"]["networkRuleSet"] == rules
    assert network_setting(source, new(properties={"networkRuleSet": rules})) is None
    assert network_setting(old(), new()) is None
    (left,) = left_settings(source, NEW)
    assert left.what == "quarantine"


def test_what_can_not_be_read_is_told():
    source = Settings(registry(OLD), {"tokens": Unknown("Microsoft.X/tokens/read", "/s", "No.")})
    (left,) = left_settings(source, NEW)
    assert (left.what, left.why) == ("tokens", "Could not be read: No. Requires permission 'Microsoft.X/tokens/read'.")
    assert counts(source) == {"tokens": None}


def test_what_of_the_new_registry_can_not_be_read_is_not_set_but_named():
    """A webhook that was enabled there would be disabled again."""
    hook = {"name": "ci", "location": "westeurope", "properties": {"status": "enabled", "actions": ["push"]}}
    lock = {"id": f"{OLD}/providers/Microsoft.Authorization/locks/keep", "name": "keep"}
    source = old(
        hooks={"ci": {"serviceUri": "https://x.test"}},
        webhooks=[hook],
        locks=[{**lock, "properties": {"level": "CanNotDelete"}}],
    )
    hidden = Settings(
        registry(NEW), {"webhooks": Unknown(why="No permission.", action="a/read"), "tokens": Unknown(why="x")}
    )
    assert made(source, hidden) == ["locks keep"]
    assert [(each.what, "'a/read'" in each.why) for each in unreadable_there(source, hidden)] == [("webhooks", True)]
    assert made(source, new()) == ["webhooks ci", "locks keep"]


def test_a_webhook_of_a_replica_is_made_after_the_replica():
    hooks = [{"name": each, "location": each, "properties": {}} for each in ("northeurope", "westeurope")]
    source = old(
        hooks={each["name"]: {"serviceUri": "https://x.test"} for each in hooks},
        webhooks=hooks,
        replications=[{"name": "northeurope", "location": "northeurope"}],
    )
    assert made(source, new()) == ["webhooks westeurope", "replications northeurope", "webhooks northeurope"]


def test_a_token_that_was_disabled_in_the_new_registry_is_not_enabled_again():
    def token(of: ArmId, status: str, scope_map: str = "x") -> dict:
        properties = {"scopeMapId": f"{of}/scopeMaps/{scope_map}", "status": status}
        return {"name": "ci", "id": f"{of}/tokens/ci", "properties": properties}

    assert made(old(tokens=[token(OLD, "enabled")]), new(tokens=[token(NEW, "disabled")])) == []
    moved = settings_to_make(old(tokens=[token(OLD, "enabled", "y")]), new(tokens=[token(NEW, "disabled")]))
    assert [each.body["properties"]["status"] for each in moved] == ["disabled"]
    closed = settings_to_make(old(tokens=[token(OLD, "disabled")]), new(tokens=[token(NEW, "enabled")]))
    assert [each.body["properties"]["status"] for each in closed] == ["disabled"]


def test_a_lock_that_forbids_more_is_kept():
    def lock(of: ArmId, level: str) -> dict:
        path = f"{of}/providers/Microsoft.Authorization/locks/keep"
        return {"id": path, "name": "keep", "properties": {"level": level}}

    source = old(locks=[lock(OLD, "CanNotDelete")])
    assert made(source, new(locks=[lock(NEW, "ReadOnly")])) == []
    assert made(source, new()) == ["locks keep"]


def test_what_soft_delete_keeps_is_counted_and_named():
    (left,) = left_deleted(Deleted(repositories=2, manifests=5), OLD)
    assert left.what == "soft-deleted manifests: 5 (repositories: 2)"
    assert left.command.startswith("az acr repository list-deleted --name oldregistry")
    (unknown,) = left_deleted(Unknown(why="No permission."), OLD)
    assert "can't be read: No permission." in unknown.why
    assert list(left_deleted(Deleted(), OLD)) == []
    assert [
        keeps_deleted(old(properties={"policies": {"softDeletePolicy": {"status": each}}}))
        for each in ("enabled", "disabled")
    ] == [True, False]
    assert not keeps_deleted(old())


def test_an_event_grid_subscription_is_named_with_the_commands_to_see_it_and_to_create_it():
    (left,) = left_settings(old(eventSubscriptions=[{"name": "audit"}]), NEW)
    assert left.what == "Event Grid subscription 'audit'"
    assert f"az eventgrid event-subscription show --name audit --source-resource-id {OLD}" in left.why
    assert left.command.startswith(f"az eventgrid event-subscription create --name audit --source-resource-id {NEW}")
    assert made(old(eventSubscriptions=[{"name": "audit"}]), new()) == []


def test_a_role_that_the_new_registry_has_with_another_condition_is_not_changed_but_named():
    def role(scope: object, condition: str) -> dict:
        grant = {"scope": str(scope), "principalId": "p", "roleDefinitionId": "/r/x"}
        return {"properties": {**grant, "condition": condition}}

    source = old(roleAssignments=[role(OLD, "wide")])
    assert made(source, new(roleAssignments=[role(NEW, "narrow")])) == []
    (left,) = other_conditions(source, new(roleAssignments=[role(NEW, "narrow")]))
    assert (left.what, "another condition" in left.why) == ("role x of p", True)
    assert list(other_conditions(source, new(roleAssignments=[role(NEW, "wide")]))) == []
    assert list(other_conditions(source, new())) == []
