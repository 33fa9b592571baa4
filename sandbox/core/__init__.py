"""The basics shared by all services: requests and replies, the clock, firewall rules."""
