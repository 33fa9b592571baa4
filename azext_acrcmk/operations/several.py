"""A command for several registries, specified by `--ids`: in parallel, with each failure reported for its own id."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from azure.cli.core.azclierror import AzCLIError, ManualInterrupt, ResourceNotFoundError
from knack.log import get_logger

from azext_acrcmk.cloud.reads import in_parallel
from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.operations.session import Session, fail_after_output

logger = get_logger(__name__)
T = TypeVar("T")

# Exit codes of the CLI.
NOT_FOUND, FAILED = 3, 1


def each(cmd, ids: list[str], operation: Callable[[Session, ArmId], T]) -> list[T]:
    """The results of a read-only operation, in the order of the ids. Failures are logged with their id, and make the
    command fail after the results are written."""
    outcomes = in_parallel(*(partial(_one, cmd, id_, operation) for id_ in ids))
    failures = [each for each in outcomes if isinstance(each, AzCLIError)]
    if len(ids) == 1 and failures:
        raise failures[0]
    for id_, failure in zip(ids, outcomes, strict=True):
        if isinstance(failure, AzCLIError):
            logger.error("%s: %s", id_, " ".join([str(failure), *failure.recommendations]))
    if failures:
        missing = all(isinstance(failure, ResourceNotFoundError) for failure in failures)
        fail_after_output(cmd.cli_ctx, NOT_FOUND if missing else FAILED)
    return [each for each in outcomes if not isinstance(each, AzCLIError)]


def _one(cmd, id_: str, operation: Callable[[Session, ArmId], T]) -> T | AzCLIError:
    registry = ArmId.parse(id_)
    try:
        with Session.of(_in_subscription(cmd, registry.subscription)) as session:
            return operation(session, registry)
    except ManualInterrupt:
        raise
    except AzCLIError as error:
        return error


def _in_subscription(cmd, subscription: str):
    """The command as with `--subscription`, as the CLI does for each of several ids."""
    inside = copy.copy(cmd)
    inside.cli_ctx = copy.copy(cmd.cli_ctx)
    inside.cli_ctx.data = {**cmd.cli_ctx.data, "subscription_id": subscription}
    return inside
