"""What commands hand out: documents for people and machines. Pure."""
