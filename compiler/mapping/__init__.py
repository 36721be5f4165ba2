"""From an integer graph to populations, connections and ticks."""

from compiler.mapping.mapper import map_network
from compiler.mapping.network import Connection, MappedNetwork, Population, Port, StateProbe

__all__ = ["Connection", "MappedNetwork", "Population", "Port", "StateProbe", "map_network"]
