"""From an integer graph to populations, connections and ticks."""

from compiler.mapping.mapper import map_network
from compiler.mapping.network import Connection, MappedNetwork, Population, Port, StateProbe
from compiler.mapping.options import Options, Overlap

__all__ = ["Connection", "MappedNetwork", "Options", "Overlap", "Population", "Port", "StateProbe", "map_network"]
