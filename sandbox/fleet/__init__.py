"""Fleets of registries with everything that they stand on, seeded at once, with known damage."""
