"""Whether a tag of the new registry is where an earlier run has put it, so that it may follow the old one. Pure.

Neither registry tells where a tag was before, or who has moved it; but both tell when (migrate facts 1). That the time
of a tag's creation stays when it moves is seen in a sample of Microsoft's REST reference ("Tag - Get List").
"""

from __future__ import annotations

from datetime import timedelta

from azext_acrcmk.model.content import Times
from azext_acrcmk.model.value import Value, immutable

# What one import makes has about the same time.
_TOGETHER = timedelta(seconds=30)
# From when a run lists a repository until it has imported its last manifest, it takes no longer: 100,000 imports at one
# per second are 28 hours (migrate facts 2.6).
_A_RUN = timedelta(days=2)


@immutable
class Elsewhere(Value):
    """A tag that the registries have on different manifests. `old` and `new` are its times in each; `old_manifest` and
    `new_manifest` those of the manifest that it is on in the new one. None is what is not there, or not known."""

    old: Times | None
    new: Times | None
    old_manifest: Times | None
    new_manifest: Times | None


def follows(seen: Elsewhere) -> bool:
    """Whether the tag is still where an earlier run has put it, and was moved in the old registry since."""
    old, new = seen.old, seen.new
    if not (old and new and seen.old_manifest and seen.new_manifest):
        return False
    was_there_before = seen.old_manifest.created <= old.updated and old.created < old.updated
    if not was_there_before or old.created > new.updated:
        return False  # in the old registry the tag was never on this manifest, or not when it was set in the new one
    came_with_manifest = abs(new.updated - seen.new_manifest.created) <= _TOGETHER
    if old.updated > new.updated:
        return came_with_manifest or new.updated - new.created <= _TOGETHER
    # It moved after it was listed, and before it was imported as listed.
    return came_with_manifest and new.updated - old.updated <= _A_RUN
