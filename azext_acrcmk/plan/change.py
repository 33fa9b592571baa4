"""Plans: what each change has, whatever its kind. The kinds are in `kinds`. Pure."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from enum import Enum
from operator import attrgetter
from typing import Any, ClassVar

from azext_acrcmk.model.problem import Problem
from azext_acrcmk.model.value import Value, immutable


class Action(Enum):
    """The action of a change: its name in results, its symbol (as in `az deployment group what-if`), its verb in
    progress messages, and its outcome."""

    CREATE = ("create", "+", "Creating", "created")
    UPDATE = ("update", "~", "Updating", "updated")
    DELETE = ("delete", "-", "Removing", "removed")
    RECOVER = ("recover", "^", "Recovering", "recovered")
    REUSE = ("reuse", "=", "Using", "reused")
    VERIFY = ("verify", "?", "Not checking", "notChecked")
    MANUAL = ("manual", "!", "Leaving", "left")
    READ = ("read", " ", "Reading", "read")

    def __init__(self, label: str, symbol: str, verb: str, outcome: str):
        self.label, self.symbol, self.verb, self.outcome = label, symbol, verb, outcome


CREATE, UPDATE, DELETE, RECOVER, REUSE, VERIFY, MANUAL, READ = Action

# The actions that change something in Azure.
CHANGING = (CREATE, UPDATE, DELETE, RECOVER)
ACCESS, KEY = "access", "key"


class UnknownChange(TypeError):
    """A kind of change that a reader of plans does not know: a defect."""

    def __init__(self, reader: str, change: Change):
        super().__init__(f"{reader} does not know the change {type(change).__name__}.")


class _Named(Value):
    """Is made of named values only. What would be written for each of forty kinds is here once for all of them."""

    def __init__(self, **values: Any):
        for each in fields(self):
            value = values.pop(each.name, each.default)
            if value is MISSING:
                raise TypeError(f"{type(self).__name__} requires '{each.name}'")
            self.__dict__[each.name] = value
        if values:
            raise TypeError(f"{type(self).__name__} has no '{next(iter(values))}'")


# Makes a class a kind of change: immutable, compared by its fields, created with their names.
kind = dataclass(init=False, repr=False, eq=False, kw_only=True)


@kind
class Change(_Named):
    """A change to make, or one that is not required.

    `reason` explains it to the user. `after` are the changes that must be completed first. `question` prompts for
    confirmation, and `notice` is a warning, before anything is changed; `notice` is shown even without a prompt. `step`
    is its name in results.
    """

    action: ClassVar[Action]
    # Follows the verb in progress messages.
    noun: ClassVar[str]
    # The attribute that has the id of `resource`, such as "identity.id".
    about: ClassVar[str] = ""
    irreversible: ClassVar[bool] = False
    # What was read before and is no longer known after it: ACCESS or KEY.
    alters: ClassVar[str] = ""
    # Whether what it creates is a resource of its own in Azure Resource Manager, which policies judge.
    is_resource: ClassVar[bool] = True

    reason: str
    after: tuple[Change, ...] = field(default=(), compare=False, repr=False)
    question: str | None = None
    notice: str | None = None
    step: str

    @property
    def resource(self) -> str:
        """The id of what it is done to, which its kind must say: without it no change can be told."""
        if not self.about:
            raise UnknownChange("resource", self)
        return str(attrgetter(self.about)(self))

    @property
    def verb(self) -> str:
        return self.action.verb

    @property
    def symbol(self) -> str:
        return self.action.symbol

    @property
    def changes(self) -> bool:
        return self.action in CHANGING


@immutable
class Plan(Value):
    """Changes in an order in which they can be made, or the problems that must be fixed first. `notes` are what a
    person is told about the plan before it is carried out."""

    changes: tuple[Change, ...] = ()
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def told(self) -> tuple[Change, ...]:
        """The changes that are shown to the user: all but reading back."""
        return tuple(change for change in self.changes if change.action is not READ)

    @property
    def changing(self) -> tuple[Change, ...]:
        """The changes that change something in Azure."""
        return tuple(change for change in self.changes if change.changes)

    def find(self, *kinds: type[Change]) -> Change | None:
        """The first change of one of the kinds."""
        return next((change for change in self.changes if isinstance(change, kinds)), None)


def after(*changes: Change | None) -> tuple[Change, ...]:
    """The changes to wait for, without those that a plan does not have."""
    return tuple(change for change in changes if change is not None)
