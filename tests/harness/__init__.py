"""The foundation of the tests: the real `az`, a sandbox, its contents, and sample values."""
