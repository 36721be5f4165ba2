"""The graph: values, ops, blocks; the rules it keeps; its JSON form."""

from compiler.graph.graph import Block, Graph, State, TimeConstant, Value
from compiler.graph.host_map import HostMap
from compiler.graph.integers import IntegerGraph, as_integers
from compiler.graph.ops import Op

__all__ = ["Block", "Graph", "HostMap", "IntegerGraph", "Op", "State", "TimeConstant", "Value", "as_integers"]
