"""Element functions, one a file: each has a float formula, a range rule and what its approximation may use."""

from compiler.functions.function import Function, Symmetry
from compiler.functions.sigmoid import SIGMOID
from compiler.functions.tanh import TANH

FUNCTIONS: dict[str, Function] = {f.name: f for f in (SIGMOID, TANH)}
"""Every element function by its name."""

__all__ = ["FUNCTIONS", "Function", "Symmetry"]
