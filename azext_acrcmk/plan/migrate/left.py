"""What belongs to a registry and can't be copied, with the command to do it (migrate facts 0.9, 3.1). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from shlex import quote
from typing import Any

from azext_acrcmk.model.content import Deleted
from azext_acrcmk.model.ids import ArmId, same
from azext_acrcmk.model.settings import (
    AGENT_POOLS,
    CONNECTED,
    CREDENTIAL_SETS,
    EVENTS,
    TASKS,
    TOKENS,
    WEBHOOKS,
    Settings,
)
from azext_acrcmk.model.state import Unknown
from azext_acrcmk.plan.migrate import again
from azext_acrcmk.plan.migrate.settings import LeftSetting, is_system_token, own_locks, unreadable
from azext_acrcmk.rules.fixes import registry_command


def left_settings(source: Settings, new: ArmId) -> tuple[LeftSetting, ...]:
    """`new` is the id of the new registry."""
    properties = source.registry.properties
    return (
        *unreadable(source),
        *_tokens(source, new),
        *_credential_sets(source, new),
        *_webhooks(source, new),
        *_connected(source, new),
        *_endpoints(properties, new),
        *_network(properties, new),
        *_policies(properties, new),
        *_read_only_locks(source, new),
        *_tasks(source, new),
        *_events(source, new),
        *_others(source, new),
    )


def keeps_deleted(source: Settings) -> bool:
    """Whether soft delete is enabled."""
    policies = source.registry.properties.get("policies") or {}
    return same((policies.get("softDeletePolicy") or {}).get("status"), "enabled")


def left_deleted(found: Deleted | Unknown, old: ArmId) -> Iterator[LeftSetting]:
    """What soft delete keeps can't be imported. `old` is the id of the old registry."""
    command = registry_command(old, "repository list-deleted")
    if isinstance(found, Unknown):
        yield LeftSetting(
            "soft-deleted manifests", f"They are not copied; how many can't be read: {found.why}", command
        )
    elif found.manifests:
        yield LeftSetting(
            f"soft-deleted manifests: {found.manifests} (repositories: {found.repositories})",
            "Deleted, and kept by soft delete: import does not copy them. Restore what you still need before the last "
            "pass. To see them:",
            command,
        )


def _of(registry: ArmId, verb: str, options: str) -> str:
    """A command on a part of a registry."""
    return registry_command(registry, verb, options, named="--registry")


def _tokens(source: Settings, new: ArmId) -> Iterator[LeftSetting]:
    for body in source.of(TOKENS):
        name = str(body.get("name"))
        if not is_system_token(source, body):
            command = _of(new, "token credential generate", f"--name {name} --password1")
            yield LeftSetting(
                f"password of token '{name}'", "Azure can't return existing passwords. Generate a new one.", command
            )


def _credential_sets(source: Settings, new: ArmId) -> Iterator[LeftSetting]:
    for body in source.of(CREDENTIAL_SETS):
        name = str(body.get("name"))
        yield LeftSetting(
            f"access of credential set '{name}'",
            "Its identity is a new one, and needs permission to get the secrets in Key Vault. To see its object ID:",
            _of(new, "credential-set show", f"--name {name} --query identity.principalId"),
        )


def _webhooks(source: Settings, new: ArmId) -> Iterator[LeftSetting]:
    for body in source.of(WEBHOOKS):
        name, hook = str(body.get("name")), source.hooks.get(str(body.get("name")))
        if isinstance(hook, Unknown):
            why = f"Its address and headers can't be read: {hook.why}"
            command = _of(new, "webhook create", f"--name {name} --uri ADDRESS --actions push")
            yield LeftSetting(f"webhook '{name}'", why, command)
        elif same((body.get("properties") or {}).get("status"), "enabled"):
            command = _of(new, "webhook update", f"--name {name} --status enabled")
            yield LeftSetting(
                f"webhook '{name}' is disabled", "This avoids duplicate events. Enable it after the cutover.", command
            )


def _connected(source: Settings, new: ArmId) -> Iterator[LeftSetting]:
    for body in source.of(CONNECTED):
        yield LeftSetting(
            f"connected registry '{body.get('name')}'",
            "It belongs to the old registry, and must be created and activated again on-premises.",
            again.create_connected_registry(body, new),
        )


def _endpoints(properties: dict[str, Any], new: ArmId) -> Iterator[LeftSetting]:
    for body in properties.get("privateEndpointConnections") or ():
        endpoint = ((body.get("properties") or {}).get("privateEndpoint") or {}).get("id") or ""
        name = str(endpoint).rsplit("/", 1)[-1] or str(body.get("name"))
        yield LeftSetting(
            f"private endpoint '{name}'",
            "It belongs to the old registry. Create one for the new registry in the same subnet; both can exist.",
            again.create_private_endpoint(new),
        )


def _network(properties: dict[str, Any], new: ArmId) -> Iterator[LeftSetting]:
    rules = (properties.get("networkRuleSet") or {}).get("virtualNetworkRules")
    if rules:
        yield LeftSetting(
            "rules for virtual networks",
            "Service endpoints are not copied; use private endpoints instead.",
            again.create_private_endpoint(new),
        )


def _policies(properties: dict[str, Any], new: ArmId) -> Iterator[LeftSetting]:
    policies = properties.get("policies") or {}
    if same((policies.get("quarantinePolicy") or {}).get("status"), "enabled"):
        yield LeftSetting(
            "quarantine",
            "It would quarantine what a later pass imports. Enable it after the last pass.",
            f"az resource update --ids {quote(str(new))} --set properties.policies.quarantinePolicy.status=enabled",
        )


def _read_only_locks(source: Settings, new: ArmId) -> Iterator[LeftSetting]:
    for body in own_locks(source):
        if same((body.get("properties") or {}).get("level"), "ReadOnly"):
            yield LeftSetting(
                f"lock '{body.get('name')}'",
                "It would block later passes. Create it after the last pass.",
                f"az lock create --name {quote(str(body['name']))} --lock-type ReadOnly --resource {quote(str(new))}",
            )


def _tasks(source: Settings, new: ArmId) -> Iterator[LeftSetting]:
    for body in source.of(TASKS):
        name = str(body.get("name"))
        show = _of(source.registry.id, "task show", f"--name {name}")
        yield LeftSetting(
            f"task '{name}'",
            "Its secrets can't be read, its identity would be a new one, and its steps can reference the old registry. "
            f"Compare it with the old one ({show}), and create it:",
            again.create_task(body, new),
        )
    for body in source.of(AGENT_POOLS):
        command = again.create_agent_pool(body, new)
        yield LeftSetting(f"agent pool '{body.get('name')}'", "It is billed as long as it exists.", command)


def _events(source: Settings, new: ArmId) -> Iterator[LeftSetting]:
    for body in source.of(EVENTS):
        name = str(body.get("name"))
        show = (
            f"az eventgrid event-subscription show --name {quote(name)} --source-resource-id "
            f"{quote(str(source.registry.id))}"
        )
        yield LeftSetting(
            f"Event Grid subscription '{name}'",
            "Its secrets can't be read, and both registries would send events. Compare it with the old one "
            f"({show}), and create it at the cutover:",
            again.create_event_subscription(body, new),
        )


def _others(source: Settings, new: ArmId) -> Iterator[LeftSetting]:
    properties = source.registry.properties
    if properties.get("adminUserEnabled"):
        yield LeftSetting(
            "passwords of the admin user", "The new registry has its own.", registry_command(new, "credential show")
        )
    if source.registry.system_principal_id:
        yield LeftSetting(
            "system-assigned identity",
            "A new registry has a new one, without the roles of the old one.",
            registry_command(new, "identity assign", "--identities '[system]'"),
        )
