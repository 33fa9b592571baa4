"""What can be chosen in `az acr cmk wizard`, and what speaks against it, by the rules that stop `enable`. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from azext_acrcmk.model.goal import AUTO, MANUAL, NEW_PARTS
from azext_acrcmk.model.ids import (
    HSM_TYPE,
    IDENTITY_TYPE,
    VAULT_TYPE,
    ArmId,
    KeyId,
    default_vault_name,
    name_problem,
    same,
)
from azext_acrcmk.model.problem import not_readable
from azext_acrcmk.model.registry_options import NETWORKS
from azext_acrcmk.model.state import ABSENT, NOT_LOADED, Group, Identity, Key, NotLoaded, State, Unknown, Vault
from azext_acrcmk.plan import wizard
from azext_acrcmk.plan.enable import FIXED
from azext_acrcmk.plan.parts import parts_problems
from azext_acrcmk.plan.wizard import Asked, Choice, Question, registry_name_problem
from azext_acrcmk.rules import Facts, judge
from azext_acrcmk.rules.catalogue import ENABLE
from azext_acrcmk.rules.catalogue import KEY as OF_KEYS
from azext_acrcmk.rules.catalogue import VAULT as OF_VAULTS
from azext_acrcmk.rules.vault import is_closed

IF_MISSING = "created if it does not exist"
NOT_IN_HSM = "A managed HSM requires an existing key, which excludes the options of a new vault or key."


def question_of(topic: str, asked: Asked, seen: Any) -> Question:
    """The question about a topic. `seen` is what was listed for it: a tuple, or Unknown."""
    return _QUESTIONS[topic](asked, seen)


def _registry(asked: Asked, _seen: Any) -> Question:
    return Question(
        "Registry name",
        default=asked.arguments.get("registry_name"),
        problem=registry_name_problem,
        typed=lambda text: {"registry_name": text},
    )


def _group(asked: Asked, seen: tuple[Group, ...] | Unknown) -> Question:
    configured, own = asked.arguments.get("resource_group_name"), asked.registry.name
    groups, note = _listed(seen, "resource groups")
    there = [
        Choice(name, each.location, {"resource_group_name": name}, each) for each in groups for name in [each.id.name]
    ]
    there.sort(key=lambda each: (not same(each.label, configured), each.label.lower()))
    taken = any(same(own, each.label) for each in there)
    new = () if taken else (Choice(f"new: {own}", gives={"resource_group_name": own}),)
    other = Choice("another name", IF_MISSING, asks="Name of the resource group")
    default = next((each for each in there if same(each.label, configured)), next(iter(new), None))
    return Question(
        "Resource group",
        (*new, other, *there),
        default,
        note,
        problem=lambda text: name_problem("resource group", text),
        typed=lambda text: {"resource_group_name": text},
    )


def _location(asked: Asked, seen: tuple[str, ...] | Unknown) -> Question:
    group, configured = asked.found.get(wizard.GROUP), asked.arguments.get("location")
    listed, note = _listed(seen, "locations")
    own = group.location if isinstance(group, Group) else None
    first = [each for each in dict.fromkeys((configured, own)) if each]
    names = [*first, *(each for each in listed if each not in first)] if listed else []
    choices = tuple(Choice(each, "of the resource group" if each == own else "", {"location": each}) for each in names)
    preset = choices[0] if choices and first else next(iter(first), None)
    return Question(
        "Location of the resources to create",
        choices,
        preset,
        note,
        prompt="Location",
        problem=lambda text: None if text else "Type the name of a location, such as westeurope.",
        typed=lambda text: {"location": text},
    )


def _identity(asked: Asked, seen: tuple[Identity, ...] | Unknown) -> Question:
    identities, note = _listed(seen, "user-assigned identities")
    there = [
        _judged(
            asked,
            Choice(each.id.name, f"{each.id.group}, {each.location}", _named(asked, "identity", each.id), each),
            identity=each,
        )
        for each in identities
    ]
    name = f"{asked.registry.name}-cmk"
    new = _judged(asked, Choice(f"new: {name}", means=ABSENT), identity=ABSENT)
    return _part("Identity", asked, ("identity", IDENTITY_TYPE, name), new, there, note)


def _vault(asked: Asked, seen: tuple[Vault, ...] | Unknown) -> Question:
    vaults, note = _listed(seen, "key vaults")
    there = [_hsm(asked, each) if each.is_hsm else _key_vault(asked, each) for each in vaults]
    name = default_vault_name(asked.registry)
    new = _judged(asked, Choice(f"new: {name}", means=ABSENT), vault=ABSENT)
    return _part("Key vault", asked, ("key vault", VAULT_TYPE, name), new, there, note)


def _key_vault(asked: Asked, vault: Vault) -> Choice:
    model = "access policies" if vault.uses_policies else "Azure RBAC"
    closed = ", firewall" if is_closed(vault) else ""
    detail = f"{vault.id.group}, {vault.location}, {model}{closed}"
    return _judged(asked, Choice(vault.name, detail, _named(asked, "key_vault", vault.id), vault), vault=vault)


def _hsm(asked: Asked, hsm: Vault) -> Choice:
    detail = f"{hsm.id.group}, {hsm.location}, managed HSM"
    if asked.given(*NEW_PARTS):
        return Choice(hsm.name, detail, means=hsm, remarks=(NOT_IN_HSM,), blocked=True)
    # The key is chosen next; a managed HSM is reached by the URI of a key.
    by_uri = Choice(hsm.name, detail, {"key_encryption_key": f"https://{hsm.host}/keys/any"}, hsm)
    return replace(_judged(asked, by_uri, vault=hsm), gives={})


def _key(asked: Asked, seen: tuple[tuple[KeyId, Key | Unknown | NotLoaded], ...] | Unknown) -> Question:
    vault, own = asked.vault, f"{asked.registry.name}-cmk"
    keys, note = _listed(seen, "keys")
    there = [_judged_key(asked, *each) for each in keys]
    if isinstance(vault, Vault) and vault.is_hsm:
        return _hsm_key(asked, vault, there, note)
    new = _judged(asked, Choice(f"new: {own}", means=ABSENT), key=ABSENT)
    existing = next((each for each in there if same(each.label, own)), None)
    other = Choice("another name", IF_MISSING, asks="Name of the key")
    return Question(
        "Key",
        _in_order(new, other, there, existing),
        _default(existing or new),
        note,
        problem=lambda text: name_problem("key", text),
        typed=lambda text: {"key_name": text},
    )


def _hsm_key(asked: Asked, hsm: Vault, there: list[Choice], note: str) -> Question:
    """A key that exists: none is created in a managed HSM. One that is typed is named by its URI at once."""
    other = Choice("another key", "that exists", asks="NAME or NAME/VERSION of the key")
    uri = f"https://{hsm.host}/keys/"

    def problem(text: str) -> str | None:
        try:
            key = KeyId.parse(f"{uri}{text}")
        except ValueError as error:
            return str(error)
        form = MANUAL if key.version else AUTO
        if asked.given("rotation") and asked.arguments["rotation"] != form:
            return f"This conflicts with --rotation {asked.arguments['rotation']}."
        return None

    return Question(
        "Key",
        (*_sorted(there), other),
        note=note,
        problem=problem,
        typed=lambda text: {"key_encryption_key": f"{uri}{text}", "rotation": None},
    )


def _judged_key(asked: Asked, id_: KeyId, key: Key | Unknown | NotLoaded) -> Choice:
    if id_.is_hsm and isinstance(key, NotLoaded):
        return Choice(id_.name, remarks=(f"Too many keys: specify --key-encryption-key {id_}",), blocked=True)
    gives = {"key_encryption_key": id_.versionless} if id_.is_hsm else {"key_name": id_.name}
    judged = _judged(asked, Choice(id_.name, _described(key), gives, key), key=key)
    # The URI of a key in a managed HSM is complete only when it is known whether it is to have a version.
    return replace(judged, gives={}) if id_.is_hsm else judged


def _described(key: Key | Unknown | NotLoaded) -> str:
    if not isinstance(key, Key):
        return "not read"
    size = f"{key.type} {key.size or ''}".strip()
    return f"{size}, expires {key.expires:%Y-%m-%d}" if key.expires else size


def _rotation(_asked: Asked, _seen: Any) -> Question:
    auto = Choice(AUTO, "The registry uses new versions of the key automatically.")
    manual = Choice(MANUAL, "The registry is pinned to the current version until you rotate it.", {"rotation": MANUAL})
    return Question("Rotation", (auto, manual), auto)


def _network(_asked: Asked, _seen: Any) -> Question:
    choices = tuple(Choice(*each) for each in NETWORKS)
    return Question("Network of the registry", choices, choices[0])


def _vault_network(_asked: Asked, _seen: Any) -> Question:
    everywhere = Choice("all networks", "Public network access to the new key vault.")
    trusted = Choice(
        "trusted services", "Only services such as Azure Container Registry.", {"restrict_vault_network": True}
    )
    private = Choice(
        "private endpoints and trusted services",
        "No public network access to the key vault.",
        {"vault_public_network_access": "Disabled"},
    )
    return Question("Network of the new key vault", (everywhere, trusted, private), everywhere)


_QUESTIONS = {
    wizard.REGISTRY: _registry,
    wizard.GROUP: _group,
    wizard.LOCATION: _location,
    wizard.IDENTITY: _identity,
    wizard.VAULT: _vault,
    wizard.KEY: _key,
    wizard.ROTATION: _rotation,
    wizard.NETWORK: _network,
    wizard.VAULT_NETWORK: _vault_network,
}


def _listed(seen: Any, what: str) -> tuple[tuple[Any, ...], str]:
    """What was listed, and why it could not be."""
    if isinstance(seen, Unknown):
        return (), not_readable(f"which {what} exist", seen)
    return tuple(seen or ()), ""


def _part(title: str, asked: Asked, of: tuple[str, str, str], new: Choice, there: list[Choice], note: str) -> Question:
    """For an identity or a vault: a new one with the name that `enable` would take, another, or one that exists."""
    kind, type_, name = of
    argument = "identity" if type_ == IDENTITY_TYPE else "key_vault"
    id_ = ArmId(asked.registry.subscription, asked.registry.group, type_, name)
    existing = next((each for each in there if each.means.id == id_), None)
    other = Choice("another name or ID", IF_MISSING, asks=f"Name or ID of the {kind}")
    return Question(
        title,
        _in_order(new, other, there, existing),
        _default(existing or new),
        note,
        problem=lambda text: _name_or_id_problem(kind, type_, text),
        typed=lambda text: {argument: text},
    )


def _in_order(new: Choice, other: Choice, there: list[Choice], existing: Choice | None) -> tuple[Choice, ...]:
    """ "New" first, or what has that name already; then the others, the possible before the impossible."""
    rest = _sorted(each for each in there if each is not existing)
    return (existing or new, other, *rest)


def _sorted(choices: Iterable[Choice]) -> list[Choice]:
    return sorted(choices, key=lambda each: (each.blocked, each.label.lower(), each.detail))


def _default(choice: Choice) -> Choice | None:
    return None if choice.blocked else choice


def _named(asked: Asked, argument: str, id_: ArmId) -> dict[str, str]:
    """By its name where `enable` looks for it first, otherwise by its ID."""
    return {argument: id_.name if id_.group_id == asked.registry.group_id else str(id_)}


def _name_or_id_problem(kind: str, type_: str, text: str) -> str | None:
    if "/" not in text:
        return name_problem(kind, text)
    try:
        id_ = ArmId.parse(text)
    except ValueError as error:
        return str(error)
    if id_.type == HSM_TYPE:
        return "Choose a managed HSM from the list, or specify the URI of its key: --key-encryption-key"
    return None if id_.type == type_ else f"'{text}' is not the ID of {'an' if kind[0] in 'aeiou' else 'a'} {kind}."


def _judged(asked: Asked, choice: Choice, **parts: Any) -> Choice:
    """A candidate with what the rules say of it: what would stop `enable` blocks it, what would not is a remark.

    `parts` are the fields of the state that it changes; others are as chosen so far.
    """
    known = {name: asked.found.get(name, NOT_LOADED) for name in (wizard.IDENTITY, wizard.VAULT)}
    state, goal = State(**{**known, **parts}), asked.goal(**choice.gives)
    if problems := parts_problems(ENABLE, goal, state, asked.now, FIXED):
        return replace(choice, remarks=tuple(each.message for each in problems), blocked=True)
    about = OF_KEYS if isinstance(parts.get(wizard.KEY), Key) else OF_VAULTS if wizard.VAULT in parts else ""
    found = judge(Facts(state, asked.now, goal=goal))
    remarks = (each.message for each in found if each.rule.subject == about and each.is_problem)
    return replace(choice, remarks=tuple(remarks))
