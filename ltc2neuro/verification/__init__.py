"""Whether a network still does what its model does."""
