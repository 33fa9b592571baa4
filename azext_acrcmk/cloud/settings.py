"""Reads and sets what belongs to a registry beside its images."""

from __future__ import annotations

from functools import partial
from typing import Any

from azext_acrcmk.cloud.arm import Arm
from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import missing_registration, parsing_responses, read_error
from azext_acrcmk.cloud.fields import part, text
from azext_acrcmk.cloud.reads import in_parallel, read_if_possible
from azext_acrcmk.cloud.waiting import Stop, until_settled, when_free
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import REGISTRY_TYPE, ROLE_ASSIGNMENT_TYPE
from azext_acrcmk.model.settings import CHILDREN, DIAGNOSTICS, EVENTS, LOCKS, ROLES, WEBHOOKS, Settings
from azext_acrcmk.model.state import Absent, Registry, Unknown

_EXTENSIONS = {
    ROLES: (ROLE_ASSIGNMENT_TYPE, "atScope()"),
    DIAGNOSTICS: ("Microsoft.Insights/diagnosticSettings", None),
    EVENTS: ("Microsoft.EventGrid/eventSubscriptions", None),
    LOCKS: ("Microsoft.Authorization/locks", None),
}
# How long a setting may take to be made, in seconds: a replica copies all images.
SETTING_TIMEOUT = 3600
_VERSION = API_VERSIONS[REGISTRY_TYPE]
# The address and the headers of a webhook are secret, also for --debug.
_UNLOGGED = {"logging_enable": False}


def load_settings(clients: Clients, registry: Registry) -> Settings:
    """All settings, as far as the caller can read them; what can't be read is Unknown."""
    arm, id_ = clients.arm(registry.id.subscription), str(registry.id)

    def listed(path: str, version: str, action: str, where: str | None = None) -> Any:
        found = read_if_possible(lambda: _listed(arm, path, version, where), action, id_)
        return () if isinstance(found, Absent) else found

    reads = {}
    for kind in CHILDREN:
        version = API_VERSIONS.get(f"{REGISTRY_TYPE}/{kind}", _VERSION)
        reads[kind] = partial(listed, f"{id_}/{kind}", version, f"{REGISTRY_TYPE}/{kind}/read")
    for kind, (type_, where) in _EXTENSIONS.items():
        version = API_VERSIONS[type_]
        reads[kind] = partial(listed, f"{id_}/providers/{type_}", version, f"{type_}/read", where)
    lists = dict(zip(reads, in_parallel(*reads.values()), strict=True))
    hooks = lists[WEBHOOKS] if isinstance(lists[WEBHOOKS], tuple) else ()
    names = [text(each, "name") or "" for each in hooks]
    found = in_parallel(*(partial(_hook, clients, registry, name) for name in names))
    return Settings(registry, lists, dict(zip(names, found, strict=True)))


def _listed(arm: Arm, path: str, version: str, where: str | None) -> tuple[dict[str, Any], ...]:
    """Nothing belongs to a service that the subscription is not registered for."""
    from azure.core.exceptions import HttpResponseError

    try:
        return tuple(arm.pages(path, version, where))
    except HttpResponseError as error:
        if missing_registration(read_error(error)) is None:
            raise
        return ()


def _hook(clients: Clients, registry: Registry, name: str) -> dict[str, Any] | Unknown:
    path = f"{registry.id}/{WEBHOOKS}/{name}/getCallbackConfig"
    arm = clients.arm(registry.id.subscription)
    action = f"{REGISTRY_TYPE}/{WEBHOOKS}/getCallbackConfig/action"
    found = read_if_possible(lambda: arm.post(path, _VERSION, **_UNLOGGED), action, f"{registry.id}/{WEBHOOKS}/{name}")
    return Unknown(why="There is no such webhook.") if isinstance(found, Absent) else found


def put_setting(clients: Clients, subscription: str, path: str, version: str, body: dict[str, Any], stop: Stop) -> str:
    """Makes a setting, and waits until Azure has made it. The state in which that ended: "Succeeded" if well."""
    arm = clients.arm(subscription)
    options = _UNLOGGED if f"/{WEBHOOKS}/" in path else {}
    made = when_free(lambda: arm.put(path, version, body, **options), stop)

    def settled(seen: dict[str, Any]) -> bool:
        return _state(seen) in ("Succeeded", "Failed", "Canceled")

    if not settled(made):
        made = until_settled(lambda: arm.get(path, version), settled, stop, SETTING_TIMEOUT)
    return _state(made)


def patch_properties(
    clients: Clients, subscription: str, path: str, version: str, body: dict[str, Any], stop: Stop
) -> str:
    """Changes properties of a registry; none of its encryption."""
    arm = clients.arm(subscription)
    made = when_free(lambda: arm.patch(path, version, body), stop)
    return _state(made)


def _state(body: dict[str, Any]) -> str:
    """What has no state is made at once."""
    with parsing_responses():
        return text(part(body, "properties"), "provisioningState") or "Succeeded"
