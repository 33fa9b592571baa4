"""Subscriptions of another tenant than the login's: through Azure Lighthouse, or with a login of their own."""

from __future__ import annotations

import pytest

from sandbox.core.web import Caller, Request
from sandbox.resource_manager.gateway import dispatch
from sandbox.world import SUBSCRIPTION, TENANT
from tests.harness.in_process_azure import ARM, GROUP, Azure, vault_body, vault_path

CUSTOMER = "99999999-0000-4000-8000-000000000009"


@pytest.fixture
def azure() -> Azure:
    azure = Azure()
    azure.world.tenants[SUBSCRIPTION] = CUSTOMER
    return azure


def status(azure: Azure, tenant: str, path: str = GROUP) -> int:
    who = azure.owner
    caller = Caller(who.object_id, who.app_id, tenant, "https://management.core.windows.net/")
    host = ARM.removeprefix("https://")
    return dispatch(azure.world, Request("GET", host, path, {"api-version": "2024-11-01"}, caller=caller)).status


def test_a_token_of_another_tenant_is_refused(azure):
    assert (status(azure, TENANT), status(azure, CUSTOMER)) == (401, 200)


def test_one_that_manages_it_is_not(azure):
    azure.world.managed.add(SUBSCRIPTION)
    assert status(azure, TENANT) == 200


def test_identities_are_of_the_customers_tenant_and_its_vaults_take_their_tokens_only(azure):
    azure.world.managed.add(SUBSCRIPTION)
    assert azure.identity()["tenantId"] == CUSTOMER
    azure.ok("PUT", vault_path("v1234"), vault_body())  # of the login's tenant, as is asked for
    assert azure.get(vault_path("v1234"))["properties"]["tenantId"] == TENANT
