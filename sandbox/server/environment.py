"""The environment variables with which every program reaches the sandbox instead of Azure, and nothing else."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path

GUARD = Path(__file__).with_name("guard")
# Variables that must not be inherited from the caller.
UNSET = (
    "ACC_CLOUD",
    "ACC_TERM",
    "AZUREPS_HOST_ENVIRONMENT",
    "AZURE_CLI_DISABLE_CONNECTION_VERIFICATION",
    "AZURE_HTTP_USER_AGENT",
    "IDENTITY_ENDPOINT",
    "IDENTITY_HEADER",
    "MSI_ENDPOINT",
    "REQUEST_METHOD",
    "SSL_CERT_DIR",
)


def variables(directory: Path, ca_file: Path, proxy_port: int, identity_port: int) -> dict[str, str]:
    """The variables to set. `az` is configured in `directory`; the caller's extension folder is kept, if it is set."""
    proxy = f"http://127.0.0.1:{proxy_port}"
    local = "localhost,127.0.0.1"
    names = {"HTTP_PROXY": proxy, "HTTPS_PROXY": proxy, "ALL_PROXY": proxy, "NO_PROXY": local}
    certificates = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "GIT_SSL_CAINFO")
    return {
        "AZURE_CONFIG_DIR": str(directory / "azure"),
        "AZURE_EXTENSION_DIR": os.environ.get("AZURE_EXTENSION_DIR") or str(directory / "extensions"),
        "AZURE_CORE_COLLECT_TELEMETRY": "0",
        "AZURE_CORE_SURVEY_MESSAGE": "0",
        "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
        "AZURE_POD_IDENTITY_AUTHORITY_HOST": f"http://127.0.0.1:{identity_port}",
        "PATH": _path(),
        "PYTHONPATH": _python_path(),
        **{name: str(ca_file) for name in certificates},
        **names,
        **{name.lower(): value for name, value in names.items()},
    }


def merged(given: Mapping[str, str], base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process: the base (by default that of this process) with the sandbox's variables."""
    kept = {name: value for name, value in (os.environ if base is None else base).items() if name not in UNSET}
    return {**kept, **given}


def cloud_shell() -> dict[str, str]:
    """The variables by which `az` detects Azure Cloud Shell (facts: loopback.md 2)."""
    return {"ACC_CLOUD": "PROD", "AZUREPS_HOST_ENVIRONMENT": "cloud-shell/1.0"}


def prepare_config(config_directory: Path) -> None:
    """Create a configuration folder with which `az` does not look for updates."""
    config_directory.mkdir(parents=True, exist_ok=True)
    (config_directory / "config").write_text("[auto-upgrade]\nenable = no\n", encoding="utf-8")
    local = _installed_version()
    if local is None:
        return
    versions = {name: {"local": local, "pypi": local} for name in ("azure-cli", "core", "telemetry")}
    seed = {"versions": versions, "update_time": datetime.now().strftime("%Y-%m-%d %H:%M:%S.%f")}
    (config_directory / "versionCheck.json").write_text(json.dumps(seed), encoding="utf-8")


@cache
def _installed_version() -> str | None:
    try:
        return version("azure-cli")
    except ModuleNotFoundError:
        return None


def _path() -> str:
    """PATH with the `az` of this interpreter first, which the sandbox is made for."""
    here, path = Path(sys.executable).parent, os.environ.get("PATH", os.defpath)
    return f"{here}{os.pathsep}{path}" if (here / "az").exists() else path


def _python_path() -> str:
    """The caller's PYTHONPATH, with the guard's folder first."""
    others = [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part not in ("", str(GUARD))]
    return os.pathsep.join([str(GUARD), *others])
