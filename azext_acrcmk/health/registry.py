"""Checks of the registry itself."""

from __future__ import annotations

from azext_acrcmk.health.catalogue import (
    ERROR,
    INFO,
    REGISTRY,
    UNKNOWN,
    WARNING,
    Facts,
    Verdict,
    check,
    failed,
    passed,
    unseen,
)
from azext_acrcmk.model.ids import ArmId, same
from azext_acrcmk.plan.remedies import registry_command


@check(
    "NotEncrypted",
    ERROR,
    REGISTRY,
    cause="The registry was created without a customer-managed key. Azure allows one only at creation.",
    cure="Create a new registry with `az acr cmk enable` and copy the images.",
)
def _encrypted(facts: Facts) -> Verdict:
    registry = facts.registry
    if registry.encryption.enabled:
        return passed("The registry is encrypted with a customer-managed key.")
    if registry.being_created:
        # Until then it may say "disabled" although it will be encrypted (wire facts 3.1).
        return Verdict(UNKNOWN, f"Registry '{registry.name}' is still being created; how, is told when that has ended.")
    group = ArmId.parse(registry.id).group
    return failed(
        f"Registry '{registry.name}' is not encrypted with a customer-managed key. Azure allows this only while a "
        "registry is being created, so it takes a new registry.",
        f"az acr cmk enable --name {registry.name[:47]}cmk --resource-group {group}",
    )


@check(
    "NotPremium",
    WARNING,
    REGISTRY,
    cause="Customer-managed keys take the Premium SKU.",
    cure="Set the SKU to Premium.",
)
def _premium(facts: Facts) -> Verdict | None:
    if not facts.encryption.enabled:
        return None
    if same(facts.registry.sku, "Premium"):
        return passed("The registry is of SKU Premium.")
    return failed(
        f"The registry is of SKU {facts.registry.sku}; customer-managed keys take Premium.",
        registry_command(facts.registry.id, "update", "--sku Premium"),
    )


@check(
    "RegistryNotSucceeded",
    WARNING,
    REGISTRY,
    cause="The registry's last operation failed, was canceled, or is still under way.",
    cure="Let a running operation end; after a failed one set the same encryption again.",
)
def _succeeded(facts: Facts) -> Verdict | None:
    registry = facts.registry
    if not facts.encryption.enabled:
        return None
    if registry.provisioning_state == "Succeeded":
        return passed("The registry's last operation succeeded.")
    if not registry.settled:
        return failed(f"The registry is in state {registry.provisioning_state}: an operation is under way.")
    return failed(
        f"The registry's last operation ended as {registry.provisioning_state}.",
        registry_command(facts.registry.id, "cmk rotate", "--no-new-version"),
    )


@check(
    "RegistryStatus",
    WARNING,
    REGISTRY,
    cause="The registry itself reports an alert or error.",
    cure="As the message says.",
)
def _status_message(facts: Facts) -> Verdict | None:
    if not facts.registry.status_message:
        return None
    return failed(f"The registry says: {facts.registry.status_message}")


@check(
    "ContentTrustEnabled",
    WARNING,
    REGISTRY,
    cause="Content trust does not work on a registry with a customer-managed key.",
    cure="Turn it off.",
)
def _content_trust(facts: Facts) -> Verdict | None:
    if not facts.encryption.enabled:
        return None
    if not facts.registry.content_trust:
        return passed("Content trust is off.")
    return failed(
        "Content trust is switched on; it does not work with a customer-managed key.",
        registry_command(facts.registry.id, "config content-trust update", "--status disabled", "--registry"),
    )


@check(
    "KeyShared",
    INFO,
    REGISTRY,
    cause="Other registries use the same key: revoking or losing it stops them all.",
    cure="Give each registry a key of its own: `az acr cmk rotate --key`.",
)
def _shared(facts: Facts) -> Verdict | None:
    sharing = facts.state.sharing
    if not facts.encryption.enabled or sharing is None:
        return None
    if not isinstance(sharing, tuple):
        return unseen("which other registries use the same key", sharing)
    names = ", ".join(ArmId.parse(each.id).name for each in sharing if each.key)
    if not names:
        return passed("No other registry that can be seen uses the same key.")
    return failed(f"Other registries use the same key: {names}.")
