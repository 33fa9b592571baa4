"""Who pulls from a registry, as far as Azure shows it."""

from __future__ import annotations

from dataclasses import field

from azext_acrcmk.model.ids import Id
from azext_acrcmk.model.state import Unknown
from azext_acrcmk.model.value import Value, immutable


@immutable
class Reference(Value):
    """A resource that names a login server in its settings, or whose identity may pull."""

    id: str
    type: str
    name: str


@immutable
class Consumers(Value):
    """`naming` are the resources that name the login server, `holders` the resource of each principal by its object id.
    `unseen` says why they could not be looked for."""

    naming: tuple[Reference, ...] = ()
    holders: dict[Id, Reference] = field(default_factory=dict, hash=False)
    unseen: Unknown | None = None
