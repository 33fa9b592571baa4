# A container registry encrypted with a customer-managed key.

terraform {
  required_version = ">= 1.5"

  required_providers {
    azurerm = {
      source  = "hashicorp/azurerm"
      version = ">= 4.42, < 6.0"
    }
    time = {
      source  = "hashicorp/time"
      version = ">= 0.9"
    }
  }
}

provider "azurerm" {
  subscription_id = "00000000-0000-0000-0000-000000000000"

  features {
    key_vault {
      purge_soft_delete_on_destroy       = false
      purge_soft_deleted_keys_on_destroy = false
      recover_soft_deleted_key_vaults    = true
    }
  }
}

resource "azurerm_user_assigned_identity" "identity" {
  name                = "myregistry-cmk"
  resource_group_name = "mygroup"
  location            = "westeurope"
}

data "azurerm_client_config" "current" {
}

resource "azurerm_key_vault" "vault" {
  name                       = "myregistry-cmk-v3xxzuvx"
  resource_group_name        = "mygroup"
  location                   = "westeurope"
  tenant_id                  = "00000000-0000-0000-0000-000000000000"
  sku_name                   = "standard"
  rbac_authorization_enabled = true
  purge_protection_enabled   = true
  soft_delete_retention_days = 90
}

# The provider creates the key on the vault's data plane: whoever runs Terraform needs access to keys there, and network
# access to the vault. Remove this where that is granted already.
resource "azurerm_role_assignment" "caller" {
  scope                = azurerm_key_vault.vault.id
  role_definition_name = "Key Vault Crypto Officer"
  principal_id         = data.azurerm_client_config.current.object_id
}

resource "time_sleep" "caller" {
  create_duration = "120s"
  depends_on      = [azurerm_role_assignment.caller]
}

resource "azurerm_key_vault_key" "key" {
  name         = "myregistry-cmk"
  key_vault_id = azurerm_key_vault.vault.id
  key_type     = "RSA"
  key_size     = 2048
  key_opts     = ["wrapKey", "unwrapKey"]
  depends_on   = [time_sleep.caller]
}

locals {
  scope = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/mygroup/providers/Microsoft.KeyVault/vaults/myregistry-cmk-v3xxzuvx"
}

resource "azurerm_role_assignment" "grant" {
  name               = uuidv5("11fb06fb-712d-4ddd-98c7-e71bbd588830", join("-", [local.scope, azurerm_user_assigned_identity.identity.principal_id, "e147488a-f6f5-4113-8e2d-b22465e65bf6"]))
  scope              = local.scope
  role_definition_id = "/subscriptions/00000000-0000-0000-0000-000000000000/providers/Microsoft.Authorization/roleDefinitions/e147488a-f6f5-4113-8e2d-b22465e65bf6"
  principal_id       = azurerm_user_assigned_identity.identity.principal_id
  principal_type     = "ServicePrincipal"
  depends_on         = [azurerm_key_vault.vault]
}

# A new role assignment takes a while to take effect. If that is not enough, apply again.
resource "time_sleep" "grant" {
  create_duration = "180s"
  depends_on      = [azurerm_role_assignment.grant]
}

resource "azurerm_container_registry" "registry" {
  name                = "myregistry"
  resource_group_name = "mygroup"
  location            = "westeurope"
  sku                 = "Premium"
  depends_on          = [time_sleep.grant]

  identity {
    type         = "UserAssigned"
    identity_ids = [azurerm_user_assigned_identity.identity.id]
  }

  encryption {
    key_vault_key_id   = azurerm_key_vault_key.key.versionless_id
    identity_client_id = azurerm_user_assigned_identity.identity.client_id
  }
}

output "registry_id" {
  value = azurerm_container_registry.registry.id
}

output "login_server" {
  value = azurerm_container_registry.registry.login_server
}

output "key_id" {
  value = azurerm_container_registry.registry.encryption[0].key_vault_key_id
}

output "encryption" {
  value = azurerm_container_registry.registry.encryption
}
