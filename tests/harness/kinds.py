"""One change of every kind, created from the types of its fields, so that new kinds are included."""

from __future__ import annotations

import dataclasses
import types
import typing
from functools import cache

from azext_acrcmk.model.ids import ArmId, Id, KeyId, Scope
from azext_acrcmk.model.registry_options import NO_OPTIONS, RegistryOptions
from azext_acrcmk.model.state import Identity, Key, Registry, RoleGrant, Vault
from azext_acrcmk.plan.change import Change
from azext_acrcmk.plan.kinds import kinds
from tests.harness import make

GOAL = make.goal()
KINDS = tuple(kinds())

_SAMPLES = {
    str: "text",
    int: 1,
    bool: False,
    dict[str, str]: {},
    ArmId: GOAL.vault,
    Id: make.PRINCIPAL,
    Scope: GOAL.vault.as_scope,
    KeyId: GOAL.key,
    RegistryOptions: NO_OPTIONS,
    Identity: make.identity(GOAL),
    Vault: make.vault(GOAL),
    Key: make.key(GOAL),
    Registry: make.registry(GOAL),
    RoleGrant: make.role(GOAL.vault),
}


@cache
def change_of(kind: type[Change]) -> Change:
    """A change of a kind, with a value in each field that must have one."""
    hints = typing.get_type_hints(kind)
    given = {each.name: _sample(hints[each.name]) for each in dataclasses.fields(kind) if _is_required(each)}
    return kind(**given)


def _is_required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _sample(hint: object) -> object:
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        return _sample(next(each for each in typing.get_args(hint) if each is not types.NoneType))
    if typing.get_origin(hint) is tuple:
        return (_sample(typing.get_args(hint)[0]),)
    return _SAMPLES[hint]
