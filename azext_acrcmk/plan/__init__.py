"""Plans: the changes to make, as data. Pure functions of goal and state."""
