"""Azure Resource Graph: queries over all subscriptions, on a copy of the world that lags behind it."""
