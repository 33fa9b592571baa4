from dataclasses import replace

from azext_acrcmk.model.state import ACCESS_POLICY, Encryption, Unknown
from azext_acrcmk.output.documents import registry_document
from tests.harness import make
from tests.harness.encrypted import HEALTHY, HIDDEN, changed

encryption = HEALTHY.registry.encryption


class TestDocument:
    def test_of_a_good_registry(self):
        document = registry_document(HEALTHY, make.NOW)
        assert document["resourceGroup"] == "images"
        assert document["key"]["upToDate"] is True
        assert document["access"]["granted"] is True
        assert document["access"]["through"][0]["scope"] == str(HEALTHY.vault.id)
        assert document["identity"] == {
            "id": str(HEALTHY.identity.id),
            "clientId": make.CLIENT,
            "principalId": make.PRINCIPAL,
            "attached": True,
            "exists": True,
        }

    def test_encryption_is_what_the_registry_returns(self):
        wire = {"status": "enabled", "keyVaultProperties": {"keyIdentifier": "https://…", "new": 1}}
        state = changed(registry__encryption=replace(encryption, wire=wire))
        assert registry_document(state, make.NOW)["encryption"] == wire

    def test_without_cmk_the_rest_is_null(self):
        document = registry_document(changed(registry__encryption=Encryption("disabled")), make.NOW)
        assert document["health"] == "notEncrypted"
        assert [document[name] for name in ("identity", "key", "vault", "access")] == [None] * 4

    def test_what_cannot_be_read_is_null(self):
        document = registry_document(changed(vault=HIDDEN, key=HIDDEN, identity=HIDDEN, roles=HIDDEN), make.NOW)
        assert document["vault"] is None
        assert document["key"]["latestVersion"] is None
        assert document["key"]["upToDate"] is None
        assert document["key"]["versionInUse"] == make.VERSION
        assert document["identity"]["exists"] is None
        assert document["identity"]["attached"] is True
        assert document["access"] == {"granted": None, "through": [], "missing": None}

    def test_the_system_identity(self):
        state = changed(
            registry__encryption=replace(encryption, identity="system"),
            registry__system_principal_id=make.PRINCIPAL,
            identity=Unknown(),
        )
        document = registry_document(state, make.NOW)
        assert document["identity"]["attached"] is True
        assert document["access"]["granted"] is True
        assert document["health"] == "healthy"

    def test_an_access_policy(self):
        vault = replace(HEALTHY.vault, permission_model=ACCESS_POLICY, policies=(make.policy(),))
        access = registry_document(changed(vault=vault, roles=()), make.NOW)["access"]
        assert access["through"][0]["kind"] == "access-policy"
        assert access["missing"] == []
