"""From a model to a network."""
