"""The IP rules of firewalls, as vaults and registries have them."""

from __future__ import annotations

import ipaddress
from typing import Any


def is_listed(rules: dict[str, Any], address: str) -> bool:
    """Whether the `ipRules` of a resource include an address. No rule can include an Azure service."""
    if not address:
        return False
    networks = [ipaddress.ip_network(rule["value"], strict=False) for rule in rules.get("ipRules") or ()]
    return any(ipaddress.ip_address(address) in network for network in networks)
