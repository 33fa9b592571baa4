"""Azure Key Vault: vaults and managed HSMs through Azure Resource Manager, and their keys."""
