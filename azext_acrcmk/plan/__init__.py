"""The verbs: what has to be done, as data. Pure functions of goal and state."""
