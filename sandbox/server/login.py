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


def write_login(config_directory: Path, app_id: str, secret: str) -> None:
    """Write what that login creates in the configuration folder, without running az (facts: loopback.md 2)."""
    user = {"name": app_id, "type": "servicePrincipal"}
    subscriptions = [
        {
            "id": subscription,
            "name": name,
            "state": "Enabled",
            "user": user,
            "isDefault": subscription == SUBSCRIPTION,
            "tenantId": TENANT,
            "environmentName": "AzureCloud",
            "homeTenantId": TENANT,
            "managedByTenants": [],
        }
        for subscription, name in _SUBSCRIPTIONS.items()
    ]
    profile = {"subscriptions": subscriptions}
    entry = {"client_id": app_id, "tenant": TENANT, "client_secret": secret}
    config_directory.mkdir(parents=True, exist_ok=True)
    (config_directory / "azureProfile.json").write_text(json.dumps(profile), encoding="utf-8")
    (config_directory / "service_principal_entries.json").write_text(json.dumps([entry]), encoding="utf-8")
