"""Passes over the float graph: each keeps the function and makes it simpler. One pass a file."""
