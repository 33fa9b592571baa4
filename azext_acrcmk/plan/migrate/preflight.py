"""What stands in the way of a migration, known before anything is made (migrate facts 0.11, 2.1, 2.2). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId, same
from azext_acrcmk.model.preflight import Allowed
from azext_acrcmk.model.state import Registry, Unknown
from azext_acrcmk.plan.obstacle import BLOCKED, UNDETERMINED, Obstacle
from azext_acrcmk.rules.fixes import registry_command

IMPORT = f"{REGISTRY_TYPE}/importImage/action"
PULL = f"{REGISTRY_TYPE}/pull/read"
PUSH = f"{REGISTRY_TYPE}/push/write"
_DATA = tuple(f"{REGISTRY_TYPE}/{action}" for action in ("catalog/read", "repositories/metadata/read"))
READ_DATA = (*_DATA, f"{REGISTRY_TYPE}/repositories/content/read")
WRITE_DATA = (*READ_DATA, f"{REGISTRY_TYPE}/repositories/content/write")
ABAC = "AbacRepositoryPermissions"
# Covers lists, pulls and imports in both role assignment modes.
IMPORTER_ROLE = "Container Registry Data Importer and Data Reader"
WRITER_ROLE = "Container Registry Repository Writer"
# Write where the role assignment mode has no repository permissions.
PUSHER_ROLE = "AcrPush"


def source_obstacles(source: Registry) -> list[Obstacle]:
    """Why nothing can be imported from a registry."""
    return list(_of_source(source))


def _of_source(source: Registry) -> Iterator[Obstacle]:
    name = source.name

    def blocked(reason: str) -> Obstacle:
        return Obstacle(BLOCKED, "source", str(source.id), reason)

    if source.encryption.enabled:
        yield blocked(
            f"Registry '{name}' is already encrypted with a customer-managed key. To change the key: "
            f"{registry_command(source.id, 'cmk rotate')}"
        )
    if source.content_trust:
        disable = registry_command(source.id, "config content-trust update", "--status disabled", named="--registry")
        yield blocked(
            f"Registry '{name}' uses content trust, which a registry with a customer-managed key can't have; its "
            f"signatures are not copied. To disable it: {disable}"
        )
    if same(_value(source.properties, "policies", "exportPolicy", "status"), "disabled"):
        yield blocked(
            f"Registry '{name}' does not allow exports, so nothing can be imported from it. To allow them: "
            f"{registry_command(source.id, 'update', '--allow-exports true')}"
        )
    yield from network_obstacles(source.id, source.properties, "source")


def network_obstacles(registry: ArmId, properties: dict[str, Any], step: str) -> Iterator[Obstacle]:
    """Why a registry with these properties can't take part in an import because of its network."""
    rules = _value(properties, "networkRuleSet")
    closed = same(properties.get("publicNetworkAccess"), "Disabled")
    restricted = closed or same(_value(properties, "networkRuleSet", "defaultAction"), "Deny")
    if not restricted:
        return
    if same(properties.get("networkRuleBypassOptions") or "AzureServices", "None"):
        reason = (
            f"The network access of registry '{registry.name}' is restricted, also for trusted services, so images "
            "can't be imported. To allow trusted services: "
            f"{registry_command(registry, 'update', '--allow-trusted-services true')}"
        )
        yield Obstacle(BLOCKED, step, str(registry), reason)
    elif isinstance(rules, dict) and rules.get("virtualNetworkRules"):
        reason = (
            f"Registry '{registry.name}' has rules for virtual networks with service endpoints, which imports do not "
            f"support. To list them: {registry_command(registry, 'network-rule list')}"
        )
        yield Obstacle(BLOCKED, step, str(registry), reason)


def target_obstacles(registry: ArmId, properties: dict[str, Any], new: bool) -> list[Obstacle]:
    """Why nothing can be imported into the new registry, or not be compared. `new`: it is yet to be created."""
    found = list(network_obstacles(registry, properties, "registry"))
    if new and same(properties.get("publicNetworkAccess"), "Disabled"):
        reason = (
            f"Registry '{registry.name}' would be created without public network access, so the copy could not be "
            "verified. Create it with --public-network-enabled true and disable that afterwards, or create it first "
            "(az acr cmk enable), add a private endpoint, and run this command from that network."
        )
        found.append(Obstacle(BLOCKED, "registry", str(registry), reason))
    return found


def permission_obstacles(
    registry: ArmId | str,
    scope: str,
    mode: str | None,
    held: tuple[Allowed, ...] | Unknown | None,
    actions: tuple[str, ...],
    write: bool,
) -> list[Obstacle]:
    """What the caller lacks on `scope`: `actions`, and what reading (or `write`) the content requires in the registry's
    role assignment mode."""
    step = "registry" if write else "source"
    if held is None:
        return []
    if isinstance(held, Unknown):
        reason = f"Could not determine whether you have the permissions to copy images: {held.why}"
        return [Obstacle(UNDETERMINED, step, scope, reason)]
    abac = same(mode, ABAC)
    classic = (PULL, PUSH) if write else (PULL,)
    missing = [each for each in (*actions, *(() if abac else classic)) if not _may(held, each)]
    data = [each for each in (WRITE_DATA if write else READ_DATA) if not _may_data(held, each)] if abac else []
    found = []
    if missing:
        reason = f"You don't have permission {_named(missing)} on {scope}."
        roles = [PUSHER_ROLE] if PUSH in missing else []
        roles = [IMPORTER_ROLE, *roles] if set(missing) - {PUSH} else roles
        found.append(Obstacle(BLOCKED, step, str(registry), reason, ask_for(roles, scope)))
    if data:
        reason = (
            f"You don't have permission {_named(data)} on {scope}. The registry's role assignment mode requires it "
            "also of owners."
        )
        roles = [IMPORTER_ROLE, *([WRITER_ROLE] if write else [])]
        found.append(Obstacle(BLOCKED, step, str(registry), reason, ask_for(roles, scope)))
    return found


def missing_role(registry: Registry, error: Any) -> list[str]:
    """What to do where the login server refuses actions (`error.actions`): it names those of its own tokens."""
    writes = any(action in error.actions for action in ("push", "metadata_write"))
    writer = WRITER_ROLE if same(registry.properties.get("roleAssignmentMode"), ABAC) else PUSHER_ROLE
    return [ask_for([IMPORTER_ROLE, *([writer] if writes else [])], str(registry.id))]


def admission(registry: Registry, address: str) -> list[str]:
    """What to do where the network rules of a registry keep the caller out, who lists images there."""
    elsewhere = "run the command on a computer that can reach both login servers, for example by private endpoints."
    if same(registry.properties.get("publicNetworkAccess"), "Disabled"):
        return [f"Public network access to registry '{registry.name}' is disabled: {elsewhere}"]
    rule = registry_command(registry.id, "network-rule add", f"--ip-address {address}")
    return [f"To allow it: {rule}", f"Or {elsewhere}"]


def ask_for(roles: Sequence[str], scope: str) -> str:
    """What to do where a permission is missing."""
    named = f"role{'s' if len(roles) > 1 else ''} {' and '.join(map(repr, roles))}"
    return f"Ask for the {named} on {scope} to be assigned to you. If that was done recently, wait a few minutes."


def _named(actions: list[str]) -> str:
    return ", ".join(f"'{each}'" for each in actions)


def _may(held: tuple[Allowed, ...], action: str) -> bool:
    return any(each.permits(action) for each in held)


def _may_data(held: tuple[Allowed, ...], action: str) -> bool:
    return any(each.permits_data(action) for each in held)


def _value(properties: dict[str, Any], *path: str) -> Any:
    value: Any = properties
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
