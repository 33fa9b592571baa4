"""What the steps of a plan do, and what they hand on to the steps that wait for them."""
