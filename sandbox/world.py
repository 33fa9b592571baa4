"""Everything that exists in the sandbox, as plain records. Handlers read and change it under one lock."""

from __future__ import annotations

import copy
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.core.assignments import RoleAssignments
from sandbox.core.clock import Clock
from sandbox.resource_manager.builtin_roles import OWNER, builtin_roles
from sandbox.settings import Settings

TENANT = "72f988bf-0000-4000-8000-2d7cd011db47"
SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
OTHER_SUBSCRIPTION = "22222222-2222-4222-8222-222222222222"
OWNER_APP_ID = "aaaaaaaa-0000-4000-8000-000000000001"
OWNER_OBJECT_ID = "aaaaaaaa-0000-4000-8000-000000000002"
OWNER_SECRET = "sandbox"
OWNER_USER_ID = "aaaaaaaa-0000-4000-8000-000000000003"  # the user of a Cloud Shell session
OWNER_USER_NAME = "owner@sandbox.example"
AZURE_CLI_APP_ID = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"  # users sign in through the public client of Azure CLI


@dataclass
class Principal:
    """A directory object. `kind` is ServicePrincipal, User or Group; a user's app ID is the client it signs in with."""

    object_id: str
    kind: str = "ServicePrincipal"
    app_id: str = ""
    secret: str = ""
    name: str = ""
    created: float = 0.0
    groups: set[str] = field(default_factory=set)
    tenant: str = TENANT


@dataclass
class ResourceGroup:
    id: str
    name: str
    location: str
    tags: dict[str, str] = field(default_factory=dict)
    created: float = float("-inf")


@dataclass
class ManagementGroup:
    """`parent` is the name of the one above; the root, which is named as the tenant, has none."""

    name: str
    display_name: str
    parent: str

    @property
    def id(self) -> str:
        return f"/providers/Microsoft.Management/managementGroups/{self.name}"


@dataclass
class Identity:
    """A user-assigned managed identity. `id` has `resourcegroups` in lowercase, as the service returns it."""

    id: str
    name: str
    location: str
    tags: dict[str, str]
    principal_id: str
    client_id: str
    tenant: str = TENANT


@dataclass
class RoleAssignment:
    """`scope` is the ARM ID it was created at, `name` its GUID, `created` a time on the sandbox's clock."""

    id: str
    name: str
    scope: str
    role_definition_id: str
    principal_id: str
    principal_type: str
    created: float
    created_by: str = ""
    condition: str | None = None
    description: str | None = None
    delegated: str | None = None


@dataclass
class DenyAssignment:
    """Denies permissions that roles grant. `permissions` and the principals are as in requests."""

    id: str
    name: str
    scope: str
    display_name: str
    permissions: list[dict[str, Any]]
    principals: list[dict[str, str]]
    excluded: list[dict[str, str]]
    created: float
    own_scope_only: bool = False
    description: str = ""
    effect: str = "enforced"  # or "audit", which is only logged
    condition: str | None = None


@dataclass
class Operation:
    """A long-running operation: it ends at `due`, when `finish` is called once.

    `error` set at or before `due` makes it end as Failed, or as Canceled where it is `canceled`. `before` is the
    resource that it changes, as it was; None where it creates one.
    """

    id: str
    kind: str  # the status while it runs: "Creating", "Updating"
    due: float
    finish: Any = None
    error: dict[str, str] | None = None
    canceled: bool = False
    done: bool = False
    before: Any = None
    answer: Any = None  # the response when its result is requested

    def settle(self, now: float) -> str:
        """Run `finish` if it is due. Returns the status: kind, "Succeeded", "Failed" or "Canceled"."""
        if not self.done and now >= self.due:
            self.done = True
            if self.finish and not self.error:
                self.finish()
        if not self.done:
            return self.kind
        if self.canceled:
            return "Canceled"
        return "Failed" if self.error else "Succeeded"


class World:
    """The whole state. Dictionaries of ARM resources have the resource ID in lowercase as their key."""

    def __init__(self, settings: Settings | None = None):
        self.settings = settings or Settings()
        self.clock = Clock(self.settings.clock_scale)
        self.lock = threading.RLock()
        self.subscriptions: dict[str, str] = {SUBSCRIPTION: "Sandbox", OTHER_SUBSCRIPTION: "Sandbox two"}
        self.management_groups = {TENANT: ManagementGroup(TENANT, "Tenant Root Group", "")}
        self.subscription_parents: dict[str, str] = {}  # subscription -> management group, if not the root
        self.tenants: dict[str, str] = {}  # the home tenants of subscriptions that are not of TENANT
        self.managed: set[str] = set()  # ... and those of them that TENANT manages through Azure Lighthouse
        self.providers: dict[tuple[str, str], str] = {}  # (subscription, namespace in lowercase) -> registration state
        # Requests by ID, method and path that were received before the registration.
        self.refused_unregistered: set[tuple[str | None, str, str]] = set()
        self.principals: dict[str, Principal] = {}
        self.groups: dict[str, ResourceGroup] = {}
        self.identities: dict[str, Identity] = {}
        self.role_definitions: dict[str, dict[str, Any]] = builtin_roles()  # GUID -> `properties` as Azure returns them
        self.role_assignments = RoleAssignments()
        self.removed_assignments: list[tuple[float, RoleAssignment]] = []  # when, and what: the data plane may not know
        self.deny_assignments: dict[str, DenyAssignment] = {}
        self.locks: dict[str, Any] = {}  # sandbox.resource_manager.locks.Lock
        self.diagnostics: dict[str, Any] = {}  # sandbox.resource_manager.diagnostic_settings.Setting
        self.event_subscriptions: dict[str, Any] = {}  # id lower -> as sandbox.resource_manager.event_grid returns it
        self.vaults: dict[str, Any] = {}  # sandbox.key_vault.key_store.Vault
        self.deleted_vaults: dict[str, Any] = {}  # vault name lower -> sandbox.key_vault.key_store.DeletedVault
        self.managed_hsms: dict[str, Any] = {}  # sandbox.key_vault.hsm_store.ManagedHsm
        self.registries: dict[str, Any] = {}  # sandbox.registry.record.Registry
        # Resources of services that are not emulated, as Resource Graph returns them: they are only listed.
        self.others: dict[str, dict[str, Any]] = {}
        self.operations: dict[str, Operation] = {}
        self.results: dict[str, Operation] = {}  # of registries: imports and deletions, also those that are over
        self.parts: dict[str, Any] = {}  # sandbox.registry.parts.Part, below registries
        # When replications were deleted: by registry, as its id in lowercase, and region.
        self.retention_checked = float("-inf")
        self.deleted_replications: dict[tuple[str, str], float] = {}
        self.import_faults: list[Any] = []  # sandbox.registry.import_faults.ImportFault
        self.deployments: dict[str, Any] = {}  # sandbox.resource_manager.deployments.records.Deployment
        self.template_specs: dict[str, Any] = {}  # sandbox.resource_manager.deployments.template_specs.TemplateSpec
        self._moment: float | None = None
        self.policies: list[Any] = []  # sandbox.resource_manager.policies: DenyPolicy, ModifyPolicy
        # Of external evaluations: method and path of what each is for.
        self.policy_tokens: dict[str, tuple[str, str]] = {}
        self.changes = 0  # counts whatever may have changed something: requests that write, and what is done by itself
        self.quotas: dict[tuple[str, ...], Any] = {}  # sandbox.resource_manager.throttling: whose -> what is left
        self.looked: tuple[int, float] = (
            -1,
            0.0,
        )  # at what the services do automatically: after which change, and when
        self.graph: Any = None  # sandbox.resource_graph.index.Index
        # What the list of resources had, and since when, where it lags (sandbox.resource_manager.resources).
        self.listed: list[tuple[float, list[dict[str, Any]]]] = []
        self._add_owners()

    def now(self) -> float:
        """The current time: of the clock, or the due time of an overdue event that is being processed."""
        return self.clock.now() if self._moment is None else self._moment

    @property
    def catching_up(self) -> bool:
        return self._moment is not None

    @contextmanager
    def at(self, moment: float) -> Iterator[None]:
        """Everything in the context happens at this time."""
        before, self._moment = self._moment, moment
        try:
            yield
        finally:
            self._moment = before

    def tenant_of(self, path: str) -> str:
        """The home tenant of the subscription that a path of Azure Resource Manager leads into."""
        parts = path.lower().split("/")
        return self.tenants.get(parts[2], TENANT) if parts[1:2] == ["subscriptions"] and len(parts) > 2 else TENANT

    def grant(self, principal_id: str, role_id: str, scope: str) -> RoleAssignment:
        """Add a role assignment as a PUT does, for worlds that start with some."""
        guid = self.new_guid()
        principal = self.principals.get(principal_id)
        role_home = "/".join(scope.split("/")[:3]) if scope.startswith("/subscriptions/") else ""
        assignment = RoleAssignment(
            id=f"{scope.rstrip('/')}/providers/Microsoft.Authorization/roleAssignments/{guid}",
            name=guid,
            scope=scope,
            role_definition_id=f"{role_home}/providers/Microsoft.Authorization/roleDefinitions/{role_id}",
            principal_id=principal_id,
            principal_type=principal.kind if principal else "ServicePrincipal",
            created=self.now(),
            created_by=OWNER_OBJECT_ID,
        )
        self.role_assignments[assignment.id.lower()] = assignment
        return assignment

    def _add_owners(self) -> None:
        app = Principal(OWNER_OBJECT_ID, "ServicePrincipal", OWNER_APP_ID, OWNER_SECRET, "sandbox-owner", self.now())
        person = Principal(OWNER_USER_ID, "User", AZURE_CLI_APP_ID, "", OWNER_USER_NAME, self.now())
        for principal in (app, person):
            self.principals[principal.object_id] = principal
            for subscription in self.subscriptions:
                self.grant(principal.object_id, OWNER, f"/subscriptions/{subscription}")

    def copy(self) -> World:
        """A copy of the world. Raises ValueError while operations are in progress."""
        with self.lock:
            if not all(operation.done for operation in self.operations.values()):
                raise ValueError("Operations are in progress.")
            return copy.deepcopy(self, {id(self.lock): threading.RLock()})

    @staticmethod
    def new_guid() -> str:
        return str(uuid.uuid4())
