"""Certificates of the sandbox: one authority, and one server certificate for all names."""

from __future__ import annotations

import re
import ssl
from pathlib import Path

import trustme

NAMES = (
    "localhost",
    "127.0.0.1",
    "management.azure.com",
    "login.microsoftonline.com",
    "graph.microsoft.com",
    "*.vault.azure.net",
    "*.managedhsm.azure.net",
    "*.azurecr.io",
)
_SERVED = re.compile(
    "|".join(re.escape(name).replace(r"\*", "[a-z0-9-]+") for name in NAMES if "." in name and name != "127.0.0.1"),
    re.IGNORECASE,
)


def is_served(host: str) -> bool:
    """Whether a host is an Azure name that the sandbox serves."""
    return _SERVED.fullmatch(host) is not None


def make(ca_file: Path) -> ssl.SSLContext:
    """A server context with a new certificate. `ca_file` gets the certificate of the authority only."""
    authority = trustme.CA(organization_name="acrcmk sandbox")
    authority.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*NAMES).configure_cert(context)
    return context
