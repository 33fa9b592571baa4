"""Defaults and values that help texts name; apart, because `-h` imports nothing else of the package."""

# How long to wait for a new grant to take effect, in seconds: Azure says up to ten minutes (service facts 4.4).
GRANT_TIMEOUT = 900

# A key counts as expiring this many days before its expiry.
EXPIRY_DAYS = 30

# In what `az acr cmk template` writes.
FORMATS = ("arm", "bicep", "azurerm", "azapi", "sh", "form")
JSON_FORMATS = ("arm", "form")

# How much `az acr cmk list` reads.
REGISTRY_DEPTH, KEY_DEPTH, LIVE_DEPTH = DEPTHS = ("registry", "key", "live")
# In what health it finds registries, the worst first.
HEALTHS = ("broken", "unknown", "attention", "notLoaded", "notEncrypted", "healthy")
