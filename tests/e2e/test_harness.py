"""What runs in the tests is an `az` like any other."""

from __future__ import annotations

import signal

import pytest

from tests.harness.waiting import until


@pytest.fixture(params=[False, True], ids=["forked", "fresh"])
def fresh(request):
    return request.param


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("group create -n g -l westeurope", 0),
        ("acr show -n nosuchregistry -g g", 3),
        ("acr cmk enable", 2),
        ("acr cmk --help", 0),
    ],
)
def test_a_forked_az_says_what_a_fresh_one_says(az, command, code):
    forked, fresh = az(command), az(command, fresh=True)
    assert (forked.code, forked.out, forked.err) == (fresh.code, fresh.out, fresh.err)
    assert forked.code == code


def test_loads_the_installed_extension(az, extension_directory, fresh):
    (extension,) = az("extension list", fresh=fresh).json()
    assert extension["name"] == "acrcmk"
    assert extension["path"] == str(extension_directory / "acrcmk")


def test_sends_the_same_requests(azure, az):
    def requests(fresh):
        azure.clear_log()
        az("group exists -n g", fresh=fresh).ok()
        return [(entry["method"], entry["path"]) for entry in azure.log()]

    requests(fresh=False)  # the first one also fetches a token
    assert requests(fresh=False) == requests(fresh=True)


def test_each_test_has_an_empty_azure(az):
    assert az("group list").json() == []
    az("group create -n left-behind -l westeurope").ok()


test_each_test_has_an_empty_azure_again = test_each_test_has_an_empty_azure


def test_gets_environment_and_input(az, fresh):
    command = "group create -n @- -l westeurope --query name"
    result = az(command, stdin="from-stdin", environment={"AZURE_CORE_OUTPUT": "tsv"}, fresh=fresh)
    assert result.ok().out == "from-stdin\n"


def test_can_be_interrupted(azure, az, fresh):
    azure.fault("hang", path="resourcegroups")
    running = az.start("group show -n g", fresh=fresh)
    until(lambda: any("resourcegroups" in entry["path"] for entry in azure.log()))
    assert running.poll() is None
    assert running.interrupt().code == 1


def test_can_be_killed(azure, az, fresh):
    azure.fault("hang", path="resourcegroups")
    running = az.start("group show -n g", fresh=fresh)
    running.send_signal(signal.SIGKILL)
    assert running.wait(10).code == -signal.SIGKILL
    running.send_signal(signal.SIGKILL)


def test_what_takes_too_long_fails(azure, az, fresh):
    azure.fault("hang", path="resourcegroups")
    with pytest.raises(AssertionError, match="Not done after 1 s: az group show"):
        az("group show -n g", timeout=1, fresh=fresh)


def test_the_cli_finds_the_repositories_that_the_sandbox_serves(azure, az, scene):
    """By its own command, as it ships it: sign-in, exchange of tokens, and pages of the list."""
    scene.encrypt()
    names = [f"many/{number:03}" for number in range(130)]
    azure.add_repositories("myregistry", "stream", *names, "app/web")
    assert az("acr repository list -n myregistry").json() == ["app/web", *names, "stream"]
