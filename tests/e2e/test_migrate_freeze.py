"""The last pass: pushes to the old registry are locked out, pulls go on, and all of it can be undone."""

from __future__ import annotations

import shlex
import signal

import pytest

from tests.harness.migrate import MIGRATE, NEW, old_registry, same_images
from tests.harness.scenarios import held
from tests.harness.scene import HERE
from tests.harness.seed import GROUP, changes

SEARCH = "Microsoft.Resources/subscriptions/resources/read"
COMMAND = shlex.split(MIGRATE)
LOCKED = {"": {"writeEnabled": False}}


@pytest.fixture
def before(azure, seed, many_az) -> dict:
    """An old registry of which one repository is locked, already copied; returns what it stores."""
    old_registry(seed)
    azure.seed_content("oldregistry", repositories=3, images=1)
    many_az(shlex.split("acr repository update -n oldregistry --repository app/service0002 --write-enabled false")).ok()
    many_az(COMMAND).ok()
    return azure.content("oldregistry")


def locks(azure, registry: str) -> dict:
    return {name: each["attributes"] for name, each in azure.content(registry).items()}


def test_freeze_locks_out_pushes_and_unfreeze_opens_only_what_it_locked(azure, many_az, seed, before):
    azure.push_image("oldregistry", "app/service0001", "v2", "late")
    result = many_az([*COMMAND, "--freeze"])
    assert "--unfreeze" in result.err
    assert result.json()["verified"]
    assert set(map(str, locks(azure, "oldregistry").values())) == {str(LOCKED)}
    assert locks(azure, "newregistry") == {"app/service0001": {}, "app/service0002": LOCKED, "app/service0003": {}}
    assert same_images(azure)
    back = [each["command"] for each in result.json()["cutOver"]["goBack"]]
    assert any("--unfreeze" in str(each) for each in back)

    opened = many_az([*COMMAND, "--unfreeze"]).json()["opened"]
    assert opened == ["app/service0001", "app/service0003"]
    assert locks(azure, "oldregistry") == {name: each["attributes"] for name, each in before.items()}
    assert not seed.get(NEW).get("tags")


def test_who_can_not_lock_is_told_before_anything_is_made(azure, az_as, seed):
    group = seed.group("elsewhere")
    body = {"location": "westeurope", "sku": {"name": "Basic"}, "properties": {}}
    seed.put(f"{group}/providers/{NEW.type}/oldregistry", body)
    azure.seed_content("oldregistry", images=1)
    puller = seed.role(actions=(f"{NEW.type}/read", f"{NEW.type}/pull/read", SEARCH))
    account = azure.principal(("Owner", GROUP), (puller, HERE))
    azure.clear_log()
    result = az_as(account)(f"{MIGRATE} -g rg --freeze")
    assert result.code == 1
    assert "You don't have permission 'metadata_write' on repository 'app/service0001'" in result.err
    assert "'AcrPush'" in result.err
    assert changes(azure) == []


def test_where_it_can_not_be_remembered_nothing_is_locked_nor_said_to_be(azure, many_az, before):
    denied = {"error": {"code": "RequestDisallowedByPolicy", "message": "No."}}
    azure.fault("status", method="PATCH", path="registries/newregistry", status=403, body=denied)
    result = many_az([*COMMAND, "--freeze"])
    assert result.code == 1
    assert "A policy does not allow this change" in result.err
    assert "ocked" not in result.err
    assert azure.content("oldregistry") == before


def test_frozen_twice_or_killed_midway_it_remembers_the_same(azure, az, many_az, before):
    azure.fault("hang", method="PATCH", path="oldregistry.azurecr.io/acr/v1/app/service0003")
    running = az.start(f"{MIGRATE} --freeze")
    assert held(azure, running)
    running.send_signal(signal.SIGKILL)
    running.wait()
    azure.clear_faults()
    many_az([*COMMAND, "--freeze"]).ok()
    many_az([*COMMAND, "--freeze"]).ok()
    many_az([*COMMAND, "--unfreeze"]).ok()
    assert azure.content("oldregistry") == before


def test_what_was_not_frozen_is_not_opened(azure, many_az, before):
    result = many_az([*COMMAND, "--unfreeze"])
    assert result.code == 1
    assert "was not locked by a migration" in result.err
    assert azure.content("oldregistry") == before


@pytest.mark.parametrize("options", ["--freeze --unfreeze", "--freeze --repository x", "--unfreeze --since 2026-01-01"])
def test_it_is_for_the_whole_registry(many_az, options):
    result = many_az([*COMMAND, *options.split()])
    assert result.code == 1
    assert "can't be used" in result.err
