"""One page."""
