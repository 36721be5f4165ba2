"""Designs of integer graphs alone, whether they can be proven or not."""

from compiler.graph.graph import Graph
from compiler.graph.integers import as_integers
from compiler.placement.prepared import Prepared
from compiler.quantize.precision import Precision
from compiler.ranges.integer_spans import find_spans
from compiler.ranges.proven import Proven
from compiler.rules import Design
from hw_models.chip import Chip

EMPTY = Graph((), {}, {})


def unproven(graph: Graph) -> Proven:
    """What rules look at of an integer graph, without its proof."""
    integers = as_integers(graph)
    return Proven(integers, find_spans(integers), {}, {}, ())


def design_of(graph: Graph, chip: Chip) -> Design:
    return Design(chip, EMPTY, (), Precision(), prepared=Prepared(unproven(graph), chip))
