"""What all commands have in common."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import cached_property
from math import inf
from typing import TYPE_CHECKING, Any

from azure.cli.core.azclierror import ForbiddenError, ResourceNotFoundError
from knack.log import get_logger
from knack.util import CLIError

from azext_acrcmk._errors import cli_errors, done_so_far, problems_error
from azext_acrcmk.cloud.across import find_registry
from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import parsing_responses
from azext_acrcmk.cloud.login import login_of
from azext_acrcmk.cloud.pipeline import forget_writes, last_write_accepted
from azext_acrcmk.cloud.reads import get_registry
from azext_acrcmk.cloud.waiting import Stop
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId
from azext_acrcmk.model.problem import unreadable_problem
from azext_acrcmk.model.state import Absent, Registry, State, Unknown
from azext_acrcmk.plan.change import Change, Plan
from azext_acrcmk.progress import Progress
from azext_acrcmk.rules import BROKEN
from azext_acrcmk.rules.fixes import registry_command
from azext_acrcmk.run import ChangeFailed, Outcome, RunInterrupted, run

if TYPE_CHECKING:
    # All kinds of change, and what is done for them: imported only where a plan is carried out.
    from azext_acrcmk.apply import Context
    from azext_acrcmk.cloud.preflight import Ahead

logger = get_logger(__name__)


class Session:
    """One run of a command: the login, the clients, the progress, and the signal to stop."""

    def __init__(self, cmd):
        self._cli_ctx = cmd.cli_ctx
        self.login = login_of(cmd.cli_ctx)
        self.clients = Clients(cmd.cli_ctx)
        self.progress = Progress.of(cmd.cli_ctx)
        self.stop = Stop()
        self._done: list[Outcome] = []
        # What a command does beside its plan, each said when it is asked; empty as long as it did nothing.
        self.besides: list[Callable[[], str]] = []

    @classmethod
    @contextmanager
    def of(cls, cmd) -> Iterator[Session]:
        """A session in which exceptions become errors of the CLI."""
        session = cls(cmd)
        try:
            with cli_errors(session._done, session._besides), session.progress.during("Reading from Azure"):
                yield session
        finally:
            session.progress.close()

    @cached_property
    def ahead(self) -> Ahead:
        """What this command asks in advance."""
        from azext_acrcmk.cloud.preflight import Ahead

        return Ahead(self.clients)

    def done_so_far(self) -> list[str]:
        """What exists by now, in one line."""
        return done_so_far(self._done, self._besides())

    def _besides(self) -> list[str]:
        return [said for each in self.besides if (said := each())]

    @property
    def now(self) -> datetime:
        return datetime.now(timezone.utc)

    def registry_anywhere(self, name: str, group: str | None) -> ArmId:
        """The same for a command that only reads: without a group, it may be in another subscription, which is said."""
        if group:
            return self.registry_id(name, group)
        found = self._search(name)
        if isinstance(found, Absent) and (there := self._elsewhere(name)):
            logger.warning("Registry '%s' is in another subscription than the current one: %s", name, there)
            return there
        return self._found(name, found, None)

    def registry_id(self, name: str, group: str | None) -> ArmId:
        """The id of a registry by its name and, where given, its resource group."""
        if group:
            return ArmId(self.login.subscription, group, REGISTRY_TYPE, name)
        found = self._search(name)
        there = self._elsewhere(name) if isinstance(found, Absent) else None
        return self._found(name, found, there)

    def _search(self, name: str) -> ArmId | Absent | Unknown:
        self.clients.prepare(self.login.subscription)
        return find_registry(self.clients, name, self.login.subscription)

    def _elsewhere(self, name: str) -> ArmId | None:
        from azext_acrcmk.cloud.elsewhere import find_elsewhere

        return find_elsewhere(self.clients, name, self.login.subscription)

    def _found(self, name: str, found: ArmId | Absent | Unknown, there: ArmId | None) -> ArmId:
        """What was found in the command's subscription, or an error that names where it is."""
        if isinstance(found, Unknown):
            raise _forbidden(name, found)
        if there:
            raise ResourceNotFoundError(
                f"Registry '{name}' is not in subscription {self.login.subscription}, but in another one: {there}.",
                [f"To use it: --subscription {there.subscription}"],
            )
        if not isinstance(found, ArmId):
            raise ResourceNotFoundError(
                f"No registry '{name}' was found in subscription {self.login.subscription}.",
                [
                    "To list the registries that you can read: az acr list --output table",
                    "If it was created recently, specify its resource group: --resource-group",
                    "For another subscription: --subscription",
                ],
            )
        return found

    def registry(self, name: str, group: str | None) -> Registry:
        """A registry that must exist."""
        return self.registry_at(self.registry_id(name, group))

    def registry_at(self, id_: ArmId) -> Registry:
        """A registry that must exist, by its id."""
        self.clients.prepare(id_.subscription)
        found = get_registry(self.clients, id_)
        if isinstance(found, Unknown):
            raise _forbidden(id_.name, found)
        if not isinstance(found, Registry):
            raise ResourceNotFoundError(
                f"There is no registry '{id_.name}' in resource group '{id_.group}'.",
                [
                    "To find the registry by its name, omit --resource-group; where a default is configured: "
                    '--resource-group ""',
                    "To list the registries that you can read: az acr list --output table",
                ],
            )
        return found

    def checked(self, plan: Plan) -> Plan:
        """The plan, if it has no problems; otherwise raises one error for all of them."""
        if plan.problems:
            raise problems_error(plan.problems)
        return plan

    def context(self, state: State, goal: EnableGoal | None = None, grant_timeout: int = 0) -> Context:
        """The context in which to carry out a plan, from what exists now."""
        from azext_acrcmk.apply import Context

        subscriptions = self.login.subscriptions
        context = Context(
            self.clients, state, self.login.tenant, self.progress, self.stop, goal, grant_timeout, subscriptions
        )
        context.delegated = self.login.delegated
        return context

    def carry_out(
        self,
        plan: Plan,
        context: Context,
        yes: bool,
        at_once: float = inf,
        beside: Callable[[Change], None] = lambda _: None,
    ) -> list[Outcome]:
        """Shows the notes of the plan, and the notices and prompts of all its changes, before the first of them; then
        carries them out, at most `at_once` at a time. Calls `beside` with each change as it begins."""
        from azure.cli.core.util import user_confirmation

        for note in plan.notes:
            self.progress.note(f"  {note}")
        yes = yes or self._cli_ctx.config.getboolean("core", "disable_confirm_prompt", fallback=False)
        for change in plan.changes:
            asked = change.question and not yes and _has_terminal()
            with self.progress.paused():
                if change.notice and not asked:
                    logger.warning(change.notice)
                if change.question and not yes and not asked:
                    raise CLIError("Unable to prompt for confirmation as no tty available. Use --yes.")
                if change.question:
                    user_confirmation(" ".join(filter(None, (change.notice, change.question))), yes)

        context.plan = plan
        accepted: list[Change] = []

        @parsing_responses()
        def apply(change: Change) -> str | None:
            forget_writes()
            beside(change)
            try:
                return context.carry_out(change)
            except Exception:
                if last_write_accepted():
                    accepted.append(change)
                raise

        try:
            outcomes = run(plan, apply, self.progress, self.stop, at_once)
        except (ChangeFailed, RunInterrupted) as stopped:
            stopped.outcomes = [*self._done, *stopped.outcomes]
            failed = stopped if isinstance(stopped, ChangeFailed) else stopped.failed
            if failed:
                failed.accepted = any(each is failed.change for each in accepted)
            raise
        self._done += outcomes
        return outcomes

    def fail_if_broken(self, document: dict[str, Any], registry: ArmId) -> None:
        """Makes a command that was to end with a working key fail after its output, if that shows none."""
        if document["health"] == BROKEN:
            check = registry_command(registry, "cmk check")
            logger.warning("The key of registry '%s' does not work. To find the cause: %s", registry.name, check)
            self.fail_after_output()

    def fail_after_output(self) -> None:
        fail_after_output(self._cli_ctx)


def _has_terminal() -> bool:
    """Whether questions can be answered. The CLI's own prompts fail with a traceback if standard input is closed."""
    return sys.stdin is not None and sys.stdin.isatty()


def fail_after_output(cli_ctx, code: int = 1) -> None:
    """Makes the command end with this exit code after its result is written, in any format."""
    from knack.events import EVENT_CLI_SUCCESSFUL_EXECUTE

    def fail(cli_ctx, **_):
        cli_ctx.unregister_event(EVENT_CLI_SUCCESSFUL_EXECUTE, fail)  # other commands may follow in this process
        raise SystemExit(code)

    cli_ctx.register_event(EVENT_CLI_SUCCESSFUL_EXECUTE, fail)


def give_as_it_is(cli_ctx, document: dict[str, Any]) -> None:
    """Makes a large document the result of a command that returns none. What a command returns, the CLI copies value by
    value, as it can be more than JSON: of ten thousand registries, that takes a second."""
    from knack.events import EVENT_INVOKER_TRANSFORM_RESULT

    def give(cli_ctx, event_data, **_):
        cli_ctx.unregister_event(EVENT_INVOKER_TRANSFORM_RESULT, give)
        event_data["result"] = document

    cli_ctx.register_event(EVENT_INVOKER_TRANSFORM_RESULT, give)


def _forbidden(name: str, unknown: Unknown) -> ForbiddenError:
    problem = unreadable_problem(f"registry '{name}'", unknown)
    return ForbiddenError(problem.message, list(problem.advice))
