# A container registry encrypted with a customer-managed key, by the control plane of Azure alone.
# `terraform destroy` leaves the key, and leaves the key vault soft-deleted with it.

terraform {
  required_version = ">= 1.5"

  required_providers {
    azapi = {
      source  = "Azure/azapi"
      version = ">= 2.12, < 3.0"
    }
  }
}

provider "azapi" {
}

resource "azapi_resource" "identity" {
  type                   = "Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30"
  parent_id              = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/mygroup"
  name                   = "myregistry-cmk"
  location               = "westeurope"
  body                   = {}
  response_export_values = ["properties.clientId", "properties.principalId"]
}

resource "azapi_resource" "vault" {
  type      = "Microsoft.KeyVault/vaults@2026-02-01"
  parent_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/mygroup"
  name      = "myregistry-cmk-v3xxzuvx"
  location  = "westeurope"
  body = {
    properties = {
      tenantId = "00000000-0000-0000-0000-000000000000"
      sku = {
        family = "A"
        name   = "standard"
      }
      enableSoftDelete          = true
      softDeleteRetentionInDays = 90
      enablePurgeProtection     = true
      enableRbacAuthorization   = true
    }
  }
}

resource "azapi_resource_action" "key" {
  type        = "Microsoft.KeyVault/vaults/keys@2026-02-01"
  resource_id = "${azapi_resource.vault.id}/keys/myregistry-cmk"
  method      = "PUT"
  body = {
    properties = {
      kty     = "RSA"
      keySize = 2048
      keyOps  = ["wrapKey", "unwrapKey"]
      attributes = {
        enabled = true
      }
    }
  }
  response_export_values = ["properties.keyUri", "properties.keyUriWithVersion"]
}

locals {
  scope = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/mygroup/providers/Microsoft.KeyVault/vaults/myregistry-cmk-v3xxzuvx"
}

resource "azapi_resource" "grant" {
  type      = "Microsoft.Authorization/roleAssignments@2022-04-01"
  parent_id = local.scope
  name      = uuidv5("11fb06fb-712d-4ddd-98c7-e71bbd588830", join("-", [local.scope, azapi_resource.identity.output.properties.principalId, "e147488a-f6f5-4113-8e2d-b22465e65bf6"]))
  body = {
    properties = {
      roleDefinitionId = "/subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.Authorization/roleDefinitions/e147488a-f6f5-4113-8e2d-b22465e65bf6"
      principalId      = azapi_resource.identity.output.properties.principalId
      principalType    = "ServicePrincipal"
    }
  }
  depends_on = [azapi_resource.vault]
}

# A new grant takes a while to take effect: until then the registry can't access the key.
resource "azapi_resource" "registry" {
  type      = "Microsoft.ContainerRegistry/registries@2025-04-01"
  parent_id = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/mygroup"
  name      = "myregistry"
  location  = "westeurope"

  identity {
    type         = "UserAssigned"
    identity_ids = [azapi_resource.identity.id]
  }

  body = {
    sku = {
      name = "Premium"
    }
    properties = {
      encryption = {
        status = "enabled"
        keyVaultProperties = {
          identity      = azapi_resource.identity.output.properties.clientId
          keyIdentifier = azapi_resource_action.key.output.properties.keyUri
        }
      }
    }
  }
  response_export_values = ["properties.loginServer", "properties.encryption"]
  retry = {
    error_message_regex  = ["Failed to access KeyId"]
    interval_seconds     = 15
    max_interval_seconds = 60
  }

  timeouts {
    create = "30m"
  }

  depends_on = [azapi_resource.grant]
}

output "registry_id" {
  value = azapi_resource.registry.id
}

output "login_server" {
  value = azapi_resource.registry.output.properties.loginServer
}

output "key_id" {
  value = azapi_resource.registry.output.properties.encryption.keyVaultProperties.keyIdentifier
}

output "encryption" {
  value = azapi_resource.registry.output.properties.encryption
}
