"""Why a registry that exists is not, and can't be made, what is asked for. Pure."""

from __future__ import annotations

from azext_acrcmk.model.goal import AUTO, EnableGoal
from azext_acrcmk.model.ids import ArmId, same
from azext_acrcmk.model.state import (
    Identity,
    Registry,
    State,
    Unknown,
)
from azext_acrcmk.plan.checks import cannot_see
from azext_acrcmk.plan.remedies import assign_identity
from azext_acrcmk.plan.step import Problem


def existing_registry_problems(goal: EnableGoal, registry: Registry, state: State) -> list[Problem]:
    """Why an existing registry is not, and can't be made, what is asked for. Empty where it is."""
    encryption = registry.encryption
    if not registry.settled:
        return [
            Problem(
                f"Registry '{registry.name}' is still in state {registry.provisioning_state}.",
                ("Wait for the running operation to end, then run this command again.",),
            )
        ]
    if not encryption.enabled:
        return [_not_encrypted(registry)]
    problems = [*_other_key(goal, registry), *_other_identity(goal, registry, state)]
    return problems or _other_options(goal, registry)


def _not_encrypted(registry: Registry) -> Problem:
    if registry.went_wrong:
        return Problem(
            f"Registry '{registry.name}' is in state {registry.provisioning_state} and has no customer-managed key: "
            "its creation did not complete.",
            (
                "If it never served an image, delete it and run this command again: "
                f"az acr delete --name {registry.name} --resource-group {ArmId.parse(registry.id).group}",
            ),
        )
    return Problem(
        f"Registry '{registry.name}' exists and is not encrypted with a customer-managed key. "
        "Azure allows this only while a registry is being created; it can't be turned on later. Nothing was changed.",
        (
            "Create a new registry with another name: az acr cmk enable --name <new name> "
            f"--resource-group {ArmId.parse(registry.id).group}",
            f"Then copy the images, one by one: az acr import --name <new name> --registry {registry.id} "
            "--source <repository:tag>",
        ),
    )


def _other_key(goal: EnableGoal, registry: Registry) -> list[Problem]:
    encryption = registry.encryption
    name = registry.name
    if encryption.key is None:
        return [Problem(f"Registry '{name}' says it is encrypted, but not with which key.", (_show(name),))]
    pinned_elsewhere = goal.key.version and not same(goal.key, encryption.key)
    if not goal.key.same_key(encryption.key) or pinned_elsewhere:
        attached = registry.attached_as(encryption.identity or "")
        identity = f" --identity {attached.id}" if attached else ""
        return [
            Problem(
                f"Registry '{name}' is already encrypted with another key: it uses {encryption.key}, "
                f"and this command asks for {goal.key}. Nothing was changed.",
                (
                    f"To change the key: az acr cmk rotate --name {name} --key-encryption-key {goal.key}",
                    f"To leave the key and verify the rest: az acr cmk enable --name {name} "
                    f"--resource-group {goal.registry.group} --key-encryption-key {encryption.key}{identity}",
                ),
            )
        ]
    is_auto = encryption.key.version is None
    if goal.rotation and (goal.rotation == AUTO) != is_auto:
        now = "follows new versions by itself (auto)" if is_auto else "is pinned to a version (manual)"
        return [
            Problem(
                f"Registry '{name}' uses this key, but it {now}. Nothing was changed.",
                (f"To change that: az acr cmk rotate --name {name} --rotation {goal.rotation} --no-new-version",),
            )
        ]
    return []


def _other_identity(goal: EnableGoal, registry: Registry, state: State) -> list[Problem]:
    used = registry.encryption.identity or ""
    if isinstance(state.identity, Unknown):
        return [cannot_see("user-assigned identity", str(goal.identity), state.identity)]
    if not isinstance(state.identity, Identity) or not same(state.identity.client_id, used):
        return [
            Problem(
                f"Registry '{registry.name}' uses the key through another identity ({used}) than "
                f"'{goal.identity.name}'. Nothing was changed.",
                (
                    _show(registry.name),
                    f"To change the identity: az acr cmk rotate --name {registry.name} --identity {goal.identity}",
                ),
            )
        ]
    if not registry.attaches(state.identity.id):
        return [
            Problem(
                f"The identity '{goal.identity.name}' is no longer attached to registry '{registry.name}'; "
                "the registry loses the key when its credential lapses.",
                (f"Attach it again: {assign_identity(registry.id, state.identity.id)}",),
            )
        ]
    return []


def _other_options(goal: EnableGoal, registry: Registry) -> list[Problem]:
    asked, has = goal.options, registry
    closed = asked.public_network_enabled is False  # then the default action means nothing
    pairs = [
        ("--public-network-enabled", asked.public_network_enabled, has.public_network_enabled),
        ("--default-action", None if closed else asked.default_action, has.default_action),
        ("--allow-trusted-services", asked.allow_trusted_services, has.allow_trusted_services),
        ("--zone-redundancy", asked.zone_redundancy, has.zone_redundancy),
        ("--admin-enabled", asked.admin_enabled, has.admin_enabled),
    ]
    if goal.location and not _same_place(goal.location, registry.location):
        pairs.append(("--location", goal.location, registry.location))
    differing = [(option, want, got) for option, want, got in pairs if want is not None and not same(want, got)]
    if not differing:
        return []
    told = ", ".join(f"{option} is {_typed(got)}, not {_typed(want)}" for option, want, got in differing)
    changeable = [each for each in differing if each[0] not in ("--zone-redundancy", "--location")]
    command = " ".join(f"{option} {_typed(want)}" for option, want, _ in changeable)
    advice = (f"To change it: az acr update --name {registry.name} {command}",) if changeable else ()
    return [
        Problem(
            f"Registry '{registry.name}' exists with other settings: {told}. This command leaves them alone.", advice
        )
    ]


def _typed(value: object) -> str:
    """A value as one types it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _same_place(one: str, other: str) -> bool:
    return same(one.replace(" ", ""), other.replace(" ", ""))


def _show(name: str) -> str:
    return f"To see what it uses: az acr cmk show --name {name}"
