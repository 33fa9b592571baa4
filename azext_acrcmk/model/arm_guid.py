"""The function `guid` of Azure Resource Manager's templates."""

from __future__ import annotations

import uuid

# Published with Bicep's documentation of the function (templates facts 2.1).
NAMESPACE = uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830")


def arm_guid(*texts: str) -> str:
    """The GUID that `guid(…)` makes of texts in a template."""
    return str(uuid.uuid5(NAMESPACE, "-".join(texts)))
