"""What is left to do after a migration, in order: who pulls from the old registry, and how to go back. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from shlex import quote

from azext_acrcmk.model.consumers import Consumers, Reference
from azext_acrcmk.model.ids import ArmId, Id, Scope, same
from azext_acrcmk.model.settings import ROLES, Settings
from azext_acrcmk.model.state import Registry
from azext_acrcmk.model.value import Value, immutable
from azext_acrcmk.plan.migrate.settings import LeftSetting
from azext_acrcmk.rules.fixes import registry_command

# The roles of registries that allow to pull (learn.microsoft.com, Azure Container Registry roles).
PULLING = {
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": "AcrPull",
    "8311e382-0749-4cb8-b61a-304f252e45ec": "AcrPush",
    "b93aa761-3e63-49ed-ac28-beffa264f7ac": "Container Registry Repository Reader",
    "2a1e307c-b015-4ebd-883e-5b7698a07328": "Container Registry Repository Writer",
    "2efddaa5-3f1f-4df3-97df-af3f13818f4c": "Container Registry Repository Contributor",
    "577a9874-89fd-4f24-9dbd-b5034d0ad23a": "Container Registry Data Importer and Data Reader",
}


def migrate_command(source: ArmId, target: ArmId, options: str) -> str:
    """The command of a further pass."""
    group = "" if same(source.group, target.group) else f" --resource-group {quote(target.group)}"
    return registry_command(source, "cmk migrate", f"--to {target.name}{group} {options}")


@immutable
class Puller(Value):
    """A principal with a role by which it may pull, at `scope`; `resource` is what has this identity, if it is seen."""

    principal_id: Id
    principal_type: str
    role: str
    scope: str
    resource: Reference | None = None


@immutable
class Step(Value):
    """One thing to do, in words, and the command if there is one."""

    what: str
    command: str | None = None


@immutable
class CutOver(Value):
    pullers: tuple[Puller, ...]
    naming: tuple[Reference, ...]
    unseen: str | None
    steps: tuple[Step, ...]
    back: tuple[Step, ...]


def pulling_principals(settings: Settings) -> tuple[Puller, ...]:
    """Who may pull by a role on the registry or above."""
    found = []
    for body in settings.of(ROLES):
        properties = body.get("properties") or {}
        role = PULLING.get(Scope(properties.get("roleDefinitionId")).name.lower())
        if role:
            principal, kind = Id(properties.get("principalId")), str(properties.get("principalType") or "")
            found.append(Puller(principal, kind, role, str(properties.get("scope") or "")))
    return tuple(sorted(set(found), key=lambda each: (each.role, each.principal_id, each.scope)))


def cut_over(
    source: Registry,
    target: Registry,
    pullers: Iterable[Puller],
    consumers: Consumers,
    left: Iterable[LeftSetting],
    frozen: bool = False,
) -> CutOver:
    """The report at the end of a migration. `frozen`: pushes to the old registry are locked out."""
    known = tuple(replace(each, resource=consumers.holders.get(each.principal_id)) for each in pullers)
    clusters = {each.resource.id: each.resource for each in known if each.resource and _is(each.resource, _AKS)}
    return CutOver(
        pullers=known,
        naming=consumers.naming,
        unseen=consumers.unseen.why if consumers.unseen is not None else None,
        steps=tuple(_steps(source, target, (*consumers.naming, *clusters.values()), left, frozen)),
        back=tuple(_back(source, target, frozen)),
    )


def _steps(
    source: Registry, target: Registry, users: Iterable[Reference], left: Iterable[LeftSetting], frozen: bool
) -> list[Step]:
    deferred = [each for each in left if "webhook" in each.what or "lock '" in each.what or each.what == "quarantine"]
    before = [each for each in left if each not in deferred]
    return [
        *(Step(f"{each.what}: {each.why}", each.command) for each in before),
        *(() if frozen else _last_pass(source, target)),
        Step(f"Change pipelines to push to {target.login_server} instead of {source.login_server}."),
        *(_change(each, target) for each in users),
        Step(
            f"Change everything else that references {source.login_server}: Helm values, Kustomize files, Dockerfiles "
            "(FROM), pipelines. To find them in a working copy:",
            f"git grep -n {quote(str(source.login_server))}",
        ),
        *(Step(f"{each.what}: {each.why}", each.command) for each in deferred),
        Step(
            "Check whether anything still pulls from the old registry.",
            f"az monitor metrics list --resource {quote(str(source.id))} --metric TotalPullCount --interval 1h",
        ),
        Step("Delete the old registry only when nothing pulls from it anymore. This command does not delete it."),
    ]


def _last_pass(source: Registry, target: Registry) -> tuple[Step, ...]:
    return (
        Step(
            "Lock the old registry against pushes, and copy what was pushed meanwhile. Pulls continue to work.",
            migrate_command(source.id, target.id, "--freeze"),
        ),
    )


def _back(source: Registry, target: Registry, frozen: bool) -> list[Step]:
    open_ = migrate_command(source.id, target.id, "--unfreeze")
    return [
        *([Step("Allow pushes to the old registry again.", open_)] if frozen else []),
        Step(
            f"Use {source.login_server} again wherever you changed to {target.login_server}. The old registry still "
            "has its images."
        ),
        Step(
            "What was pushed only to the new registry is not in the old one. For each such image:",
            registry_command(source.id, "import", f"--registry {quote(str(target.id))} --source REPOSITORY:TAG"),
        ),
    ]


_AKS, _APP, _SITE = (
    "microsoft.containerservice/managedclusters",
    "microsoft.app/containerapps",
    "microsoft.web/sites",
)


def _is(reference: Reference, type_: str) -> bool:
    return reference.type.lower() == type_


def _change(reference: Reference, target: Registry) -> Step:
    """How a resource is told of the new registry."""
    host, name = target.login_server, quote(reference.name)
    where = f"--name {name} --resource-group {quote(_group(reference.id))}"
    if _is(reference, _AKS):
        return Step(
            f"Allow cluster {reference.name} to pull from the new registry, then change the images of its workloads.",
            f"az aks update {where} --attach-acr {quote(str(target.id))}",
        )
    if _is(reference, _APP):
        return Step(
            f"Add the new registry to container app {reference.name} (az containerapp registry set), then change "
            "its image.",
            f"az containerapp update {where} --image {host}/REPOSITORY:TAG",
        )
    if _is(reference, _SITE):
        return Step(
            f"Change the image of app {reference.name}.",
            f"az webapp config container set {where} --container-registry-url https://{host} --container-image-name "
            f"{host}/REPOSITORY:TAG",
        )
    return Step(f"Change the login server in {reference.name} ({reference.id}).")


def _group(id_: str) -> str:
    parts = id_.split("/")
    return parts[4] if len(parts) > 4 else ""
