"""From a float graph to integers: ranges, formats, approximations."""
