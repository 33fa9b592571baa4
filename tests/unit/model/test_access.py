from dataclasses import replace

import pytest

from azext_acrcmk.model.access import HSM_NEEDED_ACTIONS, access_to
from azext_acrcmk.model.ids import Id
from azext_acrcmk.model.state import ACCESS_POLICY, Unknown
from tests.harness import make

GOAL = make.goal()
VAULT = make.vault(GOAL)
KEY = f"{VAULT.id}/keys/{GOAL.key_name}"


def access(*roles, vault=VAULT):
    return access_to(vault, GOAL.key_name, make.PRINCIPAL, roles)


@pytest.mark.parametrize("scope", ["/", make.REGISTRY.group_id, str(VAULT.id), str(VAULT.id).upper(), KEY])
def test_a_role_at_the_key_or_above_it_grants(scope):
    found = access(make.role(scope))
    assert found.granted
    assert found.sources[0].inherited is (scope in ("/", make.REGISTRY.group_id))


@pytest.mark.parametrize("scope", [f"{VAULT.id}2", f"{VAULT.id}/keys/other"])
def test_a_role_beside_the_key_does_not(scope):
    assert access(make.role(scope)).granted is False


@pytest.mark.parametrize(
    "actions",
    [
        ("*",),
        ("Microsoft.KeyVault/vaults/*",),
        ("microsoft.keyvault/VAULTS/keys/*",),
        ("Microsoft.KeyVault/vaults/keys/*/read", "Microsoft.KeyVault/*/wrap/action", "*/unwrap/action"),
    ],
)
def test_wildcards_reach(actions):
    assert access(make.role(VAULT.id, data_actions=actions)).granted


def test_what_is_excluded_is_missing():
    role = make.role(VAULT.id, data_actions=("*",), not_data_actions=("Microsoft.KeyVault/vaults/keys/unwrap/action",))
    found = access(role)
    assert found.granted is False
    assert found.missing == ("unwrapKey",)


def test_two_roles_add_up():
    read = make.role(VAULT.id, data_actions=("Microsoft.KeyVault/vaults/keys/read",))
    use = make.role(KEY, data_actions=("Microsoft.KeyVault/vaults/keys/*wrap/action",))
    assert access(read).missing == ("wrapKey", "unwrapKey")
    assert access(read, use).granted


def test_owner_has_no_data_actions():
    assert access(make.role("/", data_actions=())).granted is False


def test_what_cannot_be_judged_is_unknown_only_where_it_matters():
    doubtful = make.role(VAULT.id, uncertain="A role assignment has a condition.")
    assert access(doubtful).granted is None
    assert access(doubtful, make.role(VAULT.id)).granted
    assert access_to(VAULT, GOAL.key_name, make.PRINCIPAL, Unknown()).granted is None


def test_a_grant_through_a_group_says_so():
    assert access(make.role(VAULT.id, principal_id="group")).sources[0].through_group


@pytest.mark.parametrize(
    ("policies", "missing"),
    [
        ((make.policy(),), ()),
        ((make.policy("all"),), ()),
        ((make.policy("get"), make.policy("wrapkey", "unwrapkey")), ()),
        ((make.policy("get", "list"),), ("wrapKey", "unwrapKey")),
        ((make.policy(object_id="another"),), ("get", "wrapKey", "unwrapKey")),
        ((make.policy(application_id="on behalf"),), ("get", "wrapKey", "unwrapKey")),
        ((), ("get", "wrapKey", "unwrapKey")),
    ],
)
def test_access_policies(policies, missing):
    vault = replace(VAULT, permission_model=ACCESS_POLICY, policies=policies)
    found = access(make.role(VAULT.id), vault=vault)
    assert found.missing == missing
    others = any(policy.object_id != make.PRINCIPAL for policy in policies)
    assert found.granted is (None if others else missing == ())


@pytest.mark.parametrize(
    ("permissions", "individuals", "granted"),
    [
        (("UnwrapKey",), (), None),
        (("all",), (), None),
        (("get", "wrapKey"), (), False),
        (("unwrapKey",), ("another",), False),
    ],
)
def test_a_policy_of_what_may_be_a_group_makes_it_unknown(permissions, individuals, granted):
    policies = (make.policy(*permissions, object_id=Id("ANOTHER")),)
    vault = replace(VAULT, permission_model=ACCESS_POLICY, policies=policies)
    assert access_to(vault, GOAL.key_name, make.PRINCIPAL, (), frozenset(individuals)).granted is granted
    own = replace(vault, policies=(*policies, make.policy("Get", "WRAPKEY", "unwrapkey")))
    assert access_to(own, GOAL.key_name, make.PRINCIPAL, (), frozenset(individuals)).granted


def test_policies_mean_nothing_in_a_vault_with_rbac():
    assert access(vault=replace(VAULT, policies=(make.policy(),))).granted is False


def test_a_managed_hsm_has_roles_of_its_own():
    hsm = replace(VAULT, kind="managedHSM")
    local = make.role(f"/keys/{GOAL.key_name}", data_actions=tuple(HSM_NEEDED_ACTIONS.values()))
    assert access(local, vault=hsm).granted
    assert access(make.role("/", data_actions=("Microsoft.KeyVault/managedHsm/keys/*",)), vault=hsm).granted
    assert access(make.role("/"), vault=hsm).granted is False
