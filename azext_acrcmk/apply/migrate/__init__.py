"""The work of a migration in Azure: lists both registries, imports what is missing, writes what import leaves."""
