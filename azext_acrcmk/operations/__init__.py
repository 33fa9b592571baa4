"""The commands, a file for each: from a goal and what exists to a plan, its run and a report."""

import gc

# A command creates much and drops little of it: to look for garbage as often as Python does by default takes a
# twentieth of its processor time.
gc.set_threshold(50_000)
