param principalId string
param scope string

resource vault 'Microsoft.KeyVault/vaults@2026-02-01' existing = {
  name: split(scope, '/')[8]
}

resource role 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(scope, principalId, 'e147488a-f6f5-4113-8e2d-b22465e65bf6')
  scope: vault
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', 'e147488a-f6f5-4113-8e2d-b22465e65bf6')
    principalId: principalId
    principalType: 'ServicePrincipal'
  }
}
