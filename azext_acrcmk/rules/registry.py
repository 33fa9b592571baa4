"""Rules for the registry itself."""

from __future__ import annotations

from shlex import quote

from azext_acrcmk.model.ids import same
from azext_acrcmk.model.problem import ONLY_BY_GRAPH, not_searched
from azext_acrcmk.rules.catalogue import (
    ENABLE,
    ERROR,
    INFO,
    REGISTRY,
    RESTORE,
    REVOKE,
    ROTATE,
    UNKNOWN,
    WARNING,
    Facts,
    Fix,
    Verdict,
    failed,
    passed,
    rules_about,
    unreadable,
)
from azext_acrcmk.rules.fixes import registry_command

rule = rules_about(REGISTRY)


@rule(
    "NotEncrypted",
    ERROR,
    cause="The registry was created without a customer-managed key. Azure allows this only when a registry is created.",
    cure="Copy it to a new registry with a customer-managed key: `az acr cmk migrate`.",
    stops=(ENABLE, ROTATE, REVOKE, RESTORE),
)
def _encrypted(facts: Facts) -> Verdict:
    registry = facts.registry
    if registry.encryption.enabled:
        return passed("The registry is encrypted with a customer-managed key.")
    if registry.being_created:
        # During creation it may report "disabled" although it will be encrypted (wire facts 3.1).
        return Verdict(
            UNKNOWN,
            f"Registry '{registry.name}' is still being created. Its encryption is known only when that has finished.",
        )
    group = quote(registry.id.group)
    if registry.went_wrong:
        return failed(
            f"Registry '{registry.name}' is in state {registry.provisioning_state} and has no customer-managed key: "
            "its creation did not complete.",
            advice=(
                "If it has no images, delete it and run this command again: "
                f"az acr delete --name {registry.name} --resource-group {group}",
            ),
        )
    new = f"{registry.name[:47]}cmk"
    migrate = registry_command(registry.id, "cmk migrate", f"--to {new}")
    return failed(
        f"Registry '{registry.name}' exists and is not encrypted with a customer-managed key. This can be "
        "enabled only when a registry is created.",
        migrate,
        advice=(
            f"To copy it to a new registry with a customer-managed key: {migrate}",
            f"Or create an empty one with another name: az acr cmk enable --name {new} --resource-group {group}",
        ),
    )


@rule(
    "NotPremium",
    WARNING,
    cause="Customer-managed keys require the Premium SKU.",
    cure="Set the SKU to Premium.",
)
def _premium(facts: Facts) -> Verdict | None:
    if not facts.exists_encrypted:
        return None
    if same(facts.registry.sku, "Premium"):
        return passed("The registry's SKU is Premium.")
    return failed(
        f"The registry's SKU is {facts.registry.sku}; customer-managed keys require Premium.",
        registry_command(facts.registry.id, "update", "--sku Premium"),
    )


@rule(
    "RegistryNotSucceeded",
    WARNING,
    cause="The registry's last operation failed, was canceled, or is still running.",
    cure="Wait for a running operation to finish. After a failed one, set the same encryption again.",
)
def _succeeded(facts: Facts) -> Verdict | None:
    registry = facts.registry
    if not facts.exists_encrypted:
        return None
    if registry.provisioning_state == "Succeeded":
        return passed("The registry's last operation succeeded.")
    if not registry.settled:
        return failed(f"The registry is in state {registry.provisioning_state}: an operation is running.")
    return failed(
        f"The registry's last operation ended in state {registry.provisioning_state}.",
        registry_command(registry.id, "cmk rotate", "--no-new-version"),
        Fix.SET_ENCRYPTION,
    )


@rule(
    "RegistryStatus",
    WARNING,
    cause="The registry itself reports an alert or error.",
    cure="Follow the message.",
)
def _status_message(facts: Facts) -> Verdict | None:
    if not facts.registry.status_message:
        return None
    return failed(f"The registry reports: {facts.registry.status_message}")


@rule(
    "ContentTrustEnabled",
    WARNING,
    cause="Content trust does not work in a registry with a customer-managed key.",
    cure="Disable it.",
)
def _content_trust(facts: Facts) -> Verdict | None:
    if not facts.exists_encrypted:
        return None
    if not facts.registry.content_trust:
        return passed("Content trust is disabled.")
    return failed(
        "Content trust is enabled, but does not work with a customer-managed key.",
        registry_command(facts.registry.id, "config content-trust update", "--status disabled", "--registry"),
    )


@rule(
    "KeyShared",
    INFO,
    cause="Other registries use the same key: if it is revoked or lost, all of them stop working. They are searched "
    "for with Azure Resource Graph, which can be minutes behind.",
    cure="Use a separate key for each registry: `az acr cmk rotate --key`.",
    needs=("sharing",),
)
def _shared(facts: Facts) -> Verdict | None:
    sharing = facts.state.sharing
    if not facts.exists_encrypted:
        return None
    if not isinstance(sharing, tuple):
        return unreadable("which other registries use the same key", sharing)
    names = ", ".join(sorted(each.id.name for each in sharing if each.key))
    # That some places are searched only by Resource Graph matters where something is taken away: plan/revoke.py.
    rest = not_searched(tuple(each for each in facts.state.unsearched if each.why != ONLY_BY_GRAPH))
    if not names:
        return passed(f"No other registry that you can read uses the same key. {rest}".rstrip())
    return failed(f"Other registries use the same key: {names}. {rest}".rstrip())
