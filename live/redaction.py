"""Takes out of a report what says whose Azure it was: ids, names, addresses, tokens, keys. Twice over: what is known or
looks like such a thing is replaced, and then another look finds what got through (`leaks`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

# Ids that are the same in every tenant: built-in roles, and Azure Key Vault's own application.
WELL_KNOWN = {
    "e147488a-f6f5-4113-8e2d-b22465e65bf6",
    "14b46e9e-c2b7-41b4-b07b-48a6ebf60603",
    "cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
}
# Members of an answer that are nobody's business, or say nothing without their names: who made something, the number
# that a key is, what was wrapped, the policies of an organization.
DROPPED = {"systemdata", "n", "e", "x", "y", "etag", "additionalinfo", "accesstoken", "passwords"}
REMOVED = "<removed>"

# Without a look at what is before and after: in a URL that may be %27.
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_HEX = re.compile(r"[0-9a-f]{32,}", re.IGNORECASE)
_TOKEN = re.compile(r"\beyJ[\w-]{5,}(?:\.[\w-]*)*(?:\.\.\.)?")
_LONG = re.compile(r"(?<![\w+=-])(?=[\w+=-]*\d)(?=[\w+=-]*[a-z])(?=[\w+=-]*[A-Z])[\w+=-]{40,}")
_MAIL = re.compile(r"[\w.+#-]+(?:@|%40)[\w-]+(?:\.[\w-]+)+")
_IP = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?!\.?\w)|\b(?:[0-9a-f]{1,4}:){4,7}[0-9a-f]{1,4}\b", re.IGNORECASE)
_TENANT_DOMAIN = re.compile(r"\b[\w-]+\.onmicrosoft\.(?:com|us|cn)\b", re.IGNORECASE)
_HOST = re.compile(
    r"\b([\w-]+)\.((?:vault|managedhsm)\.(?:azure\.net|azure\.cn|usgovcloudapi\.net)|azurecr\.(?:io|cn|us))\b",
    re.IGNORECASE,
)
# What comes after these words of a path is a name that somebody gave.
_NAMED = re.compile(
    r"/(resourceGroups|vaults|registries|userAssignedIdentities|managementGroups|policyAssignments|policyDefinitions"
    r"|policySetDefinitions|deletedVaults|managedHSMs|locks|denyAssignments|keys|providers/Microsoft\.Features/features)"
    r"/([^/\s\"'?&,;)\]}<>]+)",
    re.IGNORECASE,
)
_POLICY = re.compile(r"(Policy identifiers|Reasons): '.*'", re.IGNORECASE | re.DOTALL)
# Names that the run itself gives, which are the same for everybody.
_OURS = re.compile(r"live-[a-z]+(?:-[a-z]+)*")
# After /keys/{name} of a vault come versions, and what is done with one.
_WORDS = {"create", "rotate", "versions", "keys", "accessPolicies"}


class Redactor:
    """`known` is what must not be told, with what stands for it."""

    def __init__(self, known: Mapping[str, str]):
        # What is shorter would be found in words that have nothing to do with it.
        self._known = {value.lower(): stand_in for value, stand_in in known.items() if len(value) > 2}
        longest_first = sorted(self._known, key=len, reverse=True)
        self._names = re.compile("|".join(re.escape(value) for value in longest_first) or r"(?!)", re.IGNORECASE)
        self._numbers: dict[str, str] = {}

    def text(self, text: str) -> str:
        text = _TOKEN.sub("<token>", text)
        text = _POLICY.sub(rf"\1: {REMOVED}", text)
        text = self._names.sub(lambda found: self._known[found[0].lower()], text)
        text = _HOST.sub(lambda found: f"<other>.{found[2]}", text)
        text = _NAMED.sub(_without_name, text)
        text = _GUID.sub(lambda found: self._numbered("id", found[0]), text)
        text = _HEX.sub(lambda found: self._numbered("hex", found[0]), text)
        text = _LONG.sub(REMOVED, text)
        text = _MAIL.sub("<mail>", text)
        text = _TENANT_DOMAIN.sub("<domain>", text)
        return _IP.sub("<address>", text)

    def json(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                self.text(name): REMOVED if _is_dropped(name, inner) else self.json(inner)
                for name, inner in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.json(each) for each in value]
        return self.text(value) if isinstance(value, str) else value

    def leaks(self, text: str) -> list[str]:
        """What kinds of things are still in a text that must not be."""
        return leaks(text, self._known)

    def _numbered(self, kind: str, found: str) -> str:
        """The same id is the same number all through a report, so that one sees what belongs together."""
        if found.lower() in WELL_KNOWN:
            return found
        return self._numbers.setdefault(found.lower(), f"<{kind}-{len(self._numbers) + 1}>")


def _is_dropped(name: str, inner: Any) -> bool:
    # A `value` that is no list is what was wrapped or unwrapped.
    return (name.lower() in DROPPED and inner is not None) or (name == "value" and isinstance(inner, str))


def _without_name(found: re.Match[str]) -> str:
    kind, name = found[1], found[2]
    if _OURS.fullmatch(name) or name in _WORDS or _GUID.fullmatch(name) or _HEX.fullmatch(name):
        return found[0]
    return f"/{kind}/<other>"


def leaks(text: str, known: Iterable[str]) -> list[str]:
    """Kinds of what a text tells and should not: judged by shape, and by what is known of this Azure."""
    found = ["id" for guid in _GUID.findall(text) if guid.lower() not in WELL_KNOWN]
    shapes = {"hex": _HEX, "token": _TOKEN, "long": _LONG, "mail": _MAIL, "domain": _TENANT_DOMAIN, "address": _IP}
    found += [kind for kind, shape in shapes.items() if shape.search(text)]
    found += ["host" for _ in _HOST.finditer(text)]
    lower = text.lower()
    found += ["name" for value in known if value.lower() in lower]
    return sorted(set(found))
