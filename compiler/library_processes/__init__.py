"""Networks without microcode: from a float graph to populations and connections of Lava's library processes."""
