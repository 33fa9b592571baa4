"""Azure Container Registry: registries through Azure Resource Manager, and their login servers."""
