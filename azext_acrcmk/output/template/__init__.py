"""A plan as a text that others carry out: a Resource Manager template, Bicep, Terraform, or a script."""
