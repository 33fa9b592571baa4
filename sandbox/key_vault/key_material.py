"""Keys and their versions as a vault or managed HSM stores them, with real key material."""

from __future__ import annotations

import itertools
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from sandbox.core.web import AzureError

RSA_OPERATIONS = ("encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey")
EC_OPERATIONS = ("sign", "verify")
CURVES = {"P-256": ec.SECP256R1, "P-384": ec.SECP384R1, "P-521": ec.SECP521R1, "P-256K": ec.SECP256K1}
DAY = 86_400
_PADDINGS = {
    "RSA1_5": padding.PKCS1v15(),
    "RSA-OAEP": padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None),
    "RSA-OAEP-256": padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None),
}
# Creating an RSA key takes 50 to 300 ms. Tests create hundreds, and only need consecutive keys to differ.
_pool: dict[int, Iterator[rsa.RSAPrivateKey]] = {}


@dataclass(frozen=True)
class KeyShape:
    """The properties of the key that a request creates."""

    kty: str = "RSA"
    size: int = 2048
    curve: str = "P-256"
    operations: tuple[str, ...] = ()

    @property
    def hardware(self) -> bool:
        return self.kty.upper().endswith("-HSM")

    @property
    def elliptic(self) -> bool:
        return self.kty.upper().startswith("EC")


@dataclass
class KeyVersion:
    id: str
    shape: KeyShape
    private: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    operations: list[str]
    created: float
    updated: float
    enabled: bool = True
    not_before: int | None = None
    expires: int | None = None
    tags: dict[str, str] = field(default_factory=dict)

    def wrap(self, data: bytes, algorithm: str) -> bytes:
        self._need_rsa(algorithm)
        return self.private.public_key().encrypt(data, _PADDINGS[algorithm])

    def unwrap(self, data: bytes, algorithm: str) -> bytes:
        self._need_rsa(algorithm)
        try:
            return self.private.decrypt(data, _PADDINGS[algorithm])
        except ValueError:
            raise AzureError(400, "BadParameter", "The parameter is incorrect.") from None

    def _need_rsa(self, algorithm: str) -> None:
        if self.shape.elliptic or algorithm not in _PADDINGS:
            raise AzureError(400, "BadParameter", f"Key and signing algorithm are incompatible. Algorithm: {algorithm}")


@dataclass
class Key:
    """A key and its versions, oldest first. `rotation_policy` has action types in lowercase, as ARM writes them."""

    name: str
    versions: list[KeyVersion]
    rotation_policy: dict[str, Any] | None = None

    @property
    def latest(self) -> KeyVersion:
        return self.versions[-1]

    def version(self, version_id: str | None) -> KeyVersion | None:
        if not version_id:
            return self.latest
        return next((version for version in self.versions if version.id == version_id.lower()), None)

    def rotate(self, now: float) -> KeyVersion:
        """A new version like the latest one, expiring as the rotation policy says (recording kv_rotate_post_200)."""
        previous = self.latest
        lifetime = duration(((self.rotation_policy or {}).get("attributes") or {}).get("expiryTime"))
        version = new_version(previous.shape, now)
        version.operations = list(previous.operations)
        version.tags = dict(previous.tags)
        version.expires = int(now + lifetime) if lifetime else None
        self.versions.append(version)
        return version

    def rotate_when_due(self, now: float) -> None:
        """The rotations that the key's rotation policy has made due by now, each at its time."""
        while (due := self._rotation_due()) is not None and due <= now:
            self.rotate(due)

    def _rotation_due(self) -> float | None:
        for entry in (self.rotation_policy or {}).get("lifetimeActions") or ():
            if entry["action"]["type"].lower() != "rotate":
                continue
            trigger = entry.get("trigger") or {}
            after, before = duration(trigger.get("timeAfterCreate")), duration(trigger.get("timeBeforeExpiry"))
            if after:
                return self.latest.created + after
            if before and self.latest.expires:
                # A new version must expire after its creation, or the next one would be due immediately, endlessly.
                return max(self.latest.expires - before, self.latest.created + DAY)
        return None


@dataclass
class DeletedKey:
    key: Key
    deleted: float
    purge_at: float


def new_version(shape: KeyShape, now: float, **attributes: Any) -> KeyVersion:
    check_tags(attributes.get("tags") or {})
    operations = shape.operations or (EC_OPERATIONS if shape.elliptic else RSA_OPERATIONS)
    return KeyVersion(uuid.uuid4().hex, shape, _material(shape), list(operations), now, now, **attributes)


def check_shape(shape: KeyShape) -> None:
    """Reject a key that no vault can create."""
    if shape.kty.upper() not in ("RSA", "RSA-HSM", "EC", "EC-HSM"):
        raise AzureError(400, "BadParameter", f"Property  has invalid value: kty '{shape.kty}'")
    if shape.elliptic and shape.curve not in CURVES:
        raise AzureError(400, "BadParameter", f"Property  has invalid value: crv '{shape.curve}'")
    if not shape.elliptic and shape.size not in (2048, 3072, 4096):
        raise AzureError(400, "BadParameter", f"Property  has invalid value: key_size {shape.size}")


# What Key Vault asks of a rotation policy (facts service.md 9, rows 6 and 7). Its texts are not known.
_LEAST_TO_ROTATION = 7 * DAY
_LEAST_TO_EXPIRY = 7 * DAY
_LEAST_LIFETIME = 28 * DAY
_MOST_TAGS, _MOST_OF_A_TAG = 15, 256


def check_tags(tags: dict[str, str]) -> None:
    """Refuse more or longer tags than a key may have."""
    if len(tags) > _MOST_TAGS:
        raise AzureError(400, "BadParameter", f"Too many tags: {len(tags)}. A key may have {_MOST_TAGS}.")
    if any(len(text) > _MOST_OF_A_TAG for pair in tags.items() for text in pair):
        raise AzureError(400, "BadParameter", f"A tag's name or value has more than {_MOST_OF_A_TAG} characters.")


def read_policy(body: dict[str, Any], present: dict[str, Any] | None, now: float) -> dict[str, Any]:
    """The rotation policy of a request, validated, in the form in which keys store it."""
    given = body.get("attributes") or {}
    attributes = {"expiryTime": given["expiryTime"]} if given.get("expiryTime") else {}
    lifetime = duration(given.get("expiryTime"))
    if lifetime is not None and lifetime < _LEAST_LIFETIME:
        raise _bad_policy("the expiry time must be at least 28 days")
    actions = []
    for entry in body.get("lifetimeActions") or ():
        trigger = {name: moment for name, moment in (entry.get("trigger") or {}).items() if moment}
        kind = entry["action"]["type"].lower()
        _check_trigger(
            kind, duration(trigger.get("timeAfterCreate")), duration(trigger.get("timeBeforeExpiry")), lifetime
        )
        actions.append({"trigger": trigger, "action": {"type": kind}})
    created = present["attributes"]["created"] if present else int(now)
    return {"lifetimeActions": actions, "attributes": attributes | {"created": created, "updated": int(now)}}


def _check_trigger(kind: str, after: float | None, before: float | None, lifetime: float | None) -> None:
    if before is not None and lifetime is None and kind == "rotate":
        raise _bad_policy("timeBeforeExpiry requires an expiry time")
    if kind != "rotate":
        return
    if after is not None and after < _LEAST_TO_ROTATION:
        raise _bad_policy("a key can be rotated at the earliest 7 days after its creation")
    if before is not None and lifetime is not None:
        after = lifetime - before
    if lifetime is not None and after is not None and not _LEAST_TO_ROTATION <= after <= lifetime - _LEAST_TO_EXPIRY:
        raise _bad_policy("a key can be rotated at the latest 7 days before its expiry")


def _bad_policy(why: str) -> AzureError:
    return AzureError(400, "BadParameter", f"Property  has invalid value: the rotation policy: {why}.")


# Days, months and years; the documentation names no other units.
_DURATION = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?")
_UNITS = (365 * DAY, 30 * DAY, DAY)


def duration(text: str | None) -> float | None:
    """The seconds of an ISO 8601 duration. A year has 365 days, a month 30."""
    if not text:
        return None
    match = _DURATION.fullmatch(text.upper())
    if not match or not any(match.groups()):
        raise AzureError(
            400, "BadParameter", f"The duration '{text}' is not in ISO 8601 format, in days, months or years."
        )
    return float(sum(int(count) * unit for count, unit in zip(match.groups(), _UNITS, strict=True) if count))


def _material(shape: KeyShape) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    if shape.elliptic:
        return ec.generate_private_key(CURVES[shape.curve]())
    if shape.size not in _pool:
        _pool[shape.size] = itertools.cycle(_key_pairs(shape.size))
    return next(_pool[shape.size])


def _key_pairs(size: int) -> list[rsa.RSAPrivateKey]:
    """Six different keys for the price of two: of any two of the four primes."""
    made = [rsa.generate_private_key(65537, size).private_numbers() for _ in range(2)]
    primes = [prime for each in made for prime in (each.p, each.q)]
    return [_key_pair(p, q) for p, q in itertools.combinations(primes, 2)]


def _key_pair(p: int, q: int) -> rsa.RSAPrivateKey:
    public = rsa.RSAPublicNumbers(65537, p * q)
    private = rsa.rsa_recover_private_exponent(65537, p, q)
    exponents = rsa.rsa_crt_dmp1(private, p), rsa.rsa_crt_dmq1(private, q)
    numbers = rsa.RSAPrivateNumbers(p, q, private, *exponents, rsa.rsa_crt_iqmp(p, q), public)
    return numbers.private_key(unsafe_skip_rsa_key_validation=True)  # which takes as long as to create one
