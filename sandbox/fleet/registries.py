"""Makes the registries of a fleet and their identities, as if each had been encrypted at its creation."""

from __future__ import annotations

import hashlib
from typing import Any

from sandbox.fleet.grants import Granter
from sandbox.fleet.keys import MadeKey, system_data
from sandbox.fleet.names import Names
from sandbox.fleet.plan import SHARED, SYSTEM, RegistryPlan
from sandbox.key_vault.key_material import KeyVersion
from sandbox.managed_identity.identities import TYPE as IDENTITIES
from sandbox.registry.record import DEFAULTS, POLICIES, TYPE, AttachedIdentity, Credential, Encryption, Registry
from sandbox.registry.record import SYSTEM as SYSTEM_IDENTITY
from sandbox.world import Identity, Operation, Principal, World

_DATA_KEY = hashlib.sha256(b"the data key of every registry in a fleet").digest()
_FINGERPRINT = hashlib.sha256(_DATA_KEY).hexdigest()
_ALGORITHM = "RSA-OAEP-256"
_FOR_EVER = 1e10  # seconds after 1970
_RULES: dict[str, Any] = {"defaultAction": "Allow", "ipRules": []}
_TRUSTING = POLICIES | {"trustPolicy": POLICIES["trustPolicy"] | {"status": "enabled"}}
_TAGS = ({"env": "prod"}, {"env": "test"}, {"env": "prod", "team": "platform"}, {})
_FAILURE = {"code": "InternalServerError", "message": "The operation failed."}


class RegistryMaker:
    def __init__(self, world: World, names: Names, granter: Granter, created: float):
        self._world, self._names, self._granter, self._created = world, names, granter, created
        self._shared: dict[int, Identity] = {}
        self._wrapped: dict[int, bytes] = {}

    def make(self, plan: RegistryPlan, made: MadeKey | None) -> Registry:
        name = self._names.registry(plan.number)
        registry = Registry(
            id=f"{self._names.group(plan.subscription, 'registries')}/providers/{TYPE}/{name}",
            name=name,
            location=plan.location,
            tags=_TAGS[plan.number % len(_TAGS)],
            sku=_sku(plan),
            system=system_data(self._created),
            policies_changed=self._created,
            properties=DEFAULTS,  # nobody changes these in place
            policies=_TRUSTING if plan.damage == "content trust" else POLICIES,
            network_rules=_RULES,
            operation=self._operation(plan),
            status=_status(plan),
            replicas=plan.replicas,
        )
        if made:
            principal, credential = self._identity(plan, registry)
            self._granter.grant(plan, made.vault, made.key.name, principal)
            registry.encryption = self._encryption(plan, made, credential)
            self._damage_identity(plan, registry)
        self._world.registries[registry.id.lower()] = registry
        return registry

    def _identity(self, plan: RegistryPlan, registry: Registry) -> tuple[Principal, Credential]:
        """Make the identity that the registry uses its key through, and attach it."""
        if plan.identity == SYSTEM:
            principal = self._principal(registry.name)
            registry.system_principal = principal.object_id
            return principal, Credential(SYSTEM_IDENTITY, principal.object_id, principal.app_id)
        identity = self._shared.get(plan.subscription) if plan.identity == SHARED else None
        if identity is None:
            name = "shared-cmk" if plan.identity == SHARED else f"{registry.name}-cmk"
            identity = self._user_identity(plan.subscription, name, registry.location)
            if plan.identity == SHARED:
                self._shared[plan.subscription] = identity
        attached = AttachedIdentity(identity.id, identity.principal_id, identity.client_id)
        registry.identities = {identity.id.lower(): attached}
        credential = Credential(identity.client_id, identity.principal_id, identity.client_id)
        return self._world.principals[identity.principal_id], credential

    def _user_identity(self, subscription: int, name: str, location: str) -> Identity:
        principal = self._principal(name)
        group = self._names.group(subscription, "registries").replace("/resourceGroups/", "/resourcegroups/")
        identity = Identity(
            f"{group}/providers/{IDENTITIES}/{name}", name, location, {}, principal.object_id, principal.app_id
        )
        self._world.identities[identity.id.lower()] = identity
        return identity

    def _principal(self, name: str) -> Principal:
        principal = Principal(self._names.guid(), app_id=self._names.guid(), name=name, created=self._created)
        self._world.principals[principal.object_id] = principal
        return principal

    def _encryption(self, plan: RegistryPlan, made: MadeKey, credential: Credential) -> Encryption:
        version = made.old if plan.damage == "pinned to an old version" and made.old else made.in_use
        uri = f"{made.vault.uri}/keys/{made.key.name}"
        pinned = plan.damage in ("pinned", "pinned to an old version")
        return Encryption(
            f"{uri}/{version.id}" if pinned else uri, version.id, credential, self._wrap(version), _FINGERPRINT
        )

    def _wrap(self, version: KeyVersion) -> bytes:
        """The data key, wrapped by a version: once for each of the few key pairs that there are."""
        if version.shape.elliptic:
            return b""
        pair = id(version.private)
        if pair not in self._wrapped:
            self._wrapped[pair] = version.wrap(_DATA_KEY, _ALGORITHM)
        return self._wrapped[pair]

    def _damage_identity(self, plan: RegistryPlan, registry: Registry) -> None:
        world, credential = self._world, registry.encryption.credential
        if plan.damage in ("identity deleted", "identity recreated"):
            (attached,) = registry.identities.values()
            del world.identities[attached.id.lower()]
            del world.principals[attached.principal_id]
            if plan.damage == "identity recreated":
                self._user_identity(plan.subscription, attached.id.rsplit("/", 1)[-1], registry.location)
        elif plan.damage == "identity detached":
            registry.identities = {}
            credential.lapses = world.now() + world.settings.identity_credential_seconds
        elif plan.damage == "system identity removed":
            del world.principals[registry.system_principal]
            registry.system_principal = None

    def _operation(self, plan: RegistryPlan) -> Operation | None:
        if plan.damage == "operation failed":
            return Operation(self._operation_id(), "Updating", self._created, error=dict(_FAILURE), done=True)
        if plan.damage == "operation under way":
            return Operation(self._operation_id(), "Updating", _FOR_EVER)
        return None

    def _operation_id(self) -> str:
        return f"registries-{self._names.guid()}"


def _sku(plan: RegistryPlan) -> str:
    if plan.damage == "not Premium":
        return "Basic" if plan.number % 2 else "Standard"
    return "Standard" if plan.damage == "encrypted without Premium" else "Premium"


def _status(plan: RegistryPlan) -> dict[str, str] | None:
    if plan.damage != "status message":
        return None
    message = "The key vault of the registry could not be reached for some time."
    return {"displayStatus": "Alert", "message": message, "timestamp": "2026-11-01T08:00:00.0000000Z"}
