"""Whatever happens to grants, keys and vault, and in which order: a registry serves exactly while it can."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sandbox.registry.encryption import pull
from tests.harness.in_process_azure import ENCRYPTION_USER, Azure, encryption, registry_path

HOST = "https://vault1.vault.azure.net"
KEY = f"{HOST}/keys/key1"
ADOPTED_AFTER = 3600


class EncryptedRegistry(RuleBasedStateMachine):
    """A registry in automatic mode, and a model of what it stands on."""

    @initialize()
    def begin(self) -> None:
        self.azure = Azure(auto_rotation_seconds=ADOPTED_AFTER)
        self.identity = self.azure.identity()
        self.vault = self.azure.vault()
        self.officer = self.azure.officer(self.vault)
        self.grant = self._grant()
        first = self.azure.key(self.vault)["keyUriWithVersion"]
        self.versions = {first: True}  # whether each is enabled, oldest first
        self.made = {first: self.azure.world.now()}
        self.in_use = first
        self.open = True
        self.deleted = False
        self.azure.registry(identity=self.identity, key=KEY)

    @rule()
    @precondition(lambda self: self.grant)
    def revoke(self) -> None:
        del self.azure.world.role_assignments[self.grant.id.lower()]
        self.grant = None

    @rule()
    @precondition(lambda self: not self.grant)
    def restore(self) -> None:
        self.grant = self._grant()

    @rule(index=st.integers(0, 5), enabled=st.booleans())
    @precondition(lambda self: not self.deleted)
    def switch_version(self, index: int, enabled: bool) -> None:
        version = list(self.versions)[index % len(self.versions)]
        self._key("PATCH", version, {"attributes": {"enabled": enabled}})
        self.versions[version] = enabled

    @rule()
    @precondition(lambda self: not self.deleted)
    def new_version(self) -> None:
        version = self._key("POST", f"{KEY}/rotate")["key"]["kid"]
        self.versions[version] = True
        self.made[version] = self.azure.world.now()

    @rule(seconds=st.sampled_from([60, ADOPTED_AFTER, 2 * ADOPTED_AFTER]))
    def wait(self, seconds: int) -> None:
        self.azure.advance(seconds)

    @rule()
    def rotate_now(self) -> None:
        wanted = {"properties": {"encryption": encryption(KEY, self.identity["clientId"])}}
        reply = self.azure.send("PATCH", registry_path(), wanted)
        assert reply.status == (201 if self._can_rotate() else 400)
        if reply.status == 201:
            self.in_use = self._latest()

    @rule()
    @precondition(lambda self: not self.deleted)
    def delete_key(self) -> None:
        self._key("DELETE", KEY)
        self.deleted = True

    @rule()
    @precondition(lambda self: self.deleted)
    def recover_key(self) -> None:
        self._key("POST", f"{HOST}/deletedkeys/key1/recover")
        self.deleted = False

    @rule(trusted=st.booleans())
    def change_firewall(self, trusted: bool) -> None:
        acls = {"defaultAction": "Deny", "bypass": "AzureServices" if trusted else "None"}
        acls["ipRules"] = [{"value": "198.51.100.7"}]  # the officer's
        self.azure.ok("PATCH", self.vault, {"properties": {"networkAcls": acls}})
        self.open = trusted

    @invariant()
    def it_serves_exactly_while_it_can(self) -> None:
        shown = self.azure.get(registry_path())["properties"]["encryption"]["keyVaultProperties"]
        self._adopt()
        assert shown["versionedKeyIdentifier"] == self.in_use
        served = pull(self.azure.world, "registry1")["status"] == 200
        assert served == (self._reachable() and self.versions[self.in_use])

    def _adopt(self) -> None:
        due = self.made[self._latest()] + ADOPTED_AFTER <= self.azure.world.now()
        if due and self._can_rotate():
            self.in_use = self._latest()

    def _can_rotate(self) -> bool:
        return self._reachable() and self.versions[self.in_use] and self.versions[self._latest()]

    def _reachable(self) -> bool:
        return bool(self.grant) and self.open and not self.deleted

    def _latest(self) -> str:
        return list(self.versions)[-1]

    def _grant(self):
        return self.azure.world.grant(self.identity["principalId"], ENCRYPTION_USER, self.vault)

    def _key(self, method: str, url: str, body=None) -> dict:
        return self.azure.ok(method, url, body, as_=self.officer)


EncryptedRegistry.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestEncryptedRegistry = EncryptedRegistry.TestCase
