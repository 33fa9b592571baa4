"""What the steps of a plan for `rotate` do."""

from __future__ import annotations

from azext_acrcmk.acts.parts import Parts
from azext_acrcmk.cloud import changes
from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import explain, read_error
from azext_acrcmk.cloud.grants import change_policy, remove_role
from azext_acrcmk.cloud.keys import new_version, set_enabled
from azext_acrcmk.cloud.observe import see_registry
from azext_acrcmk.cloud.waiting import Stop, until_settled
from azext_acrcmk.model.goal import RotateGoal
from azext_acrcmk.model.ids import KeyId, same
from azext_acrcmk.model.state import Identity, Key, Registry, State, Vault
from azext_acrcmk.plan.revoke import Grant, revocable
from azext_acrcmk.plan.rotate import JOURNAL, ROTATED_TAG, lists_older, note_of, old_principal
from azext_acrcmk.plan.step import CREATE, DELETE, REUSE, UPDATE, Problem, Step
from azext_acrcmk.progress import Progress
from azext_acrcmk.run import Refused

# How long the registry may take to use the version it was told to, in seconds.
ADOPTION_TIMEOUT = 300


class RotateActs:
    """Call it with a step; it returns the outcome where that is not as planned. `registry` is what exists by now.

    `old` is the registry with what it used before, where that is not `current`; `noted` says that the registry is to
    keep that in a note until all is done.
    """

    def __init__(
        self,
        clients: Clients,
        goal: RotateGoal,
        current: State,
        target: State,
        progress: Progress,
        stop: Stop,
        old: State | None = None,
        noted: bool = False,
    ):
        self.parts = Parts(clients, goal.target, target, progress, stop)
        self.registry: Registry = current.registry
        self._goal, self._old, self._noted = goal, old or current, noted
        self._clients, self._stop = clients, stop
        self._old_grants = self._find_old_grants()
        self._acts = {
            **self.parts.acts,
            ("attach", UPDATE): self._attach,
            ("version", CREATE): self._new_version,
            ("registry", UPDATE): self._take_key,
            ("old-version", UPDATE): self._disable_old_version,
            (JOURNAL, UPDATE): self._remove_note,
        }

    def __call__(self, step: Step) -> str | None:
        if step.action == DELETE:
            return self._remove(self._old_grants[step.resource])
        act = self._acts.get((step.name, step.action))
        return act() if act and step.action != REUSE else None

    def _attach(self) -> None:
        system = self._goal.system_identity
        id_ = None if system else self.parts.identity.id
        self.registry = registry = changes.attach_identity(self._clients, self.registry, id_, self._stop)
        if system:
            self.parts.identity = Identity(registry.id, registry.location, "system", registry.system_principal_id or "")

    def _new_version(self) -> None:
        from azure.core.exceptions import AzureError

        parts = self.parts
        try:
            made = new_version(self._clients, parts.vault, self._goal.target.key.name)
        except AzureError as error:
            why = explain(read_error(error))
            raise Refused(
                Problem(
                    f"A new version of the key could not be made: only the vault itself can do it. {why.message}",
                    (*why.advice, "If others make it: az acr cmk rotate --no-new-version"),
                )
            ) from error
        known = parts.key if isinstance(parts.key, Key) else Key(made, "RSA")
        parts.key = Key(made, known.type, known.size)

    def _take_key(self) -> None:
        latest = self.parts.key.id if isinstance(self.parts.key, Key) else self._goal.target.key
        key = latest if self._goal.manual else latest.with_version(None)
        identity = "system" if self._goal.system_identity else self.parts.identity.client_id
        registry, attach = self.registry, self._made_again()
        if self._goal.no_wait:
            self.parts.until_key_accepted(
                lambda: changes.begin_set_encryption(self._clients, registry, identity, key, attach)
            )
            return
        tags, before = self._tags(registry), registry.encryption.version_in_use
        self.registry = self.parts.until_key_works(
            lambda: changes.set_encryption(self._clients, registry, identity, key, self._stop, tags, attach)
        )
        self._see_adopted(latest, before)

    def _made_again(self) -> str | None:
        """The id of an identity that the registry lists under a client id of before, to be attached with the key."""
        identity = self.parts.identity
        return identity.id if lists_older(self.registry, identity) else None

    def _tags(self, registry: Registry) -> dict[str, str] | None:
        """With the note of what was used before, so that a second run can finish where this one can't."""
        return {**registry.tags, ROTATED_TAG: note_of(self._old.registry)} if self._noted else None

    def _remove_note(self) -> None:
        tags = {name: value for name, value in self.registry.tags.items() if name != ROTATED_TAG}
        self.registry = changes.set_tags(self._clients, self.registry, tags, self._stop)

    def _see_adopted(self, latest: KeyId, before: str | None) -> None:
        """Waits, bounded, until the registry says that it uses the version: what it was told is not yet the proof.

        In place of `latest`, one that follows new versions may use a newer one that others made, never that of before.
        """

        def uses_it(seen) -> bool:
            if latest.version is None:
                return True
            used = seen.encryption.version_in_use if isinstance(seen, Registry) else None
            if not used or same(used, latest.version):
                return bool(used)
            follows = not self._goal.manual and latest.same_key(seen.encryption.key)
            return follows and bool(before) and not same(used, before)

        if uses_it(self.registry):
            return
        id_ = self._goal.target.registry
        seen = until_settled(lambda: see_registry(self._clients, id_), uses_it, self._stop, ADOPTION_TIMEOUT)
        if not uses_it(seen):
            raise Refused(
                Problem(
                    f"Registry '{id_.name}' was told to use {latest}, but does not use it yet. Both the old and the "
                    "new version must stay enabled until it does.",
                    (f"Look again later: az acr cmk show --name {id_.name}",),
                )
            )
        self.registry = seen

    def _find_old_grants(self) -> dict[str, Grant]:
        old, principal = self._old, old_principal(self._old)
        if not isinstance(old.vault, Vault) or not principal:
            return {}
        grants, _ = revocable(old.vault, old.registry.encryption.key.name, principal, old.roles)
        return {grant.resource: grant for grant in grants}

    def _remove(self, grant: Grant) -> None:
        vault = self._old.vault
        if grant.role:
            remove_role(self._clients, vault, grant.role)
        else:
            principal, tenant = old_principal(self._old), self._goal.target.tenant
            change_policy(self._clients, vault, "remove", principal, tenant, grant.permissions, self._stop)

    def _disable_old_version(self) -> str | None:
        encryption = self._old.registry.encryption
        old = encryption.key.with_version(encryption.version_in_use)
        if same(self.registry.encryption.version_in_use, old.version):
            # The registry is where it was, so the version is not old.
            return "reused"
        set_enabled(self._clients, self._old.vault, old, enabled=False)
        return None
