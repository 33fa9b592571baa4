// A container registry encrypted with a customer-managed key
// Deploying it again is safe: it changes nothing
// If the registry can't access the key yet ('Failed to access KeyId'), the role assignment has not taken effect: deploy it again
// Deploy it in incremental mode only.

@description('Name of the container registry: 5 to 50 letters and digits, unique in Azure.')
@minLength(5)
@maxLength(50)
param registryName string = 'myregistry'

@description('Location of the resources to create.')
param location string = 'westeurope'

@description('Name of the user-assigned identity through which the registry uses the key.')
@minLength(3)
@maxLength(128)
param identityName string = 'myregistry-cmk'

@description('Name of the key vault: 3 to 24 letters, digits and hyphens, unique in Azure.')
@minLength(3)
@maxLength(24)
param vaultName string = 'myregistry-cmk-v3xxzuvx'

@description('Name of the key that encrypts the registry.')
@minLength(1)
@maxLength(127)
param keyName string = 'myregistry-cmk'

@description('How many empty deployments, one after the other, give the role assignment time to take effect. If the registry still can\'t access the key, deploy again.')
@minValue(1)
@maxValue(100)
param grantWaits int = 20

@description('Whether the registry uses new versions of the key automatically (auto) or is pinned to one (manual).')
@allowed([
  'auto'
  'manual'
])
param rotation string = 'auto'

@description('With rotation manual, the version of the key that the registry is pinned to. Empty: the version that is current when this is deployed. When you deploy again, specify the version in use; otherwise, the registry is rotated to a newer one.')
param keyVersion string = ''

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: identityName
  location: location
}

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' = {
  name: vaultName
  location: location
  properties: {
    tenantId: tenant().tenantId
    sku: {
      family: 'A'
      name: 'standard'
    }
    enableSoftDelete: true
    softDeleteRetentionInDays: 90
    enablePurgeProtection: true
    enableRbacAuthorization: true
  }
}

resource key 'Microsoft.KeyVault/vaults/keys@2026-02-01' = {
  name: '${vaultName}/${keyName}'
  properties: {
    kty: 'RSA'
    keySize: 2048
    keyOps: [
      'wrapKey'
      'unwrapKey'
    ]
    attributes: {
      enabled: true
    }
  }
  dependsOn: [
    vault
  ]
}

module grant 'cmk-grant.bicep' = {
  name: 'cmk-grant-${uniqueString(registryName)}'
  params: {
    principalId: identity.properties.principalId
    scope: vault.id
  }
  dependsOn: [
    identity
    vault
  ]
}

@batchSize(1)
resource grantWait 'Microsoft.Resources/deployments@2025-04-01' = [for index in range(0, grantWaits): {
  name: 'cmk-wait-${uniqueString(registryName)}-${index}'
  properties: {
    mode: 'Incremental'
    template: {
      '$schema': 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#'
      contentVersion: '1.0.0.0'
      resources: []
    }
  }
  dependsOn: [
    grant
  ]
}]

resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' = {
  name: registryName
  location: location
  sku: {
    name: 'Premium'
  }
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: {
      '${identity.id}': {}
    }
  }
  properties: {
    encryption: {
      status: 'enabled'
      keyVaultProperties: {
        identity: identity.properties.clientId
        keyIdentifier: (rotation == 'auto') ? key.properties.keyUri : (empty(keyVersion) ? key.properties.keyUriWithVersion : format('{0}/{1}', key.properties.keyUri, keyVersion))
      }
    }
  }
  dependsOn: [
    identity
    vault
    key
    grantWait
  ]
}

output registryId string = registry.id

output loginServer string = registry.properties.loginServer

output keyIdentifier string = registry.properties.encryption.keyVaultProperties.keyIdentifier

output encryption object = registry.properties.encryption
