"""A plan is data: steps that name what they do, to which resource, why, and what they wait for."""

from __future__ import annotations

from dataclasses import dataclass, replace

CREATE = "create"
UPDATE = "update"
DELETE = "delete"
RECOVER = "recover"
REUSE = "reuse"
VERIFY = "verify"
MANUAL = "manual"
# What a look ahead finds: what would stop the plan, and what can't be told.
BLOCKED = "blocked"
UNSEEN = "unknown"

# As `az deployment group what-if` has them, and ^ for what comes back from soft delete.
SYMBOLS = {
    CREATE: "+",
    UPDATE: "~",
    DELETE: "-",
    RECOVER: "^",
    REUSE: "=",
    VERIFY: "?",
    MANUAL: "!",
    BLOCKED: "x",
    UNSEEN: "?",
}
OUTCOMES = {
    CREATE: "created",
    UPDATE: "updated",
    DELETE: "removed",
    RECOVER: "recovered",
    REUSE: "reused",
    VERIFY: "reused",
    MANUAL: "left",
}


@dataclass(frozen=True)
class Step:
    """One thing to do. `after` names the steps it waits for; `confirm` is the question to ask before any step runs.

    `notice` is what must be said before any step runs: before the question, and also where nobody is asked.
    """

    name: str
    action: str
    resource: str
    reason: str
    after: tuple[str, ...] = ()
    irreversible: bool = False
    confirm: str | None = None
    notice: str | None = None

    @property
    def symbol(self) -> str:
        return SYMBOLS[self.action]

    @property
    def changes(self) -> bool:
        return self.action in (CREATE, UPDATE, DELETE, RECOVER)


INVALID = "invalid"
NOT_FOUND = "not found"
FORBIDDEN = "forbidden"


@dataclass(frozen=True)
class Problem:
    """Why the goal can't be reached as things stand, found before anything is changed; `advice` is what to do."""

    message: str
    advice: tuple[str, ...] = ()
    kind: str = INVALID


@dataclass(frozen=True)
class Plan:
    steps: tuple[Step, ...] = ()
    problems: tuple[Problem, ...] = ()

    def step(self, name: str) -> Step | None:
        return next((step for step in self.steps if step.name == name), None)

    @property
    def changes(self) -> bool:
        return any(step.changes for step in self.steps)

    def split(self, name: str) -> tuple[Plan, Plan]:
        """The steps before the last one, where that has this name, and the last one alone. Else all, and none."""
        ends_so = bool(self.steps) and self.steps[-1].name == name
        at = len(self.steps) - 1 if ends_so else len(self.steps)
        last = tuple(replace(step, after=()) for step in self.steps[at:])
        return Plan(self.steps[:at]), Plan(last)
