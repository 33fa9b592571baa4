"""What each kind of change does in Azure.

`apply_change` dispatches on the type of the change. Each function receives the change and the Context, and returns the
outcome if it differs from the action's. Changes can be repeated: what is already done is not done again.
"""

from azext_acrcmk.apply import grants, identities, keys, registries, resources  # noqa: F401  (each registers its kinds)
from azext_acrcmk.apply.context import Context, apply_change

__all__ = ["Context", "apply_change"]
