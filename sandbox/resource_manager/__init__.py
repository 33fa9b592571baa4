"""Azure Resource Manager: its own checks, groups, providers, roles, policies."""
