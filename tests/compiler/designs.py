"""Designs of integer graphs alone, whether they can be proven or not."""

from compiler.graph.graph import Graph
from compiler.graph.integers import as_integers
from compiler.placement.prepared import Prepared
from compiler.quantize.precision import Precision
from compiler.ranges.proven import facts_of
from compiler.rules import Design
from hw_models.chip import Chip

EMPTY = Graph((), {}, {})


def examined(graph: Graph, chip: Chip) -> Prepared:
    """What rules look at of an integer graph, without its proof."""
    return Prepared(facts_of(as_integers(graph)), chip)


def design_of(graph: Graph, chip: Chip) -> Design:
    return Design(chip, EMPTY, (), Precision(), prepared=examined(graph, chip))
