"""The commands, a file for each: from a goal and what exists to a plan, its run and a report."""
