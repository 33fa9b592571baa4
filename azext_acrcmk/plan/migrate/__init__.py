"""What a migration copies, leaves and compares. Pure."""
