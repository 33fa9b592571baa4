from azext_acrcmk.cloud.roles import with_denials
from azext_acrcmk.model.access import access_by_roles
from azext_acrcmk.model.ids import Id, Scope
from tests.harness import make

SCOPE = Scope("/subscriptions/s/resourceGroups/g/providers/Microsoft.KeyVault/vaults/v/keys/k")
EVERYONE = {"id": "00000000-0000-0000-0000-000000000000", "type": "SystemDefined"}
ME = {"id": make.PRINCIPAL.upper(), "type": "ServicePrincipal"}
MY_GROUP, OTHER_GROUP = {"id": "mine", "type": "Group"}, {"id": "other", "type": "Group"}
UNWRAP = "Microsoft.KeyVault/vaults/keys/unwrap/action"


def denial(*principals, exclude=(), data=("Microsoft.KeyVault/vaults/keys/*",), **more):
    blocks = [{"actions": ["*"], "dataActions": list(data), "notDataActions": more.pop("exempt", [])}]
    named = {"denyAssignmentName": "Locked", "principals": list(principals), "excludePrincipals": list(exclude)}
    return {"properties": {**named, "permissions": blocks, "scope": "/subscriptions/s", **more}}


def access(*denials):
    roles = (make.role("/"), make.role("/", principal_id=Id("mine")))
    return access_by_roles(SCOPE, make.PRINCIPAL, with_denials(roles, denials, SCOPE, make.PRINCIPAL))


def test_what_is_denied_is_not_granted():
    for concerned in (ME, EVERYONE, MY_GROUP):
        seen = access(denial(concerned))
        assert (seen.granted, seen.denied_by) == (False, ("Locked",))
        assert seen.missing == ("get", "wrapKey", "unwrapKey")


def test_only_some_of_it():
    assert access(denial(ME, data=[UNWRAP])).missing == ("unwrapKey",)
    assert access(denial(ME, exempt=[UNWRAP])).missing == ("get", "wrapKey")


def test_what_concerns_others_counts_for_nothing():
    others = [
        denial({"id": "somebody", "type": "User"}),
        denial(EVERYONE, exclude=[ME]),
        denial(EVERYONE, exclude=[MY_GROUP]),
        denial(ME, data=[]),
        denial(ME, data=["Microsoft.Storage/*"]),
        denial(ME, doNotApplyToChildScopes=True),
    ]
    seen = access(*others)
    assert (seen.granted, seen.denied_by) == (True, ())


def test_whether_the_identity_is_in_other_groups_is_not_seen():
    for unclear in (denial(OTHER_GROUP), denial(EVERYONE, exclude=[OTHER_GROUP])):
        seen = access(unclear)
        assert seen.granted is None
        assert "'Locked' applies to groups" in seen.unknown.why


def test_on_the_key_alone():
    assert access(denial(ME, doNotApplyToChildScopes=True, scope=SCOPE.upper())).granted is False


def test_what_only_logs_denies_nothing():
    assert access(denial(ME, denyAssignmentEffect="audit")).granted is True
    assert access(denial(ME, denyAssignmentEffect="enforced")).granted is False


def test_a_condition_makes_it_uncertain():
    assert "'Locked' has a condition" in access(denial(ME, condition="x")).unknown.why
