"""What the tests of deployments begin with."""

from __future__ import annotations

import pytest

from tests.harness.in_process_azure import Azure
from tests.harness.templates import Deployer


@pytest.fixture
def deployer(azure: Azure) -> Deployer:
    return Deployer(azure)
