"""What to do where the two registries are not the same after a migration. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from shlex import quote

from azext_acrcmk.model.ids import ArmId
from azext_acrcmk.plan.migrate.cutover import Step
from azext_acrcmk.plan.migrate.tally import Tally
from azext_acrcmk.plan.migrate.verify import (
    EXTRA_MANIFEST,
    EXTRA_REPOSITORY,
    EXTRA_TAG,
    MISSING_FALLBACK,
    MISSING_MANIFEST,
    MISSING_TAG,
    OTHER_SIZE,
    OTHER_TAG,
    OTHER_TYPE,
    Difference,
)
from azext_acrcmk.rules.fixes import registry_command


def resolving(target: ArmId, tally: Tally) -> tuple[Step, ...]:
    """What comes before the cut-over, in order; nothing where the registries are the same. Deletions are left to the
    user: the command is that of the first manifest, tag or repository."""
    return tuple(_resolving(target, tally))


def _resolving(target: ArmId, tally: Tally) -> Iterator[Step]:
    def of(*kinds: str, where: Callable[[Difference], bool] = lambda _: True) -> list[Difference]:
        return [each for each in tally.differences if each.kind in kinds and where(each)]

    if found := of(OTHER_SIZE, OTHER_TYPE):
        yield Step(
            f"Delete what has another size or media type in the new registry ({len(found)}), and run the same command "
            "again. This can't be undone. The first:",
            _removal(target, found[0]),
        )
    if found := of(MISSING_FALLBACK, where=lambda each: each.source is None):
        yield Step(
            f"Remove tags that clients need to find what is attached to images, and that are on something else in the "
            f"new registry ({len(found)}), and run the same command again. The first:",
            _removal(target, found[0]),
        )
    missing = of(MISSING_MANIFEST, MISSING_TAG, MISSING_FALLBACK, where=lambda each: each.source is not None)
    if missing or tally.failures or tally.unwritten:
        yield Step("Run the same command again: something is missing in the new registry.")
    if found := of(OTHER_TAG):
        yield Step(
            f"Run the same command with --force if tags on other images in the new registry ({len(found)}) should be "
            "as in the old one."
        )
    if found := of(EXTRA_REPOSITORY, EXTRA_MANIFEST, EXTRA_TAG):
        yield Step(
            f"Keep or delete what only the new registry has ({len(found)}). As long as it is there, the registries "
            "differ. A deletion can't be undone. The first:",
            _removal(target, found[0]),
        )


def _removal(target: ArmId, found: Difference) -> str:
    """The command that removes it. Of a tag, only the tag: `delete` would delete its manifest."""
    if found.kind == EXTRA_REPOSITORY:
        return registry_command(target, "repository delete", f"--repository {quote(found.repository)}")
    if found.kind in (EXTRA_TAG, MISSING_FALLBACK):
        return registry_command(target, "repository untag", f"--image {quote(f'{found.repository}:{found.what}')}")
    return registry_command(target, "repository delete", f"--image {quote(f'{found.repository}@{found.what}')}")
