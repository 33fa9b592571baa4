"""What a run consists of: commands, of which one knows how they should end, and questions, of which one doesn't."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from live.azure import Azure, Done, Exchange, Failed
from live.place import REGISTRY_VERSION, Place

OPERATION_SECONDS = 30 * 60
_UNDER_WAY = {"accepted", "creating", "inprogress", "running", "updating", "pending"}


class NotAsked(Exception):
    """A question that makes no sense here, and why."""


@dataclass
class Live:
    """Where a run is: what it can use, and what came of it so far."""

    azure: Azure
    place: Place
    caller_kind: str
    say: Callable[[str], None]
    # What steps have made or found, for those after them: "encrypted", "officer", "second", ...
    have: dict[str, Any] = field(default_factory=dict)

    def need(self, *names: str) -> Any:
        """What earlier steps have left. Raises NotAsked where one of them did not get so far."""
        missing = [name for name in names if name not in self.have]
        if missing:
            raise NotAsked(f"An earlier step did not get so far: {', '.join(missing)}.")
        return self.have[names[0]]

    def registry(self) -> dict[str, Any]:
        """The registry as it is now. Raises Failed where it can't be read."""
        found = self.azure.rest("GET", self.registry_url)
        if not found.ok:
            raise Failed(f"The registry can't be read: {found.told()}")
        return found.answer

    @property
    def registry_url(self) -> str:
        return f"{self.place.registry_id}?api-version={REGISTRY_VERSION}"

    def used_key(self) -> dict[str, Any]:
        return self.registry()["properties"]["encryption"]["keyVaultProperties"]

    def change_registry(self, method: str, body: dict[str, Any]) -> Change:
        """Ask for a change, and wait until it has been made or refused."""
        started = time.monotonic()
        answer = self.azure.rest(method, self.registry_url, body)
        ended = answer
        operation = answer.headers.get("azure-asyncoperation") or answer.headers.get("location")
        while answer.ok and operation and time.monotonic() - started < OPERATION_SECONDS:
            ended = self.azure.rest("GET", operation)
            status = str(ended.answer.get("status", "")) if isinstance(ended.answer, dict) else ""
            if status.lower() not in _UNDER_WAY:
                break
            time.sleep(float(ended.headers.get("retry-after") or 5))
        return Change(answer, ended, time.monotonic() - started)

    def use_key(self, key: str, identity: str) -> Change:
        """Have the registry use a key through an identity, by PATCH."""
        chosen = {"keyIdentifier": key, "identity": identity}
        body = {"properties": {"encryption": {"status": "enabled", "keyVaultProperties": chosen}}}
        return self.change_registry("PATCH", body)


@dataclass(frozen=True)
class Change:
    """What became of a change of the registry: its first answer, and that of the operation."""

    answer: Exchange
    ended: Exchange
    seconds: float

    @property
    def refused(self) -> bool:
        failed = isinstance(self.ended.answer, dict) and self.ended.answer.get("status") in ("Failed", "Canceled")
        return not self.answer.ok or failed

    @property
    def code(self) -> str:
        return self.answer.code or self.ended.code

    @property
    def message(self) -> str:
        return self.answer.message or self.ended.message

    def told(self) -> str:
        """In words, to go on from 'It was'."""
        if not self.refused:
            return f"accepted ({self.answer.status})"
        if not self.answer.ok:
            return f"refused at once ({self.answer.told()})"
        return f"accepted ({self.answer.status}), and its operation failed ({self.ended.code})"

    def facts(self) -> dict[str, Any]:
        return {
            "refused": self.refused,
            "status": self.answer.status,
            "by": "the operation" if self.answer.ok else "the answer",
            "code": self.code,
            "message": self.message,
            "seconds": round(self.seconds, 1),
        }


@dataclass(frozen=True)
class Answer:
    text: str
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    """`believed` is what the project goes by today, and what of that is not documented."""

    id: str
    question: str
    believed: str
    ask: Callable[[Live], Answer]


@dataclass(frozen=True)
class Command:
    """A command of the extension on the registry of the run, and the exit code that it should have."""

    id: str
    words: str
    code: int = 0
    # What must hold of the document that it returns.
    holds: Callable[[Any], bool] = lambda result: True
    before: Callable[[Live], None] = lambda live: None
    after: Callable[[Live, Done], None] = lambda live, done: None

    def arguments(self, place: Place) -> list[str]:
        given = self.words.format(location=place.location, vault=place.vault).split()
        return ["acr", "cmk", *given, "--name", place.registry, "--resource-group", place.group]


Step = Command | Question


@dataclass
class Result:
    """What came of a step."""

    step: Step
    outcome: str  # of a command: "as expected", "not as expected"; of a question: "answered", "not asked"; or "failed"
    answer: Answer | None = None
    said: list[str] = field(default_factory=list)
    code: int | None = None
    seconds: float = 0.0
    exchanges: list[Exchange] = field(default_factory=list)


def carry_out(live: Live, step: Step) -> Result:
    """One step. Whatever goes wrong in it is its result: the others may go on."""
    before, started = len(live.azure.exchanges), time.monotonic()
    try:
        result = _run(live, step) if isinstance(step, Command) else Result(step, "answered", step.ask(live))
    except NotAsked as reason:
        result = Result(step, "not asked", said=[str(reason)])
    except Failed as problem:
        result = Result(step, "failed", said=[str(problem)])
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as problem:
        # An answer of a shape that nobody has seen yet is what such a run is for: it is in the exchanges.
        said = f"An answer could not be understood: {type(problem).__name__}: {problem}"
        result = Result(step, "failed", said=[said])
    result.seconds = time.monotonic() - started
    result.exchanges = live.azure.exchanges[before:]
    return result


def _run(live: Live, step: Command) -> Result:
    step.before(live)
    done = live.azure.run(*step.arguments(live.place))
    if done.code == step.code:
        step.after(live, done)
    expected = done.code == step.code and (done.code != 0 or step.holds(done.result))
    outcome = "as expected" if expected else "not as expected"
    return Result(step, outcome, said=done.errors, code=done.code)
