#!/bin/sh
# Creates a container registry encrypted with a customer-managed key, by the Azure CLI.
# It is safe to run again: what exists is kept as it is.
set -eu

say() {
  printf '%s\n' "$*" >&2
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

registry=/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/mygroup/providers/Microsoft.ContainerRegistry/registries/myregistry

# Identity
identity=/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/mygroup/providers/Microsoft.ManagedIdentity/userAssignedIdentities/myregistry-cmk
if ! exists "$identity" 2024-11-30; then
  az identity create --subscription 00000000-0000-0000-0000-000000000000 --resource-group mygroup --name myregistry-cmk --location westeurope --output none
fi
principal=$(az identity show --ids "$identity" --query principalId --output tsv)

# Key vault
vault=/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/mygroup/providers/Microsoft.KeyVault/vaults/myregistry-cmk-v3xxzuvx
if ! exists "$vault" 2026-02-01; then
  az rest --method put --url "$vault"'?api-version=2026-02-01' --body '{"location": "westeurope", "properties": {"tenantId": "00000000-0000-0000-0000-000000000000", "sku": {"family": "A", "name": "standard"}, "enableSoftDelete": true, "softDeleteRetentionInDays": 90, "enablePurgeProtection": true, "enableRbacAuthorization": true}}' --output none
fi
wait_for "$vault" 2026-02-01

# Key
if ! exists "$vault"/keys/myregistry-cmk 2026-02-01; then
  retry '*NotFound*' az rest --method put --url "$vault"'/keys/myregistry-cmk?api-version=2026-02-01' --body '{"properties": {"kty": "RSA", "keySize": 2048, "keyOps": ["wrapKey", "unwrapKey"], "attributes": {"enabled": true}}}' --output none
fi
key=$(az rest --method get --url "$vault"'/keys/myregistry-cmk?api-version=2026-02-01' --query properties.keyUri --output tsv)

# Access to the key
retry '*PrincipalNotFound*' az role assignment create --assignee-object-id "$principal" --assignee-principal-type ServicePrincipal --role e147488a-f6f5-4113-8e2d-b22465e65bf6 --scope /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/mygroup/providers/Microsoft.KeyVault/vaults/myregistry-cmk-v3xxzuvx --output none

# Registry: a new role assignment takes a while to take effect.
if ! exists "$registry" 2025-04-01 || [ "$(state_of "$registry" 2025-04-01)" = Failed ]; then
  retry '*Failed to access KeyId*' az acr create --subscription 00000000-0000-0000-0000-000000000000 --resource-group mygroup --name myregistry --sku Premium --location westeurope --identity "$identity" --key-encryption-key "$key" --output none
fi

# The proof
status=$(az rest --method get --url "$registry?api-version=2025-04-01" \
  --query properties.encryption.status --output tsv)
if [ "$status" != enabled ]; then
  say "The registry is not encrypted with the key: $registry"
  exit 1
fi
az rest --method get --url "$registry?api-version=2025-04-01" \
  --query "{id:id,loginServer:properties.loginServer,encryption:properties.encryption}"
