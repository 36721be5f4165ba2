"""From an integer graph to populations, connections and ticks."""
