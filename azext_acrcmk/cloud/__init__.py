"""The only package that calls Azure. Accepts and returns the dataclasses of `model`."""
