"""`az acr cmk wizard`"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any

from azure.cli.core.azclierror import ManualInterrupt, RequiredArgumentMissingError

from azext_acrcmk.cloud.candidates import list_groups, list_identities, list_keys, list_locations, list_vaults
from azext_acrcmk.cloud.load import locate_vault
from azext_acrcmk.cloud.reads import get_group, get_identity, get_registry_name_problem
from azext_acrcmk.model.goal import goal_options
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId
from azext_acrcmk.model.names import short
from azext_acrcmk.model.state import Vault
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.operations.enable import enable, goal_of, planned
from azext_acrcmk.operations.session import Session
from azext_acrcmk.operations.template import STDOUT, template
from azext_acrcmk.operations.terminal import BACK, Terminal
from azext_acrcmk.output.documents import plan_document
from azext_acrcmk.output.template.formats import FORMATS
from azext_acrcmk.plan import wizard as steps
from azext_acrcmk.plan.candidates import question_of
from azext_acrcmk.plan.command_line import enable_command, powershell
from azext_acrcmk.plan.obstacle import BLOCKED, Obstacle
from azext_acrcmk.plan.wizard import Asked, Choice, Login, Question, Topic, finished, next_topic, without_names

CREATE, SAVE, LEAVE = "create", "save", "leave"
_FILES = {"bicep": "main.bicep", "azurerm": "main.tf", "azapi": "main.tf", "sh": "registry.sh"}


@immutable
class Decision(Value):
    """What to do in the end, with which arguments of `enable`; and where and how to save a template."""

    action: str
    arguments: dict[str, Any]
    format: str = "arm"
    file: str = ""
    replace: bool = False


def wizard(cmd, **arguments: Any):
    """Asks for what no option gave, shows the plan, and then creates the registry, saves a template, or neither."""
    terminal = Terminal.of_process()
    if terminal is None:
        raise _no_terminal(arguments)
    with Session.of(cmd) as session:
        try:
            decision = Conversation(session, terminal).lead(arguments)
        except (KeyboardInterrupt, EOFError):
            terminal.say()
            raise ManualInterrupt("The wizard was canceled. Nothing was changed.") from None
    name, group = (decision.arguments[each] for each in ("registry_name", "resource_group_name"))
    options = goal_options(without_names(decision.arguments))
    if decision.action == CREATE:
        # What can't be undone was shown, and then chosen.
        return enable(cmd, name, group, False, True, **options)
    if decision.action == SAVE:
        return template(cmd, name, group, decision.format, decision.file, decision.replace, **options)
    terminal.say("Nothing was changed.")
    return None


def _no_terminal(arguments: dict[str, Any]) -> RequiredArgumentMissingError:
    asked = Asked(Login("", "", ""), None, arguments)
    return RequiredArgumentMissingError(
        "This command asks questions, but there is no terminal for the answers (standard input) or the questions "
        "(standard error).",
        steps.options_instead(asked),
    )


class Conversation:
    """One run of the wizard: it only reads. What was listed is not listed again after a step back."""

    def __init__(self, session: Session, terminal: Terminal):
        self._session, self._terminal = session, terminal
        self._seen: dict[tuple[Any, ...], Any] = {}

    def lead(self, arguments: dict[str, Any]) -> Decision:
        """From the first question to the decision."""
        login = self._session.login
        place = Login(login.subscription, login.tenant, login.vault_suffix, login.tenants)
        asked, before = Asked(place, self._session.now, arguments), []
        self._say(
            f"Enter chooses the entry marked with *. {BACK} goes back, Ctrl-C quits. Nothing is changed before the end."
        )
        while True:
            asked = self._looked_up(asked)
            topic = next_topic(asked)
            if topic is None:
                if decision := self._review(finished(asked)):
                    return decision
            elif answer := self._ask(topic, asked):
                before.append(asked)
                asked = asked.answer(topic.name, answer)
                continue
            asked = before.pop() if before else asked

    def _ask(self, topic: Topic, asked: Asked):
        question = question_of(topic.name, asked, self._list(topic.name, asked))
        with self._session.progress.paused():
            if topic.name == steps.REGISTRY:
                return self._terminal.ask(question, self._name_problem)
            return self._terminal.ask(question)

    def _name_problem(self, name: str) -> str | None:
        """What Azure says about the name of a registry, while one is there to choose another."""
        id_ = ArmId(self._session.login.subscription, "", REGISTRY_TYPE, name)
        return self._once("Checking the name", get_registry_name_problem, id_)

    def _list(self, topic: str, asked: Asked) -> Any:
        subscription = self._session.login.subscription
        if topic == steps.GROUP:
            return self._once("Reading resource groups", list_groups, subscription)
        if topic == steps.LOCATION:
            return self._once("Reading locations", list_locations, subscription)
        if topic == steps.IDENTITY:
            return self._once("Reading identities", list_identities, subscription)
        if topic == steps.VAULT:
            return self._once("Reading key vaults", list_vaults, subscription)
        if topic == steps.KEY and isinstance(asked.vault, Vault):
            return self._once("Reading keys", list_keys, asked.vault)
        return ()

    def _looked_up(self, asked: Asked) -> Asked:
        """With what exists of the group, identity and vault that were typed: the questions after them depend on it."""
        arguments = asked.arguments
        open_ = {topic.name for topic in steps.TOPICS if topic.name not in asked.answered and topic.is_open(asked)}
        if steps.REGISTRY in open_ or steps.GROUP in open_:
            return asked
        if steps.GROUP not in asked.found:
            group = self._once("Reading the resource group", get_group, asked.registry.group_id)
            asked = asked.knowing(steps.GROUP, group)
        goal = asked.goal()
        if arguments.get("identity") and steps.IDENTITY not in asked.found:
            asked = asked.knowing(steps.IDENTITY, self._once("Reading the identity", get_identity, goal.identity))
        if arguments.get("key_vault") and steps.VAULT not in asked.found:
            asked = asked.knowing(steps.VAULT, self._once("Reading the key vault", self._vault_of, goal))
        return asked

    def _vault_of(self, clients, goal):
        return locate_vault(clients, goal, self._session.login.subscriptions)[1]

    def _once(self, doing: str, read: Callable[..., Any], *about: Any) -> Any:
        key = (read, *about)
        if key not in self._seen:
            with self._session.progress.during(doing):
                self._seen[key] = read(self._session.clients, *about)
        return self._seen[key]

    # Review + create

    def _review(self, arguments: dict[str, Any]) -> Decision | None:
        """Shows the plan. Returns what to do, or None to go back to the last question."""
        names = arguments["registry_name"], arguments["resource_group_name"]
        with self._session.progress.during("Reading from Azure"):
            goal = goal_of(self._session, *names, goal_options(without_names(arguments)))
            prepared = planned(self._session, goal)
        plan, found = prepared.plan, prepared.found
        with self._session.progress.paused():
            self._show(plan, found, arguments)
            blocked = any(each.action == BLOCKED for each in found)
            while True:
                answer = self._terminal.ask(_decisions(bool(plan.problems), blocked))
                if answer is None:
                    return None
                if answer.gives["action"] != SAVE:
                    return Decision(answer.gives["action"], arguments)
                if saved := self._ask_file(arguments):
                    return saved

    def _show(self, plan, found: list[Obstacle], arguments: dict[str, Any]) -> None:
        say, tell = self._terminal.say, self._terminal.tell
        say("\nReview + create\n")
        for row in plan_document(plan, found):
            mark = "  (irreversible)" if row["irreversible"] else ""
            say(f"{row['symbol']} {row['action']:8} {short(row['resource'])}{mark}")
            tell(row["reason"], " " * 11)
        for problem in plan.problems:
            tell(f"x {problem.message}")
            for line in problem.advice:
                say(f"  {line}")
        if lasting := [each for each in plan.changing if each.irreversible]:
            say("\nCan't be undone:")
            for each in lasting:
                tell(f"- {short(each.resource)}: {each.reason}")
        say("\nThe same without questions:")
        say(enable_command(arguments, self._session.login.subscription, powershell if os.name == "nt" else quote))

    def _ask_file(self, arguments: dict[str, Any]) -> Decision | None:
        formats = tuple(Choice(name, each.title, {"format": name}) for name, each in FORMATS.items())
        answer = self._terminal.ask(Question("Format of the template", formats, formats[0]))
        while answer:
            name = answer.gives["format"]
            default = _FILES.get(name) or f"azuredeploy{FORMATS[name].suffix}"
            text = self._terminal.ask(Question("File to write", default=default, prompt="File", problem=_file_problem))
            if text is None:
                return None
            file = os.path.expanduser(text.gives["text"])
            exists = Path(file).exists()
            if not exists or self._terminal.confirm(f"'{file}' exists. Replace it?"):
                return Decision(SAVE, arguments, name, file, exists)
        return None

    def _say(self, text: str) -> None:
        with self._session.progress.paused():
            self._terminal.tell(text)


def _file_problem(text: str) -> str | None:
    path = Path(os.path.expanduser(text))
    if text == STDOUT or "\0" in text or path.is_dir() or not path.parent.is_dir():
        return f"'{text}' is not a file in an existing directory."
    return None


def _decisions(impossible: bool, blocked: bool) -> Question:
    """What can be done now. What blocks the command need not block somebody else who deploys a template."""
    no = partial(Choice, blocked=True)
    create = (no if impossible or blocked else Choice)("create", "Make these changes now.", {"action": CREATE})
    save = (no if impossible else Choice)("save as template", "Write a file for others to deploy.", {"action": SAVE})
    leave = Choice("leave", "Change nothing.", {"action": LEAVE})
    return Question("What now?", (create, save, leave), leave)
