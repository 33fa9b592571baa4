"""What may be done with repositories, manifests and tags, in the new registry as in the old one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from azext_acrcmk.model.content import FREE, Attributes, Repository
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.plan.migrate.images import RepositoryPlan


@immutable
class SetAttributes(Value):
    """Attributes to set on a repository (`what` is empty), a manifest (its digest) or a tag (its name)."""

    repository: str
    what: str
    attributes: Attributes

    @property
    def path(self) -> str:
        """Below the repository."""
        if not self.what:
            return ""
        return f"/_manifests/{self.what}" if ":" in self.what else f"/_tags/{self.what}"

    @property
    def name(self) -> str:
        """As Azure CLI names a repository or an image."""
        return f"{self.repository}{'@' if ':' in self.what else ':'}{self.what}" if self.what else self.repository


def attributes_to_set(source: Repository, target: Repository) -> tuple[SetAttributes, ...]:
    """Tags and manifests first: what is in a locked repository can't be changed."""
    return tuple(_found(source, target))


def _found(source: Repository, target: Repository) -> Iterator[SetAttributes]:
    tags, there = source.tags, target.tags
    for tag in sorted(source.tag_attributes.keys() | target.tag_attributes.keys()):
        wanted = source.tag_attributes.get(tag, FREE)
        if tag in there and tag in tags and wanted != target.tag_attributes.get(tag, FREE):
            yield SetAttributes(source.name, tag, wanted)
    for digest, row in sorted(source.manifests.items()):
        has = target.manifests.get(digest)
        if has is not None and has.attributes != row.attributes:
            yield SetAttributes(source.name, digest, row.attributes)
    if target.manifests and target.attributes != source.attributes:
        yield SetAttributes(source.name, "", source.attributes)


def to_unlock(target: Repository, plan: RepositoryPlan) -> tuple[SetAttributes, ...]:
    """What an earlier pass locked and this one has to change; afterwards it gets its attributes again."""
    if plan.done:
        return ()
    found = [] if target.attributes.can_write else [SetAttributes(target.name, "", FREE)]
    moving = {tag for each in plan.imports if each.force for tag in each.tags}
    moving |= {each.tag for each in plan.fallbacks}
    return (*found, *(SetAttributes(target.name, tag, FREE) for tag in sorted(moving & target.tag_attributes.keys())))


def to_lock_again(target: Repository, opened: Iterable[SetAttributes]) -> tuple[SetAttributes, ...]:
    """What `to_unlock` has opened, as `target` had it; the repository last."""
    had = {"": target.attributes, **target.tag_attributes}
    return tuple(SetAttributes(target.name, each.what, had[each.what]) for each in sorted(opened, key=_inner_first))


def _inner_first(each: SetAttributes) -> bool:
    return not each.what
