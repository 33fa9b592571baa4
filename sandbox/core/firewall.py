"""Rules of firewalls that let addresses in, as vaults and registries have them."""

from __future__ import annotations

import ipaddress
from typing import Any


def is_listed(rules: dict[str, Any], address: str) -> bool:
    """Whether the `ipRules` of a resource name an address, alone or in a range. No rule can name a service of Azure."""
    if not address:
        return False
    networks = [ipaddress.ip_network(rule["value"], strict=False) for rule in rules.get("ipRules") or ()]
    return any(ipaddress.ip_address(address) in network for network in networks)
