"""Registries whose keys are revoked and restored, and the plans for it."""

from __future__ import annotations

from dataclasses import replace

from azext_acrcmk.model.access import HSM_NEEDED_ACTIONS
from azext_acrcmk.model.ids import HSM_TYPE, REGISTRY_TYPE, ArmId
from azext_acrcmk.model.state import ABSENT, ACCESS_POLICY, State, Unknown
from azext_acrcmk.plan.grants import REVOKED_TAG, find_grants, tag_of
from azext_acrcmk.plan.restore import plan_restore
from azext_acrcmk.plan.revoke import BY_GRANT, plan_revoke
from azext_acrcmk.rules import Facts
from tests.harness import make

OFFICER = "14b46e9e-c2b7-41b4-b07b-48a6ebf60603"
SECOND = ArmId(make.SUBSCRIPTION, "images", REGISTRY_TYPE, "second")
THIRD = ArmId(make.SUBSCRIPTION, "images", REGISTRY_TYPE, "third")
MACHINE = ArmId(make.SUBSCRIPTION, "images", "Microsoft.Compute/virtualMachines", "builder")
KEY = "myregistry-cmk"
CUSTOM = "0c0ffee0-0000-4000-8000-00000000000c"


def encrypted(**vault) -> State:
    state = make.reached(make.goal())
    return replace(state, vault=replace(state.vault, **vault), sharing=())


def by_policy(*permissions, **more) -> State:
    return replace(encrypted(permission_model=ACCESS_POLICY, policies=(make.policy(*permissions, **more),)), roles=())


def in_hsm(*roles) -> State:
    """A registry whose key is in a managed HSM, with roles as pairs of GUID and scope."""
    state = encrypted()
    vault_id = ArmId(make.SUBSCRIPTION, "images", HSM_TYPE, state.vault.name)
    hsm = replace(state.vault, id=vault_id, kind="managedHSM", permission_model=None)
    actions = tuple(HSM_NEEDED_ACTIONS.values())
    made = tuple(
        make.role(scope, id=f"{scope}#{i}", role_id=role, data_actions=actions) for i, (role, scope) in enumerate(roles)
    )
    return replace(state, vault=hsm, roles=made)


def with_roles(*roles) -> State:
    """A registry whose identity has roles, as pairs of GUID and "vault" or "key"."""
    state = encrypted()
    scopes = {"vault": str(state.vault.id), "key": f"{state.vault.id}/keys/{KEY}"}
    made = (make.role(scopes[on], id=f"{on}-{role}", role_id=role) for role, on in roles)
    return replace(state, roles=tuple(made))


def revoke(state, by=BY_GRANT, users=()):
    return plan_revoke(Facts(state, make.NOW), by, users)


def restore(state, tags=None):
    """`tags` are those of the version in use."""
    return plan_restore(Facts(state, make.NOW), {} if tags is None else tags)


def tagged(state, text) -> State:
    return replace(state, registry=replace(state.registry, tags={"team": "images", REVOKED_TAG: text}))


def own(state):
    return find_grants(state.vault, state.registry.encryption.key, make.PRINCIPAL, state.roles)[0]


def tag(state) -> str:
    return tag_of(Facts(state, make.NOW), own(state))


def disabled(state) -> State:
    return replace(state, version_in_use=replace(state.version_in_use, enabled=False))


def deleted_identity(state) -> State:
    return replace(state, identity=ABSENT)


def recreated_identity(state) -> State:
    return replace(state, identity=replace(state.identity, client_id="another", principal_id="another"))


def unseen_identity(state) -> State:
    """The identity was removed from the registry, and can't be read."""
    hidden = Unknown("identities/read", "the subscription")
    return replace(state, identity=hidden, registry=replace(state.registry, attached=()), roles=())


def no_system_identity(state) -> State:
    encryption = replace(state.registry.encryption, identity="system")
    return replace(state, identity=Unknown(), registry=replace(state.registry, encryption=encryption))


def words(made) -> str:
    assert made.changes == ()
    (found,) = made.problems
    return " ".join((found.message, *found.advice))
