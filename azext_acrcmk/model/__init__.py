"""The nouns: ids, goals and states as plain, immutable values. Imports nothing from Azure."""
