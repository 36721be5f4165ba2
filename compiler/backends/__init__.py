"""Executors: each runs a graph in its own way, and all integer ones return the same integers."""
