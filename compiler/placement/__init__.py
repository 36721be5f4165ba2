"""Placement: which core holds which neurons, and what happens on each core in each tick."""
