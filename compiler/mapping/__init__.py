"""From an integer graph to populations, connections and ticks."""

from compiler.mapping.mapped_network import Connection, MappedNetwork, Population, Port, StateMonitor
from compiler.mapping.mapper import map_network
from compiler.mapping.options import Options, Overlap

__all__ = ["Connection", "MappedNetwork", "Options", "Overlap", "Population", "Port", "StateMonitor", "map_network"]
