"""An Azure emulator on loopback, for trying and testing the extension without a subscription. Not part of the wheel."""
