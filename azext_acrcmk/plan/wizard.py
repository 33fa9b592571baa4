"""The questions of `az acr cmk wizard`: which are asked, given what options gave, and what an answer means. Pure.

An answer is a set of arguments of `enable`: what is asked for ends in the very options that one could have typed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field, replace
from datetime import datetime
from typing import Any

from azext_acrcmk.model.goal import MANUAL, EnableGoal, enable_goal, goal_options
from azext_acrcmk.model.ids import REGISTRY_TYPE, ArmId, name_problem
from azext_acrcmk.model.registry_options import NETWORK_ARGUMENTS
from azext_acrcmk.model.state import Absent, Key, Vault
from azext_acrcmk.model.value import Value, immutable

REGISTRY, GROUP, LOCATION, IDENTITY, VAULT, KEY = "registry", "group", "location", "identity", "vault", "key"
ROTATION, NETWORK, VAULT_NETWORK = "rotation", "network", "vault network"


@immutable
class Choice(Value):
    """An entry of a list. `gives` are the arguments that it stands for, and `means` what it is, where that exists.

    `remarks` speak against it. If it is `blocked`, it is shown and can't be chosen. With `asks`, a text is typed
    instead, and what that gives is the question's to say.
    """

    label: str
    detail: str = ""
    gives: Mapping[str, Any] = field(default_factory=dict)
    means: object = None
    remarks: tuple[str, ...] = ()
    blocked: bool = False
    asks: str = ""


def no_problem(_text: str) -> str | None:
    return None


@immutable
class Question(Value):
    """What is shown and asked. Without choices, a text is typed.

    `default` is the choice that Enter stands for, or the text; None if there is none. `problem` says why a typed text
    can't be taken, and `typed` which arguments it gives. `note` is shown above the list.
    """

    title: str
    choices: tuple[Choice, ...] = ()
    default: Choice | str | None = None
    note: str = ""
    prompt: str = "Name"
    problem: Callable[[str], str | None] = no_problem
    typed: Callable[[str], dict[str, Any]] = lambda text: {"text": text}


@immutable
class Answer(Value):
    """The arguments that were given, and what was chosen, if it exists."""

    gives: Mapping[str, Any]
    means: object = None


@immutable
class Login(Value):
    """Where the command runs: see `cloud.login`."""

    subscription: str
    tenant: str
    vault_suffix: str
    tenants: tuple[tuple[str, str], ...] = ()


@immutable
class Asked(Value):
    """What is known so far: the arguments, which questions were answered, and what the answers are, by question."""

    login: Login
    now: datetime
    arguments: Mapping[str, Any]
    answered: frozenset[str] = frozenset()
    found: Mapping[str, object] = field(default_factory=dict)

    def answer(self, name: str, answer: Answer) -> Asked:
        """With the answer to a question."""
        found = {**self.found, name: answer.means} if answer.means is not None else self.found
        return replace(
            self,
            arguments={**self.arguments, **answer.gives},
            answered=self.answered | {name},
            found=found,
        )

    def knowing(self, name: str, found: object) -> Asked:
        """With what was found at a name that was typed."""
        return replace(self, found={**self.found, name: found})

    def given(self, *names: str) -> bool:
        """Whether one of the arguments was typed as an option. A configured default is no answer, but the default."""
        values = [self.arguments.get(name) for name in names]
        return any(value not in (None, False, "") and not getattr(value, "is_default", False) for value in values)

    def chosen(self, *names: str) -> bool:
        """Whether one of the arguments has a value that counts: False is one."""
        return any(self.arguments.get(name) is not None for name in names)

    @property
    def registry(self) -> ArmId:
        name, group = self.arguments.get("registry_name"), self.arguments.get("resource_group_name")
        return ArmId(self.login.subscription, group or "", REGISTRY_TYPE, name or "")

    @property
    def vault(self) -> object:
        """The vault or managed HSM that was chosen; None if it was not looked at."""
        return self.found.get(VAULT)

    def goal(self, **more: Any) -> EnableGoal:
        """What was asked for so far, with more arguments."""
        login = self.login
        options = goal_options({**without_names(self.arguments), **more})
        return enable_goal(self.registry, login.tenant, login.vault_suffix, tenants=login.tenants, **options)


def without_names(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments but the names of the registry and its group."""
    return {name: each for name, each in arguments.items() if name not in ("registry_name", "resource_group_name")}


@immutable
class Topic(Value):
    """A question of the wizard: whether it is to be asked, and, for those who can't be asked, the option that answers
    it and the command that lists the candidates."""

    name: str
    is_open: Callable[[Asked], bool]
    option: str
    candidates: str = ""


def _open_key(asked: Asked) -> bool:
    if isinstance(asked.vault, Vault) and asked.vault.is_hsm:
        return True
    return not asked.given("key_name")


def _open_vault_network(asked: Asked) -> bool:
    return isinstance(asked.vault, Absent) and not asked.given("restrict_vault_network", "vault_public_network_access")


def _by_uri(asked: Asked) -> bool:
    return asked.given("key_encryption_key")


# In the order in which they are asked.
TOPICS = (
    Topic(REGISTRY, lambda asked: not asked.given("registry_name"), "--name", "az acr check-name --name NAME"),
    Topic(
        GROUP, lambda asked: not asked.given("resource_group_name"), "--resource-group", "az group list --output table"
    ),
    Topic(
        LOCATION, lambda asked: not asked.given("location"), "--location", "az account list-locations --output table"
    ),
    Topic(IDENTITY, lambda asked: not asked.given("identity"), "--identity", "az identity list --output table"),
    Topic(
        VAULT,
        lambda asked: not asked.given("key_vault") and not _by_uri(asked),
        "--key-vault",
        "az keyvault list --output table",
    ),
    Topic(
        KEY,
        lambda asked: not _by_uri(asked) and _open_key(asked),
        "--key",
        "az keyvault key list --vault-name NAME --output table",
    ),
    Topic(ROTATION, lambda asked: not asked.given("rotation") and not _by_uri(asked), "--rotation"),
    Topic(
        NETWORK,
        lambda asked: not asked.chosen(*NETWORK_ARGUMENTS),
        "--public-network-enabled",
    ),
    Topic(VAULT_NETWORK, _open_vault_network, "--restrict-vault-network"),
)


def next_topic(asked: Asked) -> Topic | None:
    """The next question to ask; None if all is known."""
    return next((topic for topic in TOPICS if topic.name not in asked.answered and topic.is_open(asked)), None)


def finished(asked: Asked) -> dict[str, Any]:
    """The arguments of `enable`. A key in a managed HSM is named by its URI, with a version if it is to be pinned."""
    arguments, key = dict(asked.arguments), asked.found.get(KEY)
    if isinstance(key, Key) and key.id.is_hsm:
        pinned = arguments.get("rotation") == MANUAL
        arguments |= {"key_encryption_key": str(key.id) if pinned else key.id.versionless, "rotation": None}
    return arguments


def options_instead(asked: Asked) -> list[str]:
    """For those who can't be asked: the options that answer the questions, and the commands that list what there is."""
    topics = [topic for topic in TOPICS if topic.is_open(asked)]
    required = " ".join(
        f"{topic.option} {topic.name.upper()}" for topic in topics if topic.option in ("--name", "--resource-group")
    )
    lines = [f"Specify options instead: az acr cmk enable {required}".rstrip()]
    for topic in topics:
        listed = f", candidates: {topic.candidates}" if topic.candidates else ""
        lines.append(f"{topic.option}{listed}")
    return lines


def registry_name_problem(name: str) -> str | None:
    """Why a name can't be that of a new registry, as far as it can be judged without asking Azure."""
    if problem := name_problem("registry", name):
        return problem
    # As in `az acr create`: image names are lowercase and include the registry name.
    return None if name == name.lower() else f"The registry name '{name}' must be lowercase."
