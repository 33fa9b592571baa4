"""Immutable values, compared by their fields. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import MISSING, FrozenInstanceError, dataclass, fields
from functools import cache
from operator import attrgetter
from typing import Any, NoReturn, TypeVar

Kind = TypeVar("Kind", bound=type)


class Value:
    """What `@dataclass(frozen=True)` would write for each of a hundred classes, here once for all of them: writing it
    takes half a millisecond a class, each time that a command starts."""

    __slots__ = ()

    def __setattr__(self, name: str, _value: Any) -> NoReturn:
        raise FrozenInstanceError(f"cannot assign to field '{name}'")

    def __delattr__(self, name: str) -> NoReturn:
        raise FrozenInstanceError(f"cannot delete field '{name}'")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        compared = _compared(type(self))
        return compared(self) == compared(other)

    def __hash__(self) -> int:
        return hash(_hashed(type(self))(self))

    def __repr__(self) -> str:
        shown = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
        return f"{type(self).__qualname__}({shown})"


def immutable(class_: Kind) -> Kind:
    """Makes a subclass of Value a dataclass with slots. Its `__init__` is written when the first one is made."""
    made = dataclass(init=False, repr=False, eq=False, slots=True)(class_)
    made.__init__ = _written_first
    return made


def _written_first(self: Any, *given: Any, **named: Any) -> None:
    class_ = type(self)
    class_.__init__ = _init_of(class_)
    class_.__init__(self, *given, **named)


def _init_of(class_: type) -> Callable[..., None]:
    known: dict[str, Any] = {"_set": object.__setattr__, "_none": MISSING}
    parameters, lines = ["self"], []
    for each in fields(class_):
        name, given = each.name, each.name
        if each.default_factory is not MISSING:
            known[f"_new_{name}"] = each.default_factory
            parameters.append(f"{name}=_none")
            given = f"_new_{name}() if {name} is _none else {name}"
        elif each.default is not MISSING:
            known[f"_default_{name}"] = each.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        lines.append(f"    _set(self, {name!r}, {given})")
    exec("\n".join((f"def __init__({', '.join(parameters)}):", *lines, "    return None")), known)
    return known["__init__"]


@cache
def _compared(class_: type) -> Callable[[Any], Any]:
    return _getter([each.name for each in fields(class_) if each.compare])


@cache
def _hashed(class_: type) -> Callable[[Any], Any]:
    return _getter([each.name for each in fields(class_) if (each.compare if each.hash is None else each.hash)])


def _getter(names: list[str]) -> Callable[[Any], Any]:
    return attrgetter(*names) if names else lambda _: ()
