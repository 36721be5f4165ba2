"""From a float graph to integers, to populations, to listings. Imports neither torch nor lava."""
