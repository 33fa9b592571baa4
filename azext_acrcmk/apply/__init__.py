"""What each kind of change does in Azure.

`apply_change` finds the function by the change's type; each takes the change and the Context, and returns the outcome
where that is another than the action's. A change can be repeated: what is done already is not done twice.
"""

from azext_acrcmk.apply import grants, identities, keys, registries, resources  # noqa: F401  (each registers its kinds)
from azext_acrcmk.apply.context import Context, apply_change

__all__ = ["Context", "apply_change"]
