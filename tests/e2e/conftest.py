"""An Azure on loopback for each worker, empty at the start of each test, and the real `az` signed in to it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox.client import OWNER, Account, Sandbox
from sandbox.world import OWNER_OBJECT_ID
from tests.harness.az import Az, ForkServer, Result
from tests.harness.one_process import OneProcessAz
from tests.harness.rotate import done
from tests.harness.scenarios import Scenario
from tests.harness.scene import Scene
from tests.harness.seed import CRYPTO_OFFICER, VAULT, Seed

# Waits and timeouts of the client are so much shorter where nothing is gained by waiting: 5 minutes are 3 seconds.
PACE = 100
# What the process has run that all others are forked from: what most tests do.
REHEARSALS = [
    "acr cmk check -n myregistry -g rg -o none --only-show-errors",
    "acr cmk enable -n myregistry -g rg -o none --only-show-errors",
    "acr cmk enable -n newregistry -g rg --what-if -o none --only-show-errors",
]


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory, extension_directory: Path) -> Iterator[Sandbox]:
    directory = tmp_path_factory.mktemp("sandbox")
    with Sandbox(directory) as sandbox:
        sandbox.environment |= {
            "AZURE_EXTENSION_DIR": str(extension_directory),
            "XDG_CACHE_HOME": str(directory / "cache"),
        }
        yield sandbox


@pytest.fixture(scope="session")
def fork_server(shared_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkServer]:
    home = tmp_path_factory.mktemp("home")
    shared_sandbox.reset()  # a test without an `az` may have been the first
    seed = Seed(shared_sandbox)
    seed.group()
    Scene(shared_sandbox, seed).encrypt()
    server = ForkServer(shared_sandbox.login(home), REHEARSALS)
    yield server
    server.close()


@pytest.fixture
def azure(shared_sandbox: Sandbox) -> Sandbox:
    """A new, empty Azure, to seed and to ask."""
    shared_sandbox.reset()
    return shared_sandbox


@pytest.fixture
def seed(azure: Sandbox) -> Seed:
    """Puts things into the Azure of a test, which then has a resource group `rg`."""
    seed = Seed(azure)
    seed.group()
    return seed


@pytest.fixture
def az(az_as: Callable[[Account], Az]) -> Az:
    """The real `az`, signed in as owner, with a configuration of its own."""
    return az_as(OWNER)


@pytest.fixture
def home(fork_server: ForkServer) -> Path:
    """Where the fork server has its configuration, which nothing of an earlier test is in."""
    return fork_server.forget()


@pytest.fixture
def az_as(
    azure: Sandbox, fork_server: ForkServer, one_process: OneProcessAz, home: Path, tmp_path: Path
) -> Iterator[Callable[[Account], Az]]:
    """The real `az` of whatever account. The owner's share a process where they can."""
    with ExitStack() as opened:

        def sign_in(account: Account) -> Az:
            nonlocal home
            directory = tmp_path / account.object_id
            directory.mkdir()
            config, home = home or directory, None
            az = Az(fork_server, azure.login(config, account), directory, one_process if account == OWNER else None)
            opened.callback(az.close)
            return az

        yield sign_in


@pytest.fixture
def scene(azure: Sandbox, seed: Seed) -> Scene:
    """Makes an encrypted registry, and what may happen to it."""
    return Scene(azure, seed)


@pytest.fixture
def officer(seed: Seed) -> None:
    """The signed-in owner may also use the vault's data plane."""
    seed.grant(OWNER_OBJECT_ID, VAULT, CRYPTO_OFFICER)


@pytest.fixture
def refused(azure: Sandbox, az: Az) -> Callable[..., None]:
    """Runs a command that must be refused, saying all of `words`, before anything is changed."""

    def check(command, *words, code=1):
        result = az(command)
        assert result.code == code, result
        for word in words:
            assert word in result.err
        assert done(azure) == []
        assert "Traceback" not in result.err

    return check


@pytest.fixture
def many_az(azure: Sandbox, one_that_skips: OneProcessAz, home: Path) -> OneProcessAz:
    """Many commands in one process, signed in as owner; what they wait for takes moments."""
    azure.login(home)
    return one_that_skips


@pytest.fixture
def impatient_az(azure: Sandbox, one_impatient: OneProcessAz, home: Path) -> OneProcessAz:
    """The same, where 5 minutes without an answer are a quarter of a second."""
    azure.login(home)
    return one_impatient


@pytest.fixture
def quick_az(azure: Sandbox, one_process: OneProcessAz, home: Path) -> Callable[[str], Result]:
    """For tests of many little variants: `az`, signed in as owner, in one process for all tests that use it."""
    azure.login(home)
    return lambda command: one_process(shlex.split(command))


def _one_process(pace: float, name: str):
    @pytest.fixture(scope="session", name=name)
    def fixture(fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneProcessAz]:
        many = OneProcessAz(fork_server, fork_server.environment, tmp_path_factory.mktemp(name), pace)
        yield many
        many.close()

    return fixture


# The processes that commands share which are only waited for.
one_process = _one_process(1, "one_process")
one_that_skips = _one_process(PACE, "one_that_skips")
one_impatient = _one_process(12 * PACE, "one_impatient")


@pytest.fixture
def prepared(azure: Sandbox) -> Callable[[Scenario], None]:
    """Makes a new Azure as a scenario finds it."""

    def prepare(scenario: Scenario) -> None:
        azure.reset()
        seed = Seed(azure)
        seed.group()
        scenario.prepare(Scene(azure, seed))
        azure.clear_log()

    return prepare


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What tests have counted."""
    passed = terminalreporter.getreports("passed")
    counted = [value for report in passed for name, value in report.user_properties if name == "survived"]
    if counted:
        terminalreporter.section("survived")
        terminalreporter.write_line("\n".join(sorted(counted)))
