"""From a goal and what exists to the steps that bring a registry to another key, version or identity. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from azext_acrcmk.model.goal import RotateGoal
from azext_acrcmk.model.ids import ArmId, KeyId, same
from azext_acrcmk.model.state import ABSENT, Absent, Encryption, Identity, Key, Registry, State, Vault
from azext_acrcmk.plan.checks import enable_version, shuts_out_registries
from azext_acrcmk.plan.enable import in_order, parts_problems, parts_steps
from azext_acrcmk.plan.revoke import revocable
from azext_acrcmk.plan.step import CREATE, DELETE, REUSE, UPDATE, Plan, Problem, Step

# The registry's tag that names what it used before, from the rotation until all is done. It tells a second run that the
# registry's new version was made for it.
ROTATED_TAG = "acrcmk-rotated-from"
JOURNAL = "journal"
NOTE_REMOVED = "The note of what was used before, by which a second run finishes this one, is removed."


def plan_rotate(goal: RotateGoal, current: State, target: State, now: datetime, old: State | None = None) -> Plan:
    """The steps from `current`, the registry with what it uses now, to `goal`, whose parts `target` shows.

    A new version that was made before and that the registry doesn't use yet is taken, not made again: so a run that
    was cut short is finished by a second one. `old` is the registry with what it used before a rotation that was cut
    short; without it that is `current`.
    """
    finishing, instead = was_cut_short(goal, current), instead_of_new_version(goal, current)
    if finishing:
        goal = replace(goal, new_version=False)
    problems = _problems(goal, current, target, now)
    if problems:
        return Plan(problems=tuple(problems))
    steps = _identity_steps(goal, current, target)
    parts = [step for step in parts_steps(goal.target, _without_registry(target)) if step.name != "identity"]
    # The old key's grant may be for the identity as it is; the new identity's is made when it is attached.
    steps += [replace(step, after=(*step.after, "attach")) if step.name == "grant" else step for step in parts]
    steps += trusted_services_steps(target.vault)
    if version := _version_step(goal, current, target, now):
        steps.append(version)
    steps.append(_registry_step(goal, current, bool(version)))
    tidying = [*_old_grant_steps(goal, old or current, target), *_old_version_steps(goal, old or current)]
    noted = (version and not goal.no_wait) or any(step.changes for step in tidying)
    if noted or finishing:
        after = ("registry", *(step.name for step in tidying))
        tidying.append(Step(JOURNAL, UPDATE, current.registry.id, instead or NOTE_REMOVED, after=after))
    return in_order(steps + tidying)


def note_of(registry: Registry) -> str:
    """The key, version and identity that a registry uses, as its tag keeps them until a rotation is done."""
    encryption = registry.encryption
    return f"{encryption.key.with_version(encryption.version_in_use)} {encryption.identity}"


def registry_before(registry: Registry) -> Registry | None:
    """The registry as it was before a rotation that was cut short, by its note. None where there is none."""
    uri, _, identity = registry.tags.get(ROTATED_TAG, "").partition(" ")
    try:
        key = KeyId.parse(uri)
    except ValueError:
        return None
    return replace(registry, encryption=Encryption("enabled", key, key.version, identity))


def was_cut_short(goal: RotateGoal, current: State) -> bool:
    """Whether a rotation got the registry to the goal's key and identity, and was cut short after that."""
    noted = isinstance(current.registry, Registry) and registry_before(current.registry) is not None
    if goal is None or not noted or not same_key(goal, current) or not same_identity(goal, current):
        return False
    return _registry_step(replace(goal, new_version=False), current, new_version=False).action == REUSE


def instead_of_new_version(goal: RotateGoal, current: State) -> str | None:
    """What a run does that asks for a new version where the last one was cut short, even long ago. None elsewhere."""
    if not was_cut_short(goal, current) or not goal.new_version:
        return None
    before = registry_before(current.registry).encryption.key
    return f"Finishes the rotation from {before} that was cut short; run it again for another version."


def uses_latest(current: State) -> bool:
    """Whether the registry uses the latest version of its key, as far as can be seen."""
    version = current.registry.encryption.version_in_use
    return isinstance(current.key, Key) and bool(version) and same(current.key.latest_version, version)


def same_key(goal: RotateGoal, current: State) -> bool:
    return goal.target.key.same_key(current.registry.encryption.key)


def same_identity(goal: RotateGoal, current: State) -> bool:
    registry = current.registry
    used = registry.encryption.identity or ""
    if goal.system_identity:
        return same(used, "system")
    if isinstance(current.identity, Identity):
        # One that was made again under its old name has another client id.
        return same(current.identity.client_id, used) and same(current.identity.id, goal.target.identity)
    if isinstance(current.identity, Absent):
        return False
    attached = registry.attached_as(used)
    return bool(attached) and same(attached.id, goal.target.identity)


def lists_older(registry: Registry, identity: Identity) -> bool:
    """Whether an identity was made again under its name, and the registry lists the one that was deleted.

    To attach it replaces the client id by which the registry knows what to take its key through. So it is attached in
    the same request that changes that: no run can be cut short in between.
    """
    return registry.attaches(identity.id) and not registry.attached_as(identity.client_id)


def _without_registry(target: State) -> State:
    """The checks of `enable` on a registry that exists are about its own key; here it is to get another."""
    return replace(target, registry=ABSENT)


def _problems(goal: RotateGoal, current: State, target: State, now: datetime) -> list[Problem]:
    registry: Registry = current.registry
    if not registry.encryption.enabled or registry.encryption.key is None:
        return [
            Problem(
                f"Registry '{registry.name}' is not encrypted with a customer-managed key, so it has none to rotate.",
                (f"To see its state: az acr cmk show --name {registry.name}",),
            )
        ]
    if not registry.settled:
        return [
            Problem(
                f"Registry '{registry.name}' is in state {registry.provisioning_state}.",
                ("Wait for the running operation to end, then run this command again.",),
            )
        ]
    if same(registry.encryption.identity, "system") and not registry.system_principal_id:
        return [
            Problem(
                f"Registry '{registry.name}' uses its key through its system-assigned identity, which was removed. One "
                "turned on anew is another, which does not get it its key back: images are served only until the "
                "credential of the old one lapses. Nothing was changed.",
                ("Only Azure support can bring the identity back: open a support request.",),
            )
        ]
    found = _disabled_version(goal, current)
    expired_is_fine = goal.new_version and same_key(goal, current)
    judged = replace(target, key=_undated(target.key)) if expired_is_fine else target
    if isinstance(target.vault, Vault):
        # A closed firewall is opened to trusted services, after a question.
        judged = replace(judged, vault=replace(target.vault, bypass="AzureServices"))
    if goal.system_identity and isinstance(judged.identity, Absent):
        # It comes to be when it is attached.
        judged = replace(judged, identity=Identity(registry.id, registry.location, "system", ""))
    return found + parts_problems(goal.target, _without_registry(judged), now)


def _undated(key):
    """A key whose dates don't matter: a new version replaces it."""
    return replace(key, expires=None, not_before=None) if isinstance(key, Key) else key


def _disabled_version(goal: RotateGoal, current: State) -> list[Problem]:
    used = current.version_in_use
    if not isinstance(used, Key) or used.enabled is not False:
        return []
    return [
        Problem(
            f"The key's version in use, {used.id}, is disabled. The registry needs it once more to change to another.",
            (f"Enable it: {enable_version(used)}",),
        )
    ]


def _identity_steps(goal: RotateGoal, current: State, target: State) -> list[Step]:
    registry = current.registry
    steps = []
    if not goal.system_identity:
        exists = isinstance(target.identity, Identity)
        action, reason = (REUSE, "Exists.") if exists else (CREATE, "User-assigned identity for the key.")
        resource = target.identity.id if exists else str(goal.target.identity)
        steps.append(Step("identity", action, resource, reason))
    if not _is_listed(goal, registry):
        what = "System-assigned identity is turned on." if goal.system_identity else "Identity is attached."
        steps.append(Step("attach", UPDATE, registry.id, what, after=("identity",)))
    return steps


def _is_listed(goal: RotateGoal, registry: Registry) -> bool:
    """Whether the registry has the identity, be it one that was deleted since: see `lists_older`."""
    if goal.system_identity:
        return bool(registry.system_principal_id)
    return registry.attaches(str(goal.target.identity))


def trusted_services_steps(vault) -> list[Step]:
    """Opening a vault's closed firewall to trusted services, the registry among them. It widens access: it is asked."""
    if not isinstance(vault, Vault) or not shuts_out_registries(vault):
        return []
    question = f"The firewall of '{vault.name}' lets no trusted services in. Let trusted Azure services in?"
    reason = "Trusted Azure services are let past the vault's firewall."
    return [Step("trusted-services", UPDATE, vault.id, reason, after=("purge-protection",), confirm=question)]


def _version_step(goal: RotateGoal, current: State, target: State, now: datetime) -> Step | None:
    if not goal.new_version:
        return None
    key = goal.target.key.versionless
    latest = target.key
    if isinstance(latest, Key) and not uses_latest(current) and not (latest.expires and latest.expires <= now):
        reason = f"Version {latest.latest_version} is newer than the one in use, and is taken."
        return Step("version", REUSE, key, reason)
    return Step("version", CREATE, key, "New version of the key, made in the vault itself.", after=("grant",))


def _registry_step(goal: RotateGoal, current: State, new_version: bool) -> Step:
    registry = current.registry
    after = ("identity", "attach", "vault", "purge-protection", "trusted-services", "key", "grant", "version")
    mode = "pinned to the version" if goal.manual else "new versions adopted by itself"
    same_mode = goal.manual == (registry.encryption.key.version is not None)
    unchanged = same_mode and same_identity(goal, current) and not _changes_version(goal, current)
    if unchanged and not new_version and registry.provisioning_state == "Succeeded":
        version = "this" if goal.target.key.version else "the latest"
        return Step("registry", REUSE, registry.id, f"Uses {version} version of this key through this identity.")
    return Step("registry", UPDATE, registry.id, f"Takes the key through the identity ({mode}).", after=after)


def _changes_version(goal: RotateGoal, current: State) -> bool:
    """Whether the registry is to use another version than now, of this key or another, as far as can be seen."""
    if goal.new_version or not same_key(goal, current):
        return True
    pinned = goal.target.key.version
    return not same(pinned, current.registry.encryption.version_in_use) if pinned else not uses_latest(current)


def _old_grant_steps(goal: RotateGoal, current: State, target: State) -> list[Step]:
    """Removing the old identity's grants on the old key, where neither this registry nor others need them."""
    if not goal.revoke_old or (same_key(goal, current) and same_identity(goal, current)):
        return []
    key, principal = current.registry.encryption.key, old_principal(current)
    if not isinstance(current.vault, Vault) or not principal:
        return []
    own, elsewhere = revocable(current.vault, key.name, principal, current.roles)
    steps = []
    for grant in own:
        if why := _still_needed(goal, current, target, on_key=grant.on == "key"):
            steps.append(Step("", REUSE, grant.resource, f"{grant.what}, still needed by {why}."))
        else:
            steps.append(Step("", DELETE, grant.resource, f"{grant.what}, no longer needed.", after=("registry",)))
    for role in elsewhere:
        reason = f"Role '{role.role_name}' at {role.scope} stays: it reaches the key from above, or through a group."
        steps.append(Step("", REUSE, role.id, reason))
    return [replace(step, name=_numbered("old-grant", number)) for number, step in enumerate(steps, 1)]


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}-{number}"


def _still_needed(goal: RotateGoal, current: State, target: State, on_key: bool) -> str | None:
    """Who goes on using the old identity on what it is granted. A grant on a vault serves all its keys."""
    same_vault = isinstance(target.vault, Vault) and same(target.vault.id, current.vault.id)
    if same_identity(goal, current) and (same_key(goal, current) if on_key else same_vault):
        return "this registry"
    if not isinstance(current.sharing, tuple):
        return "what can't be seen"
    if not isinstance(current.identity_users, tuple):
        return "what can't be seen"
    users = [each.id for each in current.sharing if each.identity and (each.key if on_key else each.vault)]
    # What other resources use the identity for, they don't tell; of registries it is known.
    known = {each.id.lower() for each in current.sharing if each.identity}
    users += [id_ for id_ in current.identity_users if id_.lower() not in known]
    return ", ".join(ArmId.parse(id_).name for id_ in users) or None


def old_principal(current: State) -> str | None:
    """The object id of the identity that the registry uses now."""
    registry = current.registry
    if same(registry.encryption.identity, "system"):
        return registry.system_principal_id
    return current.identity.principal_id if isinstance(current.identity, Identity) else None


def _old_version_steps(goal: RotateGoal, current: State) -> list[Step]:
    encryption = current.registry.encryption
    if not goal.disable_old_version or not encryption.version_in_use or not _changes_version(goal, current):
        return []
    old = encryption.key.with_version(encryption.version_in_use)
    if why := _other_users_of_key(current):
        return [Step("old-version", REUSE, str(old), f"Old version stays enabled: {why} may still need it.")]
    reason = "Old version is disabled, once the registry was seen on the new one."
    return [Step("old-version", UPDATE, str(old), reason, after=("registry",))]


def _other_users_of_key(current: State) -> str | None:
    """Who else has the old key, of whatever version: each registry takes new ones in its own time."""
    if not isinstance(current.sharing, tuple):
        return "what can't be seen"
    return ", ".join(ArmId.parse(each.id).name for each in current.sharing if each.key) or None
