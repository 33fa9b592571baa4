"""ARM resource ids, key ids and the naming rules of the services."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import urlsplit

REGISTRY_TYPE = "Microsoft.ContainerRegistry/registries"
IDENTITY_TYPE = "Microsoft.ManagedIdentity/userAssignedIdentities"
VAULT_TYPE = "Microsoft.KeyVault/vaults"
HSM_TYPE = "Microsoft.KeyVault/managedHSMs"
GROUP_TYPE = "Microsoft.Resources/subscriptions/resourceGroups"
ROLE_ASSIGNMENT_TYPE = "Microsoft.Authorization/roleAssignments"
_TYPES = {each.lower(): each for each in (REGISTRY_TYPE, IDENTITY_TYPE, VAULT_TYPE, HSM_TYPE)}

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_GROUP = re.compile(r"[-\w.()]{0,89}[-\w()]")
# The characters of types and names of resources in all services: none that has a meaning in a path.
_TYPE = re.compile(r"[a-zA-Z][a-zA-Z0-9.]*/[a-zA-Z][a-zA-Z0-9]*")
_NAME = re.compile(r"(?!\.+$)[-\w.()]+")
_REGISTRY = re.compile(r"[a-zA-Z0-9]{5,50}")
_IDENTITY = re.compile(r"[a-zA-Z0-9][-\w]{2,127}", re.ASCII)
_VAULT = re.compile(r"(?!.*--)[a-zA-Z][a-zA-Z0-9-]{1,22}[a-zA-Z0-9]")
_KEY = re.compile(r"[a-zA-Z0-9-]{1,127}")
# vault or managedhsm, followed by the domain of a cloud; the CLI knows the clouds.
_SUFFIX = re.compile(r"(vault|managedhsm)(\.[a-z0-9-]+){2,}")
_VERSION = re.compile(r"[0-9a-zA-Z]{32}")

NAME_RULES = {
    "resource group": (_GROUP, "1 to 90 letters, digits, '-', '_', '.' or parentheses, and not end with '.'"),
    "registry": (_REGISTRY, "5 to 50 letters and digits"),
    "identity": (_IDENTITY, "3 to 128 letters, digits, '-' or '_', and start with a letter or digit"),
    "key vault": (
        _VAULT,
        "3 to 24 letters, digits and single '-', and start with a letter and end with a letter or digit",
    ),
    "key": (_KEY, "1 to 127 letters, digits and '-'"),
}


def name_problem(kind: str, name: str) -> str | None:
    """Why `name` is not valid for a `kind` in NAME_RULES, or None if it is."""
    pattern, rule = NAME_RULES[kind]
    if pattern.fullmatch(name):
        return None
    return f"'{name}' is not a valid {kind} name: it must consist of {rule}."


@lru_cache(maxsize=256)
def _is_type(provider: str, name: str) -> bool:
    return _TYPE.fullmatch(f"{provider}/{name}") is not None


def is_guid(text: str) -> bool:
    return _GUID.fullmatch(text) is not None


class Id(str):
    """An ID without parts: of a subscription, tenant, principal, application or role. Equal regardless of case.

    It keeps the spelling of the service. What others are given, such as a result, is `str` of it.
    """

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return self.lower() == other.lower() if isinstance(other, str) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return self.lower() != other.lower() if isinstance(other, str) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.lower())


_LAST_PROVIDER = re.compile(r"/providers/(?!.*/providers/)", re.IGNORECASE)
_MANAGEMENT_GROUP = re.compile(r"/providers/Microsoft\.Management/managementGroups/([^/]+)", re.IGNORECASE)


class Scope(Id):
    """The ID of whatever a role, a policy or a lock can be assigned to: a management group, a subscription, a resource
    group, a resource, a key; or in a managed HSM a path: /, /keys or /keys/<name>."""

    __slots__ = ()

    def within(self, other: object) -> bool:
        """Whether it is another scope or below it, so that it inherits role assignments."""
        inner, outer = self.lower().rstrip("/"), str(other).lower().rstrip("/")
        return inner == outer or inner.startswith(outer + "/")

    @property
    def name(self) -> str:
        return self.rstrip("/").rsplit("/", 1)[-1]

    @property
    def subscription(self) -> Id:
        """Of a scope in a subscription."""
        return Id(self.split("/")[2])

    @property
    def extended(self) -> Scope:
        """What an extension is on, such as a lock or a role assignment with this ID."""
        return Scope(_LAST_PROVIDER.split(self)[0])

    @property
    def group(self) -> Scope:
        """The resource group of what is in one; a resource group or a subscription itself."""
        return Scope("/".join(self.split("/")[:5]))

    @property
    def levels(self) -> Iterator[Scope]:
        """It and all that it is in, up to its subscription. Each adds a type and a name."""
        parts = self.split("/")
        while len(parts) >= 3:
            yield Scope("/".join(parts))
            parts = parts[:-2]

    @property
    def parent(self) -> Scope:
        """What a child resource, such as a key or a replication, belongs to."""
        return Scope("/".join(self.split("/")[:-2]))

    @property
    def management_group(self) -> Id | None:
        """The name of the management group that it is."""
        found = _MANAGEMENT_GROUP.match(self)
        return Id(found[1]) if found else None


class _AnyCase:
    """Equal regardless of case: Azure returns the same id in different cases."""

    __slots__ = ()

    def lower(self) -> str:
        """What is the same of all that are equal."""
        # Found out once: thousands are looked up again and again.
        if not self.lowered:
            object.__setattr__(self, "lowered", str(self).lower())
        return self.lowered

    def __eq__(self, other: object) -> bool:
        return self.lower() == other.lower() if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.lower())


@dataclass(frozen=True, eq=False, slots=True)
class ArmId(_AnyCase):
    """The id of a resource in a resource group. A child resource has as many names as types: `vaults/keys`, `v/k`.

    `spelling` is how Azure or the user wrote it, if it was read; `replace` leaves it out.
    """

    subscription: Id
    group: str
    type: str
    name: str
    spelling: str = field(default="", init=False, repr=False)
    lowered: str = field(default="", init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "subscription", Id(self.subscription))

    def __str__(self) -> str:
        if self.spelling:
            return self.spelling
        provider, *types = self.type.split("/")
        path = "/".join(f"{type_}/{name}" for type_, name in zip(types, self.name.split("/"), strict=True))
        return f"{self.group_id}/providers/{provider}/{path}"

    def has_name(self, name: str) -> bool:
        return self.name.lower() == name.lower()

    def is_in(self, message: str) -> bool:
        """Whether a message of Azure names it."""
        return self.lower() in message.lower()

    @property
    def group_id(self) -> Scope:
        return Scope(f"/subscriptions/{self.subscription}/resourceGroups/{self.group}")

    @property
    def as_scope(self) -> Scope:
        return Scope(str(self))

    @classmethod
    def parse(cls, text: str) -> ArmId:
        """Parses /subscriptions/.../resourceGroups/.../providers/<namespace>/<type>/<name>[/...]. Raises ValueError.

        Known types are returned in their documented case.
        """
        parts = text.rstrip("/").split("/")
        keywords = [part.lower() for part in parts[1:6:2]]
        in_group = keywords == ["subscriptions", "resourcegroups", "providers"]
        if not in_group or parts[0] or "" in parts[1:] or len(parts) < 9 or len(parts) % 2 == 0:
            raise ValueError(f"'{text}' is not a resource ID.")
        subscription, group, provider, pairs = parts[2], parts[4], parts[6], parts[7:]
        if not is_guid(subscription):
            raise ValueError(f"'{text}' is not a resource ID: '{subscription}' is not a subscription ID.")
        if problem := name_problem("resource group", group):
            raise ValueError(problem)
        types, names = pairs[::2], pairs[1::2]
        for type_, name in zip(types, names, strict=True):
            if not _is_type(provider, type_) or not _NAME.fullmatch(name):
                raise ValueError(
                    f"'{text}' is not a resource ID: '{provider}/{type_}/{name}' is not a type and a name."
                )
        type_ = "/".join((provider, *types))
        id_ = cls(subscription, group, _TYPES.get(type_.lower(), type_), "/".join(names))
        object.__setattr__(id_, "spelling", text.rstrip("/"))
        return id_


def same(one: object, other: object) -> bool:
    """Whether two values of an enumeration of Azure are the same. Azure compares them case-insensitively."""
    return str(one).lower() == str(other).lower()


def same_region(one: str, other: str) -> bool:
    """Whether two locations are the same. Azure writes one as "West Europe" or as "westeurope"."""
    return short_location(one) == short_location(other)


@dataclass(frozen=True, eq=False, slots=True)
class KeyId(_AnyCase):
    """A key in a vault or managed HSM: https://<host>/keys/<name>[/<version>]."""

    host: str
    name: str
    version: str | None = None
    lowered: str = field(default="", init=False, repr=False)

    def __str__(self) -> str:
        return self.versionless + (f"/{self.version}" if self.version else "")

    @property
    def versionless(self) -> str:
        return f"https://{self.host}/keys/{self.name}"

    @property
    def store(self) -> str:
        """The name of the vault or managed HSM: the first label of the host."""
        return self.host.split(".", 1)[0]

    @property
    def suffix(self) -> str:
        """The rest of the host, which identifies the cloud: vault.azure.net, managedhsm.usgovcloudapi.net."""
        return self.host.split(".", 1)[1]

    @property
    def is_hsm(self) -> bool:
        return self.suffix.startswith("managedhsm.")

    def with_version(self, version: str | None) -> KeyId:
        return self if version == self.version else KeyId(self.host, self.name, version)

    @classmethod
    @lru_cache(maxsize=20_000)  # a registry and its key name the same version
    def parse(cls, text: str) -> KeyId:
        """Parses a key URI in the form that registries accept (tutorial part 4). Raises ValueError with the reason."""
        try:
            url = urlsplit(text)
            port = url.port
        except ValueError:
            raise ValueError(f"'{text}' is not a valid URL.") from None
        if url.scheme.lower() != "https":
            raise ValueError(f"'{text}' does not start with https://.")
        if url.query or url.fragment or url.username is not None or url.password is not None or port not in (None, 443):
            raise ValueError(f"'{text}' must have only a host and a path.")
        host = (url.hostname or "").lower()
        store, _, suffix = host.partition(".")
        if not _VAULT.fullmatch(store) or not _SUFFIX.fullmatch(suffix):
            raise ValueError(f"'{host}' is not the host name of a key vault or managed HSM.")
        kind, *rest = url.path.rstrip("/").split("/")[1:] or [""]
        if kind.lower() in ("secrets", "certificates"):
            raise ValueError(f"'{text}' is the URI of a {kind.lower()[:-1]}; a registry requires a key.")
        if kind.lower() != "keys" or len(rest) not in (1, 2):
            raise ValueError(
                f"'{text}' does not have the form https://HOST/keys/NAME or https://HOST/keys/NAME/VERSION."
            )
        name, version = rest[0], rest[1] if len(rest) == 2 else None
        if problem := name_problem("key", name):
            raise ValueError(problem)
        if version is not None and not _VERSION.fullmatch(version):
            raise ValueError(f"'{version}' is not a valid key version: it must consist of 32 letters and digits.")
        return cls(host, name, version)

    def same_key(self, other: KeyId) -> bool:
        """Whether both are versions of one key."""
        return self.with_version(None) == other.with_version(None)


def default_vault_name(registry: ArmId) -> str:
    """A valid vault name: always the same for a registry id, and unlikely to be in use by anyone else.

    Vault names are global, so the registry's name is followed by 40 bits of the id's hash, within 24 characters.
    """
    digest = hashlib.sha256(str(registry).lower().encode()).digest()[:5]
    tail = base64.b32encode(digest).decode().lower()
    head = registry.name.lower()
    head = head if head[0].isalpha() else f"r{head}"
    return f"{head[:11]}-cmk-{tail}"


def short_location(name: str) -> str:
    """The short name of a location: "West Europe" and "westeurope" are the same."""
    return "".join(name.split()).lower()
