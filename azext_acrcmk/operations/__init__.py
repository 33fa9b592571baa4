"""What each command does, a file for each: from a goal to what exists, to a plan, to its run, to a report."""
