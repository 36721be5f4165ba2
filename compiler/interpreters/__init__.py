"""Interpreters: what runs a graph in NumPy, in floats or in integers, and what they have in common."""
