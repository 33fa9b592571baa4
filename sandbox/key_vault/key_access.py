"""Whether a caller can use a key now: checks the firewall, the permissions and the key's state, in this order."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.core.firewall import is_listed
from sandbox.core.web import AzureError, Caller
from sandbox.key_vault.hsm_store import ManagedHsm
from sandbox.key_vault.key_material import Key, KeyVersion
from sandbox.key_vault.key_store import KeyStore, Vault
from sandbox.resource_manager.access import allowed_data, compact, denial, identities_of
from sandbox.world import TENANT, DenyAssignment, World

_VAULTS = "Microsoft.KeyVault/vaults"
_HSM = "Microsoft.KeyVault/managedHsm"


@dataclass(frozen=True)
class Operation:
    """An operation on keys: its permission in access policies, and its data actions."""

    permission: str
    action: str
    hsm_action: str
    name: str = ""  # its name in messages about disabled keys; empty if the state of the key does not matter


OPERATIONS = {
    "get": Operation("get", f"{_VAULTS}/keys/read", f"{_HSM}/keys/read/action", "get"),
    "list": Operation("list", f"{_VAULTS}/keys/read", f"{_HSM}/keys/read/action"),
    "create": Operation("create", f"{_VAULTS}/keys/create/action", f"{_HSM}/keys/create"),
    "update": Operation("update", f"{_VAULTS}/keys/update/action", f"{_HSM}/keys/write/action"),
    "delete": Operation("delete", f"{_VAULTS}/keys/delete", f"{_HSM}/keys/delete"),
    "getDeleted": Operation("get", f"{_VAULTS}/keys/read", f"{_HSM}/keys/deletedKeys/read/action"),
    "recover": Operation("recover", f"{_VAULTS}/keys/recover/action", f"{_HSM}/keys/deletedKeys/recover/action"),
    "purge": Operation("purge", f"{_VAULTS}/keys/purge/action", f"{_HSM}/keys/deletedKeys/delete"),
    "rotate": Operation("rotate", f"{_VAULTS}/keys/rotate/action", f"{_HSM}/keys/rotate/action"),
    "getRotationPolicy": Operation(
        "getrotationpolicy", f"{_VAULTS}/keyrotationpolicies/read", f"{_HSM}/keyrotationpolicies/read"
    ),
    "setRotationPolicy": Operation(
        "setrotationpolicy", f"{_VAULTS}/keyrotationpolicies/write", f"{_HSM}/keyrotationpolicies/write"
    ),
    "wrapKey": Operation("wrapKey", f"{_VAULTS}/keys/wrap/action", f"{_HSM}/keys/wrap/action", "wrapKey"),
    "unwrapKey": Operation("unwrapKey", f"{_VAULTS}/keys/unwrap/action", f"{_HSM}/keys/unwrap/action", "unwrapKey"),
}


@dataclass(frozen=True)
class KeyUser:
    """The caller that uses a key. `address` is empty for an Azure service, which no firewall rule can include."""

    object_id: str
    app_id: str
    address: str = ""
    trusted_service: bool = False
    tenant: str = ""  # that its token is of, where it is not its principal's own

    @classmethod
    def of(cls, caller: Caller, address: str) -> KeyUser:
        return cls(caller.object_id, caller.app_id, address, tenant=caller.tenant_id)

    @property
    def described(self) -> str:
        return f"appid={self.app_id};oid={self.object_id};iss=https://sts.windows.net/{TENANT}/"


def admit(world: World, store: KeyStore, user: KeyUser, operation: str, key_name: str = "") -> None:
    """Check that the user may perform an operation; raises Key Vault's error otherwise."""
    _check_tenant(world, store, user)
    _check_firewall(store, user)
    if isinstance(store, ManagedHsm):
        _check_local_roles(world, store, user, OPERATIONS[operation], key_name)
    elif isinstance(store, Vault) and store.rbac:
        _check_roles(world, store, user, OPERATIONS[operation], key_name)
    elif isinstance(store, Vault):
        _check_policies(world, store, user, OPERATIONS[operation])


def use(
    world: World, store: KeyStore, user: KeyUser, operation: str, key_name: str, version_id: str | None
) -> KeyVersion:
    """Check that the user may perform an operation with a key version (None: the latest). Returns the version."""
    admit(world, store, user, operation, key_name)
    version = find_version(store, key_name, version_id)
    check_state(version, operation, world.now())
    return version


def find_key(store: KeyStore, name: str) -> Key:
    key = store.keys.get(name.lower())
    if key is None:
        raise _not_found(name)
    return key


def find_version(store: KeyStore, name: str, version_id: str | None) -> KeyVersion:
    version = find_key(store, name).version(version_id)
    if version is None:
        raise _not_found(f"{name}/{version_id}")
    return version


def check_state(version: KeyVersion, operation: str, now: float) -> None:
    """Reject operations that the key's state doesn't allow. An expired key can still unwrap (facts 1.6)."""
    name = OPERATIONS[operation].name
    if name and not version.enabled:
        raise _forbidden(f"Operation {name} is not allowed on a disabled key.", "KeyDisabled")
    # The messages for expired keys and missing operations are from memory; the facts only say that they are rejected.
    if name == "wrapKey" and version.expires is not None and version.expires <= now:
        raise _forbidden(f"Operation {name} is not allowed on an expired key.", "KeyExpired")
    if name == "wrapKey" and version.not_before is not None and version.not_before > now:
        raise _forbidden(f"Operation {name} is not allowed on a key that is not yet valid.", "KeyNotYetValid")
    if name in ("wrapKey", "unwrapKey") and name not in version.operations:
        raise _forbidden(f"Operation {name} is not permitted on this key.", "KeyOperationForbidden")


def forbidden_by_rbac_text(
    caller: str, action: str, scope: str, place: str, denied: DenyAssignment | None = None
) -> str:
    """The message of ForbiddenByRbac (facts: service.md 2.2 and 2.3). Its form with a deny assignment is assumed."""
    deny_id = f"'{compact(denied.name)}'" if denied else "null"
    return (
        "Caller is not authorized to perform action on resource.\r\n"
        "If role assignments, deny assignments or role definitions were changed recently, please observe propagation "
        f"time.\r\nCaller: {caller}\r\nAction: '{action}'\r\nResource: '{scope.lower()}'\r\nAssignment: (not found)\r\n"
        f"DenyAssignmentId: {deny_id}\r\nDecisionReason: null \r\nVault: {place}\r\n"
    )


def place_of(store: KeyStore) -> str:
    return f"{store.name};location={store.location}"


def key_scope(store: KeyStore, key_name: str) -> str:
    return f"{store.id}/keys/{key_name}" if key_name else store.id


def _check_tenant(world: World, store: KeyStore, user: KeyUser) -> None:
    """A vault takes tokens of its own tenant only (text as users report it)."""
    principal = world.principals.get(user.object_id.lower())
    tenant = user.tenant or (principal.tenant if principal else TENANT)
    if tenant != store.tenant_id:
        sts = "https://sts.windows.net"
        message = f"AKV10032: Invalid issuer. Expected one of {sts}/{store.tenant_id}/, found {sts}/{tenant}/."
        raise AzureError(401, "Unauthorized", message)


def _check_firewall(store: KeyStore, user: KeyUser) -> None:
    rules = store.network_acls or {}
    access = store.public_network_access.lower()
    perimeter = access == "securedbyperimeter"  # no trusted services either (facts: service.md 1.4)
    if user.trusted_service and not perimeter and rules.get("bypass", "AzureServices").lower() == "azureservices":
        return
    if access == "disabled":
        # Message and inner code from user reports; the facts quote only the next one.
        raise _forbidden(
            "Public network access is disabled and request is not from a trusted service nor via an approved private "
            f"link.\r\nCaller: {user.described}\r\nVault: {place_of(store)}",
            "ForbiddenByConnection",
        )
    if not perimeter and (rules.get("defaultAction", "Allow").lower() == "allow" or is_listed(rules, user.address)):
        return
    raise _forbidden(
        "Client address is not authorized and caller is not a trusted service.\r\n"
        f"Client address: {user.address}\r\nCaller: {user.described}\r\nVault: {place_of(store)}",
        "ForbiddenByFirewall",
    )


def _check_policies(world: World, store: Vault, user: KeyUser, operation: Operation) -> None:
    latest = world.now() - world.settings.policy_seconds
    names = identities_of(world, user.object_id)
    if any(store.policy_allows(name, operation.permission, latest) for name in names):
        return
    raise _forbidden(
        f"The user, group or application '{user.described}' does not have keys {operation.permission.lower()} "
        f"permission on key vault '{place_of(store)}'. For help resolving this issue, please see "
        "https://go.microsoft.com/fwlink/?linkid=2125287",
        "ForbiddenByPolicy",
    )


def _check_roles(world: World, store: Vault, user: KeyUser, operation: Operation, key_name: str) -> None:
    scope = key_scope(store, key_name)
    if allowed_data(world, user.object_id, operation.action, scope):
        return
    age = world.settings.role_seconds
    denied = denial(world, user.object_id, operation.action, scope, data=True, min_age=age)
    message = forbidden_by_rbac_text(user.described, operation.action, scope, place_of(store), denied)
    raise _forbidden(message, "ForbiddenByRbac")


def _check_local_roles(world: World, store: ManagedHsm, user: KeyUser, operation: Operation, key_name: str) -> None:
    scope = f"/keys/{key_name}" if key_name else "/keys"
    latest = world.now() - world.settings.role_seconds
    earliest = world.now() - world.settings.role_removal_seconds
    if store.allows(identities_of(world, user.object_id), operation.hsm_action, scope, latest, earliest):
        return
    raise _forbidden(
        f"User {user.object_id} does not have permission to perform {operation.hsm_action} on {scope}.",
        "ForbiddenByRbac",
    )


def _forbidden(message: str, inner: str) -> AzureError:
    return AzureError(403, "Forbidden", message, inner=inner)


def _not_found(name: str) -> AzureError:
    return AzureError(
        404,
        "KeyNotFound",
        f"A key with (name/id) {name} was not found in this key vault. If you recently deleted this key you may be "
        "able to recover it using the correct recovery command. For help resolving this issue, please see "
        "https://go.microsoft.com/fwlink/?linkid=2125182",
    )
