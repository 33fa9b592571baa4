"""From the parts of a registry to a deployment: what is created, in which order, and what is referred to. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from azext_acrcmk.model.access import ENCRYPTION_USER
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import IDENTITY_TYPE, REGISTRY_TYPE, ROLE_ASSIGNMENT_TYPE, VAULT_TYPE, ArmId
from azext_acrcmk.model.key_identity import SYSTEM
from azext_acrcmk.output.template.parts import Parts, exported_properties
from azext_acrcmk.output.template.tree import (
    IdOf,
    Input,
    Nested,
    Output,
    Parameter,
    PropertyOf,
    Resource,
    Segment,
    Tree,
    Waits,
    call,
)
from azext_acrcmk.plan import bodies, kinds
from azext_acrcmk.plan.change import Change

KEY_TYPE = f"{VAULT_TYPE}/keys"
POLICY_TYPE = f"{VAULT_TYPE}/accessPolicies"
# An empty deployment takes a few seconds (facts 1.4); a role takes effect within ten minutes, and mostly in one or two.
WAITS = 20

_NAMES = {
    "registryName": ("Name of the container registry: 5 to 50 letters and digits, unique in Azure.", (5, 50)),
    "identityName": ("Name of the user-assigned identity through which the registry uses the key.", (3, 128)),
    "vaultName": ("Name of the key vault: 3 to 24 letters, digits and hyphens, unique in Azure.", (3, 24)),
    "keyName": ("Name of the key that encrypts the registry.", (1, 127)),
}
_IDS = {
    "identity": "ID of the user-assigned identity through which the registry uses the key.",
    "vault": "ID of the key vault in which the identity is granted access to the key.",
}


def build(parts: Parts) -> Tree:
    """The deployment of parts for which nothing is to be done first."""
    return _Builder(parts).build()


class _Builder:
    def __init__(self, parts: Parts):
        self.parts = parts
        self.inputs: dict[str, Input] = {}
        self.items: list[Resource | Nested | Waits] = []

    def build(self) -> Tree:
        self._name("registryName", self.parts.id.name)
        self._location()
        self._identity()
        self._vault()
        self._key()
        waits_for = self._grant()
        self._registry(waits_for)
        return Tree(_description(self.parts), tuple(self.inputs.values()), tuple(self.items), self._outputs())

    # Parameters

    def _name(self, parameter: str, name: str) -> Parameter:
        description, lengths = _NAMES[parameter]
        return self._input(Input(parameter, "string", name, description, lengths=lengths))

    def _id_input(self, symbol: str, id_: ArmId) -> Parameter | None:
        """What exists can be exchanged for another. What an exported registry uses, it uses."""
        if self.parts.found:
            return None
        return self._input(Input(f"{symbol}Id", "string", str(id_), _IDS[symbol]))

    def _input(self, given: Input) -> Parameter:
        self.inputs[given.name] = given
        return Parameter(given.name)

    def _location(self) -> None:
        self._input(Input("location", "string", self.parts.location, "Location of the resources to create."))
        tags = getattr(self.parts.registry, "tags", None)
        if tags is not None:
            self._input(Input("tags", "object", tags, "Tags of the resources to create."))

    def _with_parameters(self, body: dict[str, Any]) -> dict[str, Any]:
        """Location and tags of a new resource as parameters, where they are those of the registry."""
        changed = dict(body)
        if body.get("location") == self.parts.location:
            changed["location"] = Parameter("location")
        if "tags" in body:
            changed["tags"] = Parameter("tags")
        return changed

    # Resources

    def _identity(self) -> None:
        change = self.parts.identity
        if change is None:
            return
        if isinstance(change, kinds.UseIdentity):
            self._refer("identity", IDENTITY_TYPE, change.identity.id, self._id_input("identity", change.identity.id))
            return
        self._create("identity", IDENTITY_TYPE, change.id, ("identityName",), bodies.located_body(change))

    def _vault(self) -> None:
        change = self.parts.vault
        if isinstance(change, kinds.CreateVault):
            body, after = bodies.vault_body(change), ()
            body["properties"]["tenantId"] = call_tenant()
            if self.parts.policy_in_new_vault:
                # In the vault itself: with none here, each deployment would take the access away for a moment.
                body["properties"]["accessPolicies"] = [
                    bodies.access_policy(call_tenant(), PropertyOf("identity", "principalId"))
                ]
                after = ("identity",)
            self._create("vault", VAULT_TYPE, change.id, ("vaultName",), body, after)
        elif isinstance(change, kinds.RecoverVault):
            body = bodies.recovery_body(change)
            body["properties"]["tenantId"] = call_tenant()
            self._create("vault", VAULT_TYPE, change.id, (), body)
        elif isinstance(change, kinds.UseVault) and not change.vault.is_hsm:
            # A new key is written into the very vault that was seen.
            chosen = isinstance(self.parts.key, kinds.UseKey) and self.parts.grants
            given = self._id_input("vault", change.vault.id) if chosen else None
            self._refer("vault", VAULT_TYPE, change.vault.id, given)

    def _key(self) -> None:
        change = self.parts.key
        if not isinstance(change, kinds.CreateKey):
            return
        id_ = ArmId(change.vault.subscription, change.vault.group, KEY_TYPE, f"{change.vault.name}/{change.key.name}")
        vault = self._resource("vault")
        names = ("vaultName", "keyName") if "vaultName" in self.inputs else ("", "keyName")
        self._create("key", KEY_TYPE, id_, names, bodies.key_body(change), () if vault.existing else ("vault",))

    def _grant(self) -> tuple[str, ...]:
        """What the registry waits for."""
        change = self.parts.grant
        made = tuple(each for each in ("identity", "vault") if self._is_made(each))
        if isinstance(change, kinds.AddAccessPolicy) and not self.parts.policy_in_new_vault:
            vault = self._vault_input()
            named = {"vaultName": Segment(vault, 8)} if vault else {}
            name = Parameter("vaultName") if vault else change.vault.name
            self._nest_grant(self._policies(name, None), change.vault, made, named)
            return ("grant",)
        if not self.parts.assigns_role:
            return ()
        on_key = isinstance(change, kinds.AssignRole) and "/keys/" in change.scope
        if on_key and self._is_made("key"):
            made = (*made, "key")
        self._nest_grant(self._grants(change), change.vault, made, self._role_parameters(change, on_key), on_key)
        count = Input(
            "grantWaits",
            "int",
            WAITS,
            "How many empty deployments, one after the other, give the role assignment time to take effect. "
            "If the registry still can't access the key, deploy again.",
            least=1,
            most=100,
        )
        self.items.append(Waits("grantWait", self._input(count), ("grant",)))
        return ("grantWait",)

    def _grants(self, change: Change) -> tuple[Resource, ...]:
        if isinstance(change, kinds.AssignRole):
            return (self._role(change.role_id),)
        # Which permission model the vault comes back with is known once it is there.
        uses_roles = Parameter("usesRoles")
        return (
            replace(self._role(ENCRYPTION_USER), condition=uses_roles),
            *self._policies(change.vault.name, call("not", uses_roles)),
        )

    def _role_parameters(self, change: Change, on_key: bool) -> dict[str, Any]:
        vault = self._vault_input()
        if on_key and vault:
            scope = call("format", "{0}/keys/{1}", vault, Segment(self._key_input(), 4))
        elif on_key:
            scope = IdOf("key") if self._is_made("key") else change.scope
        else:
            scope = IdOf("vault") if self._resource("vault") else str(change.vault)
        given = {"scope": scope}
        if isinstance(change, kinds.GrantInRecoveredVault):
            given["usesRoles"] = PropertyOf("vault", "enableRbacAuthorization")
        return given

    def _role(self, role: str) -> Resource:
        scope, principal = Parameter("scope"), Parameter("principalId")
        definition = call("subscriptionResourceId", "Microsoft.Authorization/roleDefinitions", role)
        properties = {"roleDefinitionId": definition, "principalId": principal, "principalType": "ServicePrincipal"}
        return Resource(
            "role",
            ROLE_ASSIGNMENT_TYPE,
            API_VERSIONS[ROLE_ASSIGNMENT_TYPE],
            (call("guid", scope, principal, role),),
            {"properties": properties},
            scope=scope,
        )

    def _policies(self, vault: Any, condition: Any) -> tuple[Resource, ...]:
        body = {"properties": {"accessPolicies": [bodies.access_policy(call_tenant(), Parameter("principalId"))]}}
        version = API_VERSIONS[VAULT_TYPE]
        return (Resource("policy", POLICY_TYPE, version, (vault, "add"), body, condition=condition),)

    def _nest_grant(
        self,
        resources: tuple[Resource, ...],
        vault: ArmId,
        after: tuple[str, ...],
        more: dict[str, Any] | None = None,
        on_key: bool = False,
    ) -> None:
        given = {"principalId": PropertyOf("identity", "principalId"), **(more or {})}
        types = {name: "bool" if name == "usesRoles" else "string" for name in given}
        place = (str(vault.subscription), vault.group) if self.parts.is_elsewhere(vault) else None
        if chosen := self._vault_input():
            place = (Segment(chosen, 2), Segment(chosen, 4))
        self.items.append(Nested("grant", resources, given, after, place, types, on_key))

    def _vault_input(self) -> Parameter | None:
        """The parameter with the ID of a vault that exists, if there is one."""
        vault = self._resource("vault")
        return vault.given if vault else None

    def _registry(self, waits_for: tuple[str, ...]) -> None:
        parts = self.parts
        body = self._exported() if parts.found else self._new_registry()
        after = tuple(each for each in ("identity", "vault", "key") if self._is_made(each))
        version = API_VERSIONS[REGISTRY_TYPE] if parts.found else parts.registry.options.api_version
        name = (Parameter("registryName"),)
        made = Resource("registry", REGISTRY_TYPE, version, name, body, (*after, *waits_for), parts.id)
        self.items.append(made)

    def _new_registry(self) -> dict[str, Any]:
        change = self.parts.registry
        body = self._with_parameters(bodies.registry_body(change, "", self.parts.key_id))
        body["identity"] = bodies.identities_block([IdOf("identity")], system=False)
        body["properties"]["encryption"] = bodies.encryption_block(
            PropertyOf("identity", "clientId"), self._key_identifier()
        )
        return body

    def _exported(self) -> dict[str, Any]:
        found = self.parts.found
        users = [IdOf("identity") if each.id == self.parts.identity_id else str(each.id) for each in found.attached]
        client = found.encryption.identity
        if self.parts.identity and client != SYSTEM:
            client = PropertyOf("identity", "clientId")
        body = {
            "location": Parameter("location"),
            "sku": {"name": found.sku},
            "identity": bodies.identities_block(users, bool(found.system_principal_id)),
            "properties": {
                **exported_properties(found),
                "encryption": bodies.encryption_block(client, str(self.parts.key_id)),
            },
        }
        return {**body, "tags": dict(found.tags)} if found.tags else body

    def _key_input(self) -> Parameter:
        """The URI of a key that exists. With its version the registry is pinned to it, however often it is deployed."""
        text = "URI of the key. Without a version, the registry uses new versions automatically."
        return self._input(Input("keyIdentifier", "string", str(self.parts.key_id), text))

    def _key_identifier(self) -> Any:
        if not self.parts.new_key:
            return self._key_input()
        text = "Whether the registry uses new versions of the key automatically (auto) or is pinned to one (manual)."
        chosen = "manual" if self.parts.pinned else "auto"
        rotation = self._input(Input("rotation", "string", chosen, text, allowed=("auto", "manual")))
        version = self._input(
            Input(
                "keyVersion",
                "string",
                "",
                "With rotation manual, the version of the key that the registry is pinned to. Empty: the version that "
                "is current when this is deployed. When you deploy again, specify the version in use; otherwise, the "
                "registry is rotated to a newer one.",
            )
        )
        given = call("format", "{0}/{1}", PropertyOf("key", "keyUri"), version)
        pinned = call("if", call("empty", version), PropertyOf("key", "keyUriWithVersion"), given)
        return call("if", call("equals", rotation, "auto"), PropertyOf("key", "keyUri"), pinned)

    def _outputs(self) -> tuple[Output, ...]:
        return (
            Output("registryId", "string", IdOf("registry")),
            Output("loginServer", "string", PropertyOf("registry", "loginServer")),
            Output(
                "keyIdentifier",
                "string",
                PropertyOf("registry", "encryption.keyVaultProperties.keyIdentifier"),
            ),
            Output("encryption", "object", PropertyOf("registry", "encryption")),
        )

    # In which resource group

    def _create(
        self,
        symbol: str,
        type_: str,
        id_: ArmId,
        parameters: tuple[str, ...],
        body: dict[str, Any],
        after: tuple[str, ...] = (),
    ) -> None:
        """A resource in the registry's group, its names as parameters; one elsewhere in a deployment of its own."""
        version = API_VERSIONS[type_]
        if not self.parts.is_elsewhere(id_):
            segments = id_.name.split("/")
            names = tuple(
                self._name(parameter, segment) if parameter else segment
                for parameter, segment in zip(parameters or [""] * len(segments), segments, strict=True)
            )
            made = Resource(symbol, type_, version, names, self._with_parameters(body), after, id_)
            self.items.append(made)
            return
        given: dict[str, Any] = {}
        if symbol == "vault" and self.parts.policy_in_new_vault:
            given = {"principalId": PropertyOf("identity", "principalId")}
            body["properties"]["accessPolicies"] = [bodies.access_policy(call_tenant(), Parameter("principalId"))]
        made = Resource(symbol, type_, version, tuple(id_.name.split("/")), body, (), id_)
        place = (str(id_.subscription), id_.group)
        types = dict.fromkeys(given, "string")
        self.items.append(Nested(f"{symbol}Deployment", (made,), given, after, place, types))

    def _refer(self, symbol: str, type_: str, id_: ArmId, given: Parameter | None) -> None:
        name, version = tuple(id_.name.split("/")), API_VERSIONS[type_]
        self.items.append(Resource(symbol, type_, version, name, id=id_, existing=True, given=given))

    def _resource(self, symbol: str) -> Resource | None:
        return Tree("", (), tuple(self.items), ()).resources.get(symbol)

    def _is_made(self, symbol: str) -> bool:
        found = self._resource(symbol)
        return found is not None and not found.existing


def call_tenant() -> Any:
    """The id of the tenant that is deployed to."""
    return PropertyOf("tenant()", "tenantId")


def _description(parts: Parts) -> str:
    text = "A container registry encrypted with a customer-managed key. Deploying it again is safe: it changes nothing."
    if parts.assigns_role:
        text += (
            " If the registry can't access the key yet ('Failed to access KeyId'), the role assignment has not taken "
            "effect: deploy it again."
        )
    if parts.pins_unknown_version:
        text += (
            " The registry is pinned to the key's version that is current when it is deployed: to deploy it again "
            "without a rotation, specify the version in use as keyVersion."
        )
    return text + " Deploy it in incremental mode only."
