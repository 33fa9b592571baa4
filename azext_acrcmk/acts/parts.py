"""Making what a registry's encryption takes: identity, vault, key and grant; and encrypting until the key works."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from typing import TypeVar

from azext_acrcmk.cloud import changes
from azext_acrcmk.cloud.clients import Clients
from azext_acrcmk.cloud.errors import explain, key_access_refused, read_error, same_code
from azext_acrcmk.cloud.grants import grant
from azext_acrcmk.cloud.keys import recover_key
from azext_acrcmk.cloud.observe import see_key, see_registry, see_vault, together
from azext_acrcmk.cloud.survey_registry import see_roles_on
from azext_acrcmk.cloud.waiting import Pauses, Stop, asked_pause, retrying, until_settled
from azext_acrcmk.model.access import key_scope
from azext_acrcmk.model.goal import EnableGoal
from azext_acrcmk.model.ids import ArmId, KeyId
from azext_acrcmk.model.state import DeletedVault, Key, Registry, State, Unknown, Vault
from azext_acrcmk.plan.checks import contradicted_key_options
from azext_acrcmk.plan.diagnose import Diagnosis, diagnose
from azext_acrcmk.plan.enable import location_of
from azext_acrcmk.plan.step import CREATE, RECOVER, UPDATE, Problem
from azext_acrcmk.progress import Progress
from azext_acrcmk.run import Refused

# How long the control plane may refuse a key because the caller's own role has not arrived there, in seconds.
OWN_ROLE_TIMEOUT = 180


Made = TypeVar("Made")


class Parts:
    """What exists by now of identity, vault and key, and the acts that make or mend them.

    Steps run in threads: each attribute is written by one step and read only by those that wait for it. Only that the
    vault is in DNS is noted by whichever step waits for that.
    """

    def __init__(self, clients: Clients, goal: EnableGoal, state: State, progress: Progress, stop: Stop):
        self.clients, self.goal, self.state = clients, goal, state
        self.progress, self.stop = progress, stop
        self.location = location_of(goal, state)
        self.identity, self.vault, self.key = state.identity, state.vault, state.key
        self._granted_now = False

    @property
    def acts(self) -> dict[tuple[str, str], Callable[[], str | None]]:
        """What to do by a step's name and action."""
        return {
            ("group", CREATE): self._create_group,
            ("identity", CREATE): self._create_identity,
            ("vault", CREATE): self._create_vault,
            ("vault", RECOVER): self._recover_vault,
            ("purge-protection", UPDATE): self._protect_vault,
            ("trusted-services", UPDATE): self._allow_trusted_services,
            ("key", CREATE): self._create_key,
            ("key", RECOVER): self._recover_key,
            ("grant", CREATE): self._grant,
        }

    def _create_group(self) -> None:
        changes.create_group(self.clients, self.goal.registry, self.location, self.goal.tags)

    def _create_identity(self) -> None:
        goal = self.goal
        self.identity = changes.create_identity(self.clients, goal.identity, self.location, goal.tags, self.stop)

    def _create_vault(self) -> None:
        self.vault = changes.create_vault(self.clients, self.goal, self.location, self.stop)

    def _recover_vault(self) -> None:
        self.vault = changes.recover_vault(self.clients, self.vault, self.goal.tenant, self.stop)

    def _protect_vault(self) -> None:
        self.vault = changes.protect_vault(self.clients, self.vault, self.stop)

    def _allow_trusted_services(self) -> None:
        self.vault = changes.allow_trusted_services(self.clients, self.vault, self.stop)

    def _create_key(self) -> str | None:
        self._until_in_dns()
        goal, vault = self.goal, self.vault
        if isinstance(self.state.vault, DeletedVault):
            # What a recovered vault holds could not be seen before.
            found = see_key(self.clients, ArmId.parse(vault.id), goal.key)
            if isinstance(found, Key):
                if contradicted := contradicted_key_options(goal, found):
                    raise Refused(contradicted[0])
                self.key = found
                return "reused"
        return self._create_new_key(goal, vault)

    def _create_new_key(self, goal: EnableGoal, vault: Vault) -> str | None:
        from azure.core.exceptions import HttpResponseError

        try:
            self.key = retrying(
                lambda: changes.create_key(self.clients, vault, goal),
                lambda error: same_code(read_error(error), "ForbiddenByRbac") or "ForbiddenByRbac" in read_error(error),
                self.stop,
                min(OWN_ROLE_TIMEOUT, goal.grant_timeout),
            )
        except HttpResponseError as error:
            said = read_error(error)
            if "deleted but recoverable" in said:
                self._recover_key()
                return "recovered"
            if said.status not in (400, 403, 500) or not ("ForbiddenByRbac" in said or "AuthorizationFailed" in said):
                raise
            self._create_key_by_data_plane(goal, vault)
        return None

    def _create_key_by_data_plane(self, goal: EnableGoal, vault: Vault) -> None:
        from azure.core.exceptions import AzureError

        self.progress.note("  The control plane does not let you create the key; trying the vault itself.")
        try:
            made = changes.create_key_by_data_plane(self.clients, vault, goal)
        except AzureError as error:
            why = explain(read_error(error))
            raise Refused(
                Problem(
                    f"The key '{goal.key_name}' could be created neither by the control plane nor by the vault "
                    f"itself. {why.message}",
                    (
                        "By the control plane it takes 'Microsoft.KeyVault/vaults/keys/write' (role 'Key Vault "
                        f"Contributor'), by the vault the role 'Key Vault Crypto Officer', on {vault.id}",
                    ),
                )
            ) from error
        self.key = Key(made, goal.key_type, goal.new_key_size)

    def _recover_key(self) -> None:
        from azure.core.exceptions import HttpResponseError

        goal = self.goal
        try:
            recover_key(self.clients, self.vault, goal.key_name)
        except HttpResponseError as error:
            why = explain(read_error(error))
            raise Refused(
                Problem(
                    f"The key '{goal.key_name}' is soft-deleted and could not be recovered. {why.message}",
                    (
                        *why.advice,
                        f"Recover it: az keyvault key recover --vault-name {goal.key.store} --name {goal.key_name}",
                        "Or choose another name with --key.",
                    ),
                )
            ) from error
        found = see_key(self.clients, ArmId.parse(self.vault.id), goal.key)
        self.key = found if isinstance(found, Key) else Key(goal.key, goal.key_type)

    def _grant(self) -> None:
        goal, vault = self.goal, self.vault
        on_key = goal.grant_scope == "key" or vault.is_hsm
        scope = key_scope(vault, goal.key_name) if on_key else vault.id
        principal = self.identity.principal_id
        self._once_in_dns(lambda: grant(self.clients, vault, scope, principal, goal.tenant, self.stop))
        self._granted_now = True

    def _once_in_dns(self, change: Callable[[], Made]) -> Made:
        """What `change` returns. A vault that exists should take it at once; one that refuses it, when it is in DNS."""
        from azure.core.exceptions import HttpResponseError

        in_dns = self.vault.in_dns
        try:
            return change()
        except HttpResponseError as error:
            if in_dns or read_error(error).status == 403:
                raise
        self._until_in_dns()
        return change()

    def _until_in_dns(self) -> None:
        if isinstance(self.vault, Vault) and not self.vault.in_dns:
            self.vault = changes.until_in_dns(self.clients, self.vault, self.stop)

    def key_to_use(self) -> KeyId:
        """Pinned to the version in manual mode, versionless in auto mode; a URI goes as it was given."""
        if self.goal.key_uri or not isinstance(self.key, Key):
            return self.goal.key
        return self.key.id if self.goal.manual else self.key.id.with_version(None)

    def until_key_works(self, encrypt: Callable[[], Registry]) -> Registry:
        """What `encrypt` makes of the registry, read back; waits, bounded, for a grant that has not taken effect."""
        return self._judged(self.until_key_accepted(encrypt))

    def until_key_accepted(self, encrypt: Callable[[], Made]) -> Made:
        """What `encrypt` returns once the key is not refused; waits, bounded, for a grant that has not taken effect."""
        from azure.core.exceptions import HttpResponseError

        self._until_in_dns()
        told = False
        # A try costs the service more than a look, and here also a diagnosis.
        pauses = Pauses(self.stop, first=2.0, most=20.0)
        while True:
            try:
                return encrypt()
            except HttpResponseError as error:
                if not key_access_refused(read_error(error)):
                    raise
                refusal = error
            found = self._diagnose()
            if found.wait and not told:
                told = True
                self.progress.note(f"  Waiting for the grant to take effect (up to {found.wait} seconds).")
            if not pauses.another(found.wait, asked_pause(refusal)):
                raise Refused(found.problem) from refusal

    def _diagnose(self) -> Diagnosis:
        goal, vault = self.goal, self.vault
        state = replace(self.state, key=Unknown(), vault=vault)
        if isinstance(vault, Vault):
            id_ = ArmId.parse(vault.id)
            vault, key, roles = together(
                lambda: see_vault(self.clients, id_),
                lambda: see_key(self.clients, id_, goal.key),
                lambda: see_roles_on(self.clients, id_, goal.key, self.identity.principal_id),
            )
            state = replace(state, vault=vault, key=key, roles=roles)
        return diagnose(goal, state, self.identity, datetime.now(timezone.utc), self._granted_now)

    def _judged(self, registry: Registry) -> Registry:
        """Only what a GET shows after the operation ended is the truth (wire facts 3.1)."""
        if not registry.settled:
            registry = until_settled(
                lambda: see_registry(self.clients, self.goal.registry),
                lambda seen: isinstance(seen, Registry) and seen.settled,
                self.stop,
            )
        if (
            isinstance(registry, Registry)
            and registry.encryption.enabled
            and registry.provisioning_state == "Succeeded"
        ):
            return registry
        name = self.goal.registry.name
        raise Refused(
            Problem(
                f"The operation on registry '{name}' ended, but it does not read back as encrypted.",
                (f"Look at it: az acr cmk show --name {name}",),
            )
        )
