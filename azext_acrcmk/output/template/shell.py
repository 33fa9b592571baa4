"""A POSIX shell script of `az` commands: quoted, with bounded waits, and safe to run again."""

from __future__ import annotations

import json
from shlex import quote
from typing import Any

from azext_acrcmk.model.access import ENCRYPTION_USER, NEEDED_ACTIONS
from azext_acrcmk.model.api_versions import API_VERSIONS
from azext_acrcmk.model.ids import IDENTITY_TYPE, REGISTRY_TYPE, VAULT_TYPE, ArmId
from azext_acrcmk.model.registry_options import REGISTRY_OPTIONS
from azext_acrcmk.output.template.parts import Parts
from azext_acrcmk.plan import kinds
from azext_acrcmk.plan.bodies import key_body, recovery_body, vault_body
from azext_acrcmk.plan.change import Change, UnknownChange

_VAULTS, _KEYS = API_VERSIONS[VAULT_TYPE], API_VERSIONS[f"{VAULT_TYPE}/keys"]

_HEAD = """\
#!/bin/sh
# Creates a container registry encrypted with a customer-managed key, by the Azure CLI.
# It is safe to run again: what exists is kept as it is.
set -eu

say() {
  printf '%s\\n' "$*" >&2
}

# exists ID API_VERSION: whether there is such a resource. Any answer that does not tell ends the script.
exists() {
  if answer=$(az rest --method get --url "$1?api-version=$2" --output none 2>&1); then
    return 0
  fi
  case $answer in
    *NotFound* | *"Not Found"*) return 1 ;;
  esac
  say "$answer"
  exit 1
}

# retry PATTERN COMMAND...: repeats a command for at most 15 minutes while its error matches the pattern.
retry() {
  pattern=$1
  shift
  tries=0
  until answer=$("$@" 2>&1); do
    tries=$((tries + 1))
    # The pattern is meant as one.
    # shellcheck disable=SC2254
    case $answer in
      $pattern) ;;
      *)
        say "$answer"
        exit 1
        ;;
    esac
    if [ "$tries" -ge 60 ]; then
      say "$answer"
      exit 1
    fi
    say "Not yet; trying again in 15 seconds."
    sleep 15
  done
}

# state_of ID API_VERSION: the state of its last operation.
state_of() {
  az rest --method get --url "$1?api-version=$2" --query properties.provisioningState --output tsv
}

# wait_for ID API_VERSION: until a resource is provisioned, for at most 10 minutes.
wait_for() {
  tries=0
  until [ "$(state_of "$1" "$2")" = Succeeded ]; do
    tries=$((tries + 1))
    if [ "$tries" -ge 60 ]; then
      say "Not provisioned after 10 minutes: $1"
      exit 1
    fi
    sleep 10
  done
}
"""


def shell_script(parts: Parts) -> str:
    return _Script(parts).text()


class _Script:
    def __init__(self, parts: Parts):
        self.parts = parts

    def text(self) -> str:
        parts = self.parts
        blocks = [_HEAD, f"registry={quote(str(parts.id))}", self._group(), self._identity(), self._vault()]
        blocks += [self._key(), self._grant(), *map(self._first, parts.first), self._registry(), _PROOF]
        return "\n".join(block.rstrip("\n") + "\n" for block in blocks if block)

    def _group(self) -> str:
        group = self.parts.group
        if not isinstance(group, kinds.CreateGroup):
            return ""
        return (
            "# Resource group\n"
            f"az group create --subscription {quote(group.id.subscription)} --name {quote(group.id.name)} "
            f"--location {quote(group.location)}{_tags(group.tags)} --output none\n"
        )

    def _identity(self) -> str:
        id_ = self.parts.identity_id
        if id_ is None:
            return ""
        made = ""
        if isinstance(self.parts.identity, kinds.CreateIdentity):
            change = self.parts.identity
            made = (
                f'if ! exists "$identity" {API_VERSIONS[IDENTITY_TYPE]}; then\n'
                f"  az identity create --subscription {quote(id_.subscription)} --resource-group {quote(id_.group)} "
                f"--name {quote(id_.name)} --location {quote(change.location)}{_tags(change.tags)} --output none\n"
                "fi\n"
            )
        granted = self.parts.grant, *self.parts.first
        principal = 'principal=$(az identity show --ids "$identity" --query principalId --output tsv)\n'
        needs_principal = any(isinstance(each, kinds.GRANTING) for each in granted)
        return f"# Identity\nidentity={quote(str(id_))}\n{made}{principal if needs_principal else ''}"

    def _vault(self) -> str:
        vault, id_ = self.parts.vault, self.parts.vault_id
        if id_ is None:
            return ""
        text = f"# Key vault\nvault={quote(str(id_))}\n"
        if isinstance(vault, kinds.UseVault):
            by_id = isinstance(self.parts.key, (kinds.CreateKey, kinds.RecoverKey))
            return text if by_id or isinstance(self.parts.grant, kinds.AddAccessPolicy) else ""
        body = vault_body(vault) if isinstance(vault, kinds.CreateVault) else recovery_body(vault)
        return (
            f'{text}if ! exists "$vault" {_VAULTS}; then\n  {_put("vault", "", _VAULTS, body)}\nfi\n'
            f'wait_for "$vault" {_VAULTS}\n'
        )

    def _key(self) -> str:
        change = self.parts.key
        if not isinstance(change, kinds.CreateKey):
            return f"# Key\nkey={quote(str(self.parts.key_id))}\n"
        path = f"/keys/{change.key.name}"
        uri = "keyUriWithVersion" if self.parts.pinned else "keyUri"
        retried = f"retry '*NotFound*' {_put('vault', path, _KEYS, key_body(change))}"
        return (
            f'# Key\nif ! exists "$vault"{path} {_KEYS}; then\n  {retried}\nfi\n'
            f'key=$(az rest --method get --url "$vault"{quote(f"{path}?api-version={_KEYS}")} '
            f"--query properties.{uri} --output tsv)\n"
        )

    # Access to the key

    def _grant(self) -> str:
        change = self.parts.grant
        if isinstance(change, kinds.AssignRole):
            return f"# Access to the key\n{_role(quote(change.scope), change.role_id)}\n"
        if isinstance(change, kinds.AddAccessPolicy):
            return f"# Access to the key\n{_POLICY}\n"
        if isinstance(change, kinds.GrantInRecoveredVault):
            role = _role('"$vault"', ENCRYPTION_USER)
            asked = (
                f'az rest --method get --url "$vault?api-version={_VAULTS}" '
                "--query properties.enableRbacAuthorization --output tsv"
            )
            return (
                f'# Access to the key, by the permission model of the vault\nif [ "$({asked})" = true ]; then\n'
                f"  {role}\nelse\n  {_POLICY}\nfi\n"
            )
        return ""

    def _first(self, change: Change) -> str:
        if isinstance(change, kinds.ProtectVault):
            return (
                "# Purge protection of the key vault; this can't be undone.\n"
                f"{_update_vault(change.vault)} --enable-purge-protection true --output none\n"
            )
        if isinstance(change, kinds.AllowTrustedServices):
            return (
                "# Trusted services, the registry among them, may pass the firewall of the key vault.\n"
                f"{_update_vault(change.vault)} --bypass AzureServices --output none\n"
            )
        if isinstance(change, kinds.RecoverKey):
            return (
                f'# Key\nif ! exists "$vault"/keys/{change.key.name} {_KEYS}; then\n'
                f"  az keyvault key recover --vault-name {change.key.store} --name {change.key.name} --output none\n"
                f'fi\nretry "*NotFound*" az rest --method get --output none '
                f'--url "$vault"{quote(f"/keys/{change.key.name}?api-version={_KEYS}")}\n'
            )
        if isinstance(change, kinds.AssignRole):
            there = (
                f"az keyvault role assignment list --hsm-name {change.key.store} --scope {quote(change.scope)} "
                f"--query \"[?principalId=='$principal'].id\" --output tsv"
            )
            return (
                f'# Access to the key of the managed HSM\nif [ -z "$({there})" ]; then\n'
                f"  az keyvault role assignment create --hsm-name {change.key.store} --role {change.role_id} "
                f'--scope {quote(change.scope)} --assignee-object-id "$principal" '
                "--assignee-principal-type ServicePrincipal --output none\nfi\n"
            )
        raise UnknownChange("shell_script", change)

    # Registry

    def _registry(self) -> str:
        id_ = self.parts.id
        create = (
            f"retry '*Failed to access KeyId*' az acr create --subscription {quote(id_.subscription)} "
            f"--resource-group {quote(id_.group)} --name {quote(id_.name)} --sku Premium "
            f'--location {quote(self.parts.location)} --identity "$identity" --key-encryption-key "$key"'
        )
        values, tags = self._options()
        later = []
        for option in REGISTRY_OPTIONS:
            if (typed := values.get(option.name)) is None:
                continue
            if option.update and "--name {name} --status" in option.update:
                later.append(option.update.format(name=quote(id_.name), wire=option.to_wire(typed == "true")))
            else:
                create += f" {option.option} {quote(typed)}"
        lines = [f"{create}{_tags(tags)} --output none", *later]
        body = "\n".join(f"  {line}" for line in lines)
        return (
            "# Registry: a new role assignment takes a while to take effect.\n"
            f'if ! exists "$registry" {_REGISTRIES} || [ "$(state_of "$registry" {_REGISTRIES})" = Failed ]; then\n'
            f"{body}\nfi\n"
        )

    def _options(self) -> tuple[dict[str, str], dict[str, str] | None]:
        """The options of the registry as typed, and its tags."""
        if found := self.parts.found:
            read = {option.name: option.found_in(found.properties) for option in REGISTRY_OPTIONS}
            typed = {
                option.name: option.typed(read[option.name])
                for option in REGISTRY_OPTIONS
                if read[option.name] is not None
            }
            return typed, found.tags or None
        given = self.parts.registry.options.values
        typed = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()}
        return typed, self.parts.registry.tags


# The vault's own tenant, and key permissions that are added to those that there are.
_POLICY = f"""\
tenant=$(az rest --method get --url "$vault?api-version={_VAULTS}" --query properties.tenantId --output tsv)
permissions='{json.dumps({"keys": list(NEEDED_ACTIONS)})}'
entry="{{\\"tenantId\\": \\"$tenant\\", \\"objectId\\": \\"$principal\\", \\"permissions\\": $permissions}}"
az rest --method put --url "$vault/accessPolicies/add?api-version={_VAULTS}" \\
  --body "{{\\"properties\\": {{\\"accessPolicies\\": [$entry]}}}}" --output none"""

_REGISTRIES = API_VERSIONS[REGISTRY_TYPE]
_PROOF = f"""\
# The proof
status=$(az rest --method get --url "$registry?api-version={_REGISTRIES}" \\
  --query properties.encryption.status --output tsv)
if [ "$status" != enabled ]; then
  say "The registry is not encrypted with the key: $registry"
  exit 1
fi
az rest --method get --url "$registry?api-version={_REGISTRIES}" \\
  --query "{{id:id,loginServer:properties.loginServer,encryption:properties.encryption}}"
"""


def _put(variable: str, path: str, version: str, body: dict[str, Any]) -> str:
    return (
        f'az rest --method put --url "${variable}"{quote(f"{path}?api-version={version}")} '
        f"--body {quote(json.dumps(body))} --output none"
    )


def _role(scope: str, role: str) -> str:
    """By its GUID. What is assigned already is found by `az` and left as it is."""
    return (
        f"retry '*PrincipalNotFound*' az role assignment create --assignee-object-id \"$principal\" "
        f"--assignee-principal-type ServicePrincipal --role {role} --scope {scope} --output none"
    )


def _update_vault(vault: ArmId) -> str:
    return f"az keyvault update --subscription {quote(vault.subscription)} --name {quote(vault.name)}"


def _tags(tags: dict[str, str] | None) -> str:
    if not tags:
        return ""
    return " --tags " + " ".join(quote(f"{name}={value}") for name, value in tags.items())
