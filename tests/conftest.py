"""Shared by all tests."""

from hypothesis import settings

# No deadline: a machine that is busy with something else is no fault of the code.
settings.register_profile("acrcmk", deadline=None)
settings.load_profile("acrcmk")
