"""An Azure on loopback, for trying and testing the extension without a subscription. Never shipped in the wheel."""
