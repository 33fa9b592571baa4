"""Two ways to sign `az` in: `az login`, and writing the files that it creates."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from sandbox.world import OTHER_SUBSCRIPTION, SUBSCRIPTION, TENANT

_SUBSCRIPTIONS = {SUBSCRIPTION: "Sandbox", OTHER_SUBSCRIPTION: "Sandbox two"}


def login(environment: Mapping[str, str], app_id: str, secret: str) -> None:
    """Run `az login --service-principal` in the given environment. Raises CalledProcessError with the output of az."""
    command = ["az", "login", "--service-principal", "-u", app_id, "-p", secret, "--tenant", TENANT, "-o", "none"]
    subprocess.run(command, env=dict(environment), check=True, capture_output=True, text=True)


def write_login(
    config_directory: Path, app_id: str, secret: str, tenants: Mapping[str, tuple[str, str]] | None = None
) -> None:
    """Write what that login creates in the configuration folder, without running az (facts: loopback.md 2).

    `tenants` are those of the login and home of a subscription, where they are others.
    """
    tenants = tenants or {}
    own = (TENANT, TENANT)
    user = {"name": app_id, "type": "servicePrincipal"}
    subscriptions = [
        {
            "id": subscription,
            "name": name,
            "state": "Enabled",
            "user": user,
            "isDefault": subscription == SUBSCRIPTION,
            "tenantId": tenants.get(subscription, own)[0],
            "environmentName": "AzureCloud",
            "homeTenantId": tenants.get(subscription, own)[1],
            "managedByTenants": [],
        }
        for subscription, name in _SUBSCRIPTIONS.items()
    ]
    profile = {"subscriptions": subscriptions}
    known = dict.fromkeys((TENANT, *(login for login, _ in tenants.values())))
    entries = [{"client_id": app_id, "tenant": tenant, "client_secret": secret} for tenant in known]
    config_directory.mkdir(parents=True, exist_ok=True)
    (config_directory / "azureProfile.json").write_text(json.dumps(profile), encoding="utf-8")
    (config_directory / "service_principal_entries.json").write_text(json.dumps(entries), encoding="utf-8")
