"""What the steps of plans for `revoke` and `restore` do."""

from __future__ import annotations

from azext_acrcmk.cloud import changes
from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import explain, read_error
from azext_acrcmk.cloud.grants import assign_role, change_policy, grant, remove_role
from azext_acrcmk.cloud.keys import restore_version, revoke_version
from azext_acrcmk.cloud.waiting import Stop
from azext_acrcmk.health.catalogue import Facts
from azext_acrcmk.model.access import key_scope
from azext_acrcmk.plan.revoke import JOURNAL_TAG, Grant, note_of, read_note, revocable
from azext_acrcmk.plan.step import CREATE, DELETE, UPDATE, Problem, Step
from azext_acrcmk.run import Refused


class RevokeActs:
    """Call it with a step of a plan for `revoke`."""

    def __init__(self, clients: Clients, facts: Facts, tenant: str, stop: Stop):
        self._clients, self._facts, self._tenant, self._stop = clients, facts, tenant, stop
        key = facts.encryption.key
        own, _ = revocable(facts.state.vault, key.name, facts.principal, facts.state.roles)
        self._grants = {each.resource: each for each in own}

    def __call__(self, step: Step) -> None:
        if step.action == DELETE:
            self._remove(self._grants[step.resource])
        elif step.name == "journal" and step.action == UPDATE:
            note = note_of(self._facts, list(self._grants.values()))
            registry = self._facts.registry
            changes.set_tags(self._clients, registry, {**registry.tags, JOURNAL_TAG: note}, self._stop)
        elif step.name == "key" and step.action == UPDATE:
            with _needing_the_vault(step):
                revoke_version(self._clients, self._facts.state.vault, self._facts.state.version_in_use.id)

    def _remove(self, found: Grant) -> None:
        vault = self._facts.state.vault
        if found.role:
            remove_role(self._clients, vault, found.role)
        else:
            principal = self._facts.principal
            change_policy(self._clients, vault, "remove", principal, self._tenant, found.permissions, self._stop)


class RestoreActs:
    """Call it with a step of a plan for `restore`."""

    def __init__(self, clients: Clients, facts: Facts, tenant: str, stop: Stop):
        self._clients, self._facts, self._tenant, self._stop = clients, facts, tenant, stop
        self._journal = {str(i): each for i, each in enumerate(read_note(facts), 1)}

    def __call__(self, step: Step) -> None:
        if step.name == "key" and step.action == UPDATE:
            with _needing_the_vault(step):
                restore_version(self._clients, self._facts.state.vault, self._facts.state.version_in_use.id)
        elif step.name == "journal" and step.action == UPDATE:
            registry = self._facts.registry
            tags = {name: value for name, value in registry.tags.items() if name != JOURNAL_TAG}
            changes.set_tags(self._clients, registry, tags, self._stop)
        elif step.action == CREATE:
            self._grant(self._journal.get(step.name.removeprefix("grant").removeprefix("-") or "1"))

    def _grant(self, noted: Grant | None) -> None:
        facts, vault = self._facts, self._facts.state.vault
        if noted is None:
            scope = key_scope(vault, facts.encryption.key.name) if vault.is_hsm else vault.id
            grant(self._clients, vault, scope, facts.principal, self._tenant, self._stop)
        elif noted.role_id:
            assign_role(self._clients, vault, noted.resource, noted.role_id, facts.principal, self._stop)
        else:
            change_policy(self._clients, vault, "add", facts.principal, self._tenant, noted.permissions, self._stop)


class _needing_the_vault:  # noqa: N801  (used as a with-statement's word)
    """Explains a refusal of the vault's data plane, the only way to enable or disable a key."""

    def __init__(self, step: Step):
        self._step = step

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind, error, trace) -> None:
        from azure.core.exceptions import AzureError

        if isinstance(error, AzureError):
            why = explain(read_error(error))
            raise Refused(
                Problem(f"Only the vault itself can change {self._step.resource}. {why.message}", why.advice)
            ) from error
