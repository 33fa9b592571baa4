"""What everything in the sandbox stands on: requests and replies, the clock, rules of firewalls."""
