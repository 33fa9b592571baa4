"""Plans the changes that make a registry use another key, version or identity. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from azext_acrcmk.model.goal import RotateGoal
from azext_acrcmk.model.ids import ArmId, Id, KeyId, Scope
from azext_acrcmk.model.key_identity import key_identity
from azext_acrcmk.model.problem import Problem, not_searched
from azext_acrcmk.model.state import ABSENT, Encryption, Identity, Key, Registry, State, Unknown, Vault
from azext_acrcmk.plan import kinds
from azext_acrcmk.plan.change import Change, Plan, after
from azext_acrcmk.plan.conflicts import running, unnamed_key
from azext_acrcmk.plan.grants import find_grants
from azext_acrcmk.plan.parts import parts_problems, plan_identity, plan_parts, policy_of, vault_id_of
from azext_acrcmk.plan.tags import why_no_tag
from azext_acrcmk.rules import Facts, Fix, finding_of
from azext_acrcmk.rules.catalogue import ROTATE

# The registry's tag that records what it used before, until a rotation is complete. It tells a second run that the new
# version was created for this registry.
ROTATED_TAG = "acrcmk-rotated-from"
READ_BACK = "The registry is read back while a second run can still complete this rotation."
TAG_REMOVED = "The tag that records what was used before, to complete an interrupted rotation, is removed."

# The problems of existing resources that a plan for `rotate` fixes.
FIXED = frozenset({Fix.PROTECT_VAULT, Fix.RECOVER_VAULT, Fix.RECOVER_KEY, Fix.ALLOW_TRUSTED_SERVICES})


def plan_rotate(goal: RotateGoal, current: State, target: State, now: datetime, old: State | None = None) -> Plan:
    """The changes from `current`, the registry with what it uses now, to `goal`, whose parts are in `target`.

    An existing newer version that the registry doesn't use yet is used instead of creating another, so that a second
    run completes one that was interrupted. `old` is what the registry used before the rotation that the goal completes;
    by default that is `current`.
    """
    if problems := _problems(goal, current, target, now):
        return Plan(problems=tuple(problems))
    unregistered = replace(target, registry=ABSENT)
    identity = None if goal.system_identity else plan_identity(goal.target, unregistered)
    attach = _attach_change(goal, current.registry, identity)
    # A new identity is granted access only after it is assigned.
    parts = plan_parts(goal.target, unregistered, now, attach or identity)
    version = _version_change(goal, current, target, now, parts.grant)
    before = after(identity, attach, *parts.changes, version)
    old = old or current
    cleaning = [*_old_grant_changes(goal, old, target), *_old_version_changes(goal, old)]
    tagged = (version is not None and not goal.no_wait) or any(each.changes for each in cleaning)
    value = what_was_used(old.registry)
    no_tag = why_no_tag(current.registry, ROTATED_TAG, value) if tagged else None
    if no_tag and any(each.changes for each in cleaning):
        return Plan(problems=(_untagged_cleaning(no_tag),))
    tagged = tagged and not no_tag
    tags = ((ROTATED_TAG, value),) if tagged else ()
    if _is_reached(goal, current) and not version:
        registry = _use_registry(goal, current, before)
    else:
        registry = _set_encryption(goal, current, target, tags, parts.grant, before)
    cleaning = [replace(each, after=(registry,)) for each in cleaning]
    done = (registry, *cleaning)
    read = None if goal.no_wait else kinds.ReadBack(registry=current.registry.id, reason=READ_BACK, after=done)
    instead = _instead_of_new_version(goal)
    untag = _untag(current.registry, instead, after(*done, read)) if tagged or goal.completes else None
    return Plan(after(*before, *done, read, untag), notes=(instead,) if instead else ())


def _untagged_cleaning(why: str) -> Problem:
    return Problem(
        "What the registry used before must be named in a tag of the registry until the old grant and the old version "
        f"are dealt with, so that a second run can finish this one: {why}.",
        ("Remove a tag that is no longer needed, or omit --revoke-old and --disable-old-version.",),
    )


def what_was_used(registry: Registry) -> str:
    """The key, version and identity that a registry uses, as recorded in its tag until a rotation is complete."""
    encryption = registry.encryption
    return f"{encryption.in_use or encryption.key.with_version(None)} {encryption.identity}"


def resumed(goal: RotateGoal, current: State) -> RotateGoal:
    """The goal, with the rotation that it completes if there is one."""
    before = _registry_before(current.registry)
    if before is None or not same_key(goal, current) or not same_identity(goal, current):
        return goal
    completing = replace(goal, completes=before)
    return completing if _is_reached(completing, current) else goal


def _registry_before(registry: Registry) -> Registry | None:
    """The registry as it was before an interrupted rotation, according to its tag. None if there is none."""
    uri, _, identity = registry.tags.get(ROTATED_TAG, "").partition(" ")
    try:
        key = KeyId.parse(uri)
    except ValueError:
        return None
    return replace(registry, encryption=Encryption("enabled", key, key if key.version else None, Id(identity)))


def _instead_of_new_version(goal: RotateGoal) -> str | None:
    """What happens instead of creating the new version that was asked for."""
    if not goal.completes or not goal.new_version:
        return None
    before = goal.completes.encryption.key
    return f"Completes the interrupted rotation from {before}. For another new version, run the command again."


def uses_latest(current: State) -> bool:
    """Whether the registry uses the latest version of its key, as far as can be read."""
    return isinstance(current.key, Key) and current.key.id == current.registry.encryption.in_use


def same_key(goal: RotateGoal, current: State) -> bool:
    return goal.target.key.same_key(current.registry.encryption.key)


def same_identity(goal: RotateGoal, current: State) -> bool:
    """Whether the registry uses the goal's identity; one recreated with the same name is another."""
    used = key_identity(current)
    return used.is_system == goal.system_identity and used.id == goal.target.identity and used.exists is not False


def lists_older(registry: Registry, id_: ArmId, found: object) -> bool:
    """Whether the registry lists an identity that was deleted and recreated with the same name.

    Assigning it replaces the client id that identifies the identity of the key. So it is assigned in the same request
    that changes that: no run can be interrupted in between.
    """
    is_listed = isinstance(found, Identity) and registry.attached_as(found.client_id) is not None
    return registry.attaches(id_) and not is_listed


def _problems(goal: RotateGoal, current: State, target: State, now: datetime) -> list[Problem]:
    registry, facts = current.registry, Facts(current, now)
    if not registry.encryption.enabled:
        return [finding_of("NotEncrypted", facts).as_problem]
    if registry.encryption.key is None:
        return [unnamed_key(registry)]
    if not registry.settled:
        return [running(registry)]
    used = facts.key_identity
    if used.is_system and not used.is_attached:
        problem = finding_of("IdentityNotAssigned", facts).as_problem
        return [replace(problem, advice=("Open an Azure support request.",))]
    disabled = finding_of("KeyDisabled", facts)
    found = [disabled.as_problem] if disabled else []
    judged = replace(target, registry=ABSENT, key=_judged_key(goal, current, target, told=bool(disabled)))
    if goal.system_identity and not isinstance(judged.identity, Identity):
        # It is created when it is enabled.
        judged = replace(judged, identity=Identity(registry.id, registry.location, "system", ""))
    return found + parts_problems(ROTATE, goal.target, judged, now, FIXED)


def _judged_key(goal: RotateGoal, current: State, target: State, told: bool):
    """The key to use, without problems that a new version solves and without that of a disabled version, if `told`."""
    key = target.key
    if not isinstance(key, Key):
        return key
    if goal.creates_version and same_key(goal, current):
        return replace(key, enabled=True, expires=None, not_before=None)
    return replace(key, enabled=True) if told and key.id == current.version_in_use.id else key


def _attach_change(goal: RotateGoal, registry: Registry, identity: Change | None) -> kinds.AttachIdentity | None:
    """The change that assigns the identity, unless the registry lists it, even if it was deleted: see `lists_older`."""
    if registry.system_principal_id if goal.system_identity else registry.attaches(goal.target.identity):
        return None
    what = "System-assigned identity is enabled." if goal.system_identity else "Identity is assigned to the registry."
    return kinds.AttachIdentity(registry=registry.id, identity=goal.target.identity, reason=what, after=after(identity))


def _version_change(goal: RotateGoal, current: State, target: State, now: datetime, grant: Change) -> Change | None:
    if not goal.creates_version:
        return None
    latest = target.key
    if isinstance(latest, Key) and not uses_latest(current) and _is_usable(latest, now):
        reason = f"Version {latest.latest_version} exists and is newer than the one in use."
        return kinds.UseVersion(key=latest, reason=reason)
    return kinds.CreateVersion(
        key=goal.target.key,
        reason="New version of the key, created in the vault.",
        after=(grant,),
    )


def _is_usable(key: Key, now: datetime) -> bool:
    return key.enabled is not False and not (key.expires and key.expires <= now)


def _is_reached(goal: RotateGoal, current: State) -> bool:
    registry = current.registry
    same_mode = goal.manual == (registry.encryption.key.version is not None)
    unchanged = same_mode and same_identity(goal, current) and not _changes_version(goal, current)
    return unchanged and registry.provisioning_state == "Succeeded"


def _use_registry(goal: RotateGoal, current: State, waits_for: tuple[Change, ...]) -> kinds.UseRegistry:
    version = "this" if goal.target.key.version else "the latest"
    reason = f"Already uses {version} version of this key through this identity."
    return kinds.UseRegistry(registry=current.registry, reason=reason, after=waits_for)


def _set_encryption(
    goal: RotateGoal,
    current: State,
    target: State,
    tags: tuple[tuple[str, str], ...],
    grant: Change,
    waits_for: tuple[Change, ...],
) -> kinds.SetEncryption:
    mode = "pinned to the version" if goal.manual else "uses new versions automatically"
    return kinds.SetEncryption(
        registry=current.registry.id,
        identity=goal.target.identity,
        key=goal.target.key,
        vault=vault_id_of(goal.target, target),
        pinned=goal.manual,
        attach=not goal.system_identity and lists_older(current.registry, goal.target.identity, target.identity),
        tags=tags,
        policy=policy_of(grant),
        wait=not goal.no_wait,
        reason=f"Uses the key through the identity ({mode}).",
        after=waits_for,
    )


def _changes_version(goal: RotateGoal, current: State) -> bool:
    """Whether the registry will use another version than now, of this key or another, as far as can be read."""
    if goal.creates_version or not same_key(goal, current):
        return True
    if goal.target.key.version:
        return goal.target.key != current.registry.encryption.in_use
    return not uses_latest(current)


def _untag(registry: Registry, instead: str | None, waits_for: tuple[Change, ...]) -> kinds.TagRegistry:
    return kinds.TagRegistry(
        registry=registry.id, name=ROTATED_TAG, value=None, reason=instead or TAG_REMOVED, after=waits_for
    )


def _old_grant_changes(goal: RotateGoal, old: State, target: State) -> list[Change]:
    """Removes the old identity's grants on the old key, if neither this registry nor others need them."""
    if not goal.revoke_old or (same_key(goal, old) and same_identity(goal, old)):
        return []
    key, principal = old.registry.encryption.key, key_identity(old).principal_id
    if unread := _unread_access(old, principal):
        return [_left("old-grant", key.versionless, f"{unread} can't be read. Access to the old key is not removed.")]
    if not isinstance(old.vault, Vault) or not principal:
        return []  # With the vault or an assigned identity, the access is gone.
    own, elsewhere = find_grants(old.vault, key, principal, old.roles, old.individuals)
    changes: list[Change] = []
    for grant in own:
        if why := _still_needed(goal, old, target, on_key=grant.on_key):
            changes.append(_kept(grant.resource, f"{grant.what}, still needed by {why}."))
        elif not isinstance(old.sharing, tuple) or not isinstance(old.identity_users, tuple):
            reason = f"{grant.what} is not removed: resources that may need it can't be read."
            changes.append(_left("old-grant", str(grant.resource), reason))
        else:
            removal = grant.removal(f"{grant.what}, no longer needed.")
            removal = replace(removal, step="old-grant")
            changes.append(_asked_if_others_are_unknown(removal, old, "Remove the access anyway?"))
    changes += [_kept(each.resource, f"{each.what} is kept: {each.why}.") for each in elsewhere]
    return changes


def _unread_access(old: State, principal: str | None) -> str | None:
    """What can't be read of those that tell the old identity's access to the old key."""
    if isinstance(old.vault, Unknown):
        return "The old vault"
    if not isinstance(old.vault, Vault):
        return None
    if not principal:
        # One that is neither assigned nor found may still exist, where the caller can't see it.
        used = key_identity(old)
        return None if used.is_system or used.is_attached or used.is_recreated else "The old identity"
    return "The old identity's role assignments" if isinstance(old.roles, Unknown) else None


def _kept(resource: Scope | ArmId, reason: str) -> kinds.UseGrant:
    return kinds.UseGrant(on=resource, reason=reason, step="old-grant")


def _left(step: str, subject: str, reason: str) -> kinds.LeaveToUser:
    """What was asked for and is not done, because what decides can't be read."""
    return kinds.LeaveToUser(subject=subject, step=step, reason=reason, notice=reason)


def _still_needed(goal: RotateGoal, old: State, target: State, on_key: bool) -> str | None:
    """Who still uses the old identity where it has access. A grant on a vault applies to all its keys."""
    same_vault = isinstance(target.vault, Vault) and target.vault.id == old.vault.id
    if same_identity(goal, old) and (same_key(goal, old) if on_key else same_vault):
        return "this registry"
    if not isinstance(old.sharing, tuple) or not isinstance(old.identity_users, tuple):
        return None
    users = [each.id for each in old.sharing if each.identity and (each.key if on_key else each.vault)]
    # Only registries show what they use the identity for.
    known = {each.id for each in old.sharing if each.identity}
    users += [id_ for id_ in old.identity_users if id_ not in known]
    return ", ".join(id_.name for id_ in users) or None


def _old_version_changes(goal: RotateGoal, old: State) -> list[Change]:
    version = old.registry.encryption.in_use
    if not goal.disable_old_version or not version or not _changes_version(goal, old):
        return []
    if not isinstance(old.sharing, tuple):
        reason = "The old version stays enabled: registries that may need it can't be read."
        return [_left("old-version", str(version), reason)]
    if others := [each.id.name for each in old.sharing if each.key]:
        # Each registry changes to new versions at its own time.
        reason = f"Old version stays enabled: it may still be needed by {', '.join(others)}."
        return [kinds.KeepVersion(key=version, step="old-version", reason=reason)]
    reason = "Old version is disabled after the registry is confirmed to use the new one."
    disabling = kinds.DisableVersion(key=version, reason=reason)
    return [_asked_if_others_are_unknown(disabling, old, "Disable the old version anyway?")]


def _asked_if_others_are_unknown(change: Change, old: State, question: str) -> Change:
    """The change, with a prompt where others that use the same key or identity may not have been found."""
    rest = not_searched(old.unsearched)
    if not rest:
        return change
    notice = f"Others that use the same key or identity may not have been found. {rest}"
    return replace(change, notice=notice, question=question)


def grant_scope(current: State) -> str:
    """The vault if the identity's access is seen to be there, else the key: rights are not widened unasked."""
    used, key = key_identity(current), current.registry.encryption.key
    if not isinstance(current.vault, Vault) or not used.principal_id:
        return "key"
    own, _ = find_grants(current.vault, key, used.principal_id, current.roles, current.individuals)
    return "vault" if any(not grant.on_key for grant in own) else "key"
