"""Delays and limits of Azure, as settings. All times are seconds on the sandbox's clock."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class Settings:
    """How the emulated Azure behaves. The defaults are the profile `instant`: strict, but without delays."""

    # Time: how fast the sandbox's clock runs, and what each request costs.
    clock_scale: float = 1.0
    request_seconds: float = 0.0

    token_seconds: int = 86_399  # the lifetime of a token, as Entra returns it for service principals

    # Grants and principals (facts: role assignments take up to ten minutes, new principals replicate with a delay).
    role_seconds: float = 0.0  # delay until a role assignment takes effect on the data plane
    # ... and until its removal does, which is not sooner (facts: service.md 1.6, 4.4).
    role_removal_seconds: float = 0.0
    control_role_seconds: float = 0.0  # ... and on ARM keys (`ForbiddenByRbac` until then)
    policy_seconds: float = 0.0  # delay until an access policy takes effect
    principal_seconds: float = 0.0  # a new principal is unknown to role assignments without principalType
    typed_principal_seconds: float = 0.0  # ... and even with principalType

    # How long what is new stays unknown to other front ends: to requests below it or that name it (service.md 9).
    group_lag_seconds: float = 0.0
    vault_lag_seconds: float = 0.0
    identity_lag_seconds: float = 0.0
    registry_lag_seconds: float = 0.0  # ... after its operation has ended

    closed_regions: str = ""  # regions, with commas between, that no subscription may use

    role_assignment_limit: int = 4000  # per subscription

    # Long-running operations: time until the first response, from there until the end, and the Retry-After header.
    registry_answer_seconds: float = 0.0
    registry_seconds: float = 0.0
    registry_patch_answer_seconds: float = 0.0
    registry_patch_seconds: float = 0.0
    registry_retry_after: int | None = 10
    vault_answer_seconds: float = 0.0
    vault_dns_seconds: float = 0.0
    vault_retry_after: int | None = None
    identity_answer_seconds: float = 0.0
    key_answer_seconds: float = 0.0
    provider_seconds: float = 0.0
    reads_need_registration: bool = False  # a GET also fails without registration (not known)
    group_delete_seconds: float = 0.0
    deployment_seconds: float = 0.0  # duration of a template deployment without its resources
    deployment_poll_seconds: float = 5.0  # polling interval for operations without Retry-After
    # The order of resources without dependencies, which Azure doesn't define: "template" or "reverse".
    deployment_order: str = "template"

    # Encryption.
    stale_first_answer: bool = False  # the 201 shows the old encryption and no identity (recordings 2020-07 to 2023-02)
    cmk_failure: str = "sync"  # "sync": the PUT rejects a key that can't be used; "async": the operation fails
    auto_rotation_seconds: float = 3600.0  # delay until a registry without a pinned version uses a new key version
    require_purge_protection: bool = True  # a vault without it is rejected (contradictory: facts service.md 1.2)
    identity_credential_seconds: float = 90 * 86_400.0  # how long pulls still work after the key's identity was removed

    patch_replaces_identities: bool = False  # PATCH of a registry; not documented (facts: service.md 9.3)

    # The response of Resource Manager for a disabled key (not documented: facts service.md 9.4). "shown": enabled is
    # false; "refused": GET fails as on the data plane, the list of versions has it; "hidden": the list fails as well.
    disabled_key_by_arm: str = "shown"

    # Reads through Resource Manager: the bucket of each subscription and principal (0: no limit), and what flows into
    # it in a second.
    arm_read_bucket: int = 0
    arm_read_rate: float = 25.0
    arm_write_bucket: int = 0  # the same for writes, and once more for deletions
    arm_write_rate: float = 10.0

    # How late the list of a subscription's resources shows what is new, and still shows what is gone.
    resource_list_seconds: float = 0.0

    # Resource Graph: so many queries in so many seconds for each user (0: no limit), how late it shows what was
    # written, and how late what a provider did automatically, which it learns only when it looks at everything again.
    graph_quota: int = 15
    graph_quota_seconds: float = 5.0
    graph_seconds: float = 0.0
    graph_crawl_seconds: float = 0.0
    graph_subscription_limit: int = 10_000  # of a tenant or management groups, it looks at the first so many

    # Registries as the service makes them since 2026 (facts: migrate.md 4.1, 5): without a key in one step, and with
    # another code where the name is taken.
    plain_registry_at_once: bool = False
    name_in_use_code: str = "AlreadyInUse"  # or "RegistryNameAlreadyInUse"

    # Imports: time until the first response, from there until the end, for each manifest and for each MiB, and the
    # Retry-After header.
    import_answer_seconds: float = 0.0
    import_seconds: float = 0.0
    import_seconds_per_mib: float = 0.0
    import_retry_after: int | None = 10
    import_limit: int = 0  # imports into a registry that may go on at once; 0: no limit (not known)
    import_manifest_limit: int = 50  # manifests in an index that is imported; whether its children help is not known
    import_of_existing_fails: bool = False  # an untagged import of a digest that is there (not known)
    import_failure_in_body: bool = False  # the result of a failed import is 200 with a status, not an error (not known)
    # Polling an import requires its permission on the subscription, not only on a registry (not known).
    import_polls_need_subscription: bool = False

    # What lies below a registry.
    part_seconds: float = 0.0  # how long operations on it take
    deleted_replication_seconds: float = 3600.0  # until then one that was deleted can't be created again
    token_password_seconds: float = 0.0  # until a password takes effect that replaces another
    cache_rule_over_repository: bool = True  # a rule's target may be a repository that exists (not known)

    # The data plane of registries.
    registry_token_seconds: int = 0  # the lifetime of access tokens; 0: as recorded
    registry_scopes: str = "all"  # a token for several scopes is for all of them, for the "first", or "refused"
    registry_limits: float = 0.0  # how much of the documented requests per minute it takes; 0: no limit

    # Lists.
    registry_list_limit: int = 100  # the largest page of a registry's data plane is not known
    hidden_tags_shown: bool = True  # a manifest's row names tags that are not listed (not known)
    registry_list_refuses: bool = False  # a larger page is refused, not cut
    registry_page_size: int = 100  # the service's page size is not known

    def with_changes(self, **changes) -> Settings:
        """A copy with some settings changed. Raises TypeError on an unknown name."""
        return replace(self, **changes)

    def with_text(self, name: str, text: str) -> Settings:
        """A copy with one setting from text, as on a command line. Raises ValueError if it can't be parsed."""
        if name not in {field.name for field in fields(self)}:
            raise ValueError(f"There is no setting '{name}'.")
        value = text if isinstance(getattr(self, name), str) else json.loads(text)
        return self.with_changes(**{name: value})


PROFILES = {
    "instant": Settings(),
    # Durations from the dates in the recordings (facts: registry PUT responds after 8 s and ends 10 s later,
    # PATCH 2 s and 10 s, vault PUT 4 s and DNS within 30 s, identity 1.5 s, key under 1 s).
    "recorded": Settings(
        request_seconds=0.1,
        registry_answer_seconds=8.0,
        registry_seconds=10.0,
        registry_patch_answer_seconds=2.0,
        registry_patch_seconds=10.0,
        vault_answer_seconds=4.0,
        vault_dns_seconds=15.0,
        identity_answer_seconds=1.5,
        key_answer_seconds=0.5,
        deployment_seconds=0.9,
        # Imports were polled every 10 s; how long a copy takes is not published (facts: migrate.md 2.3).
        import_answer_seconds=1.0,
        import_seconds=5.0,
        import_seconds_per_mib=0.01,
        registry_limits=1.0,
        part_seconds=10.0,
        token_password_seconds=60.0,
    ),
}
