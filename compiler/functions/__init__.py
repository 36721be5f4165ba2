"""Element functions, one a file: each has a float formula, a range rule and what its approximation may use."""

from compiler.functions.elu import ELU
from compiler.functions.exp import EXP
from compiler.functions.expm1 import EXPM1
from compiler.functions.function import Function, Symmetry
from compiler.functions.gelu import GELU
from compiler.functions.gelu_tanh import GELU_TANH
from compiler.functions.lecun_tanh import LECUN_TANH
from compiler.functions.reciprocal import RECIPROCAL
from compiler.functions.sigmoid import SIGMOID
from compiler.functions.silu import SILU
from compiler.functions.softplus import SOFTPLUS
from compiler.functions.sqrt import SQRT
from compiler.functions.tanh import TANH

FUNCTIONS: dict[str, Function] = {
    f.name: f for f in (SIGMOID, TANH, LECUN_TANH, EXP, EXPM1, SQRT, RECIPROCAL, SILU, GELU, GELU_TANH, ELU, SOFTPLUS)
}
"""Every element function by its name."""

__all__ = ["FUNCTIONS", "Function", "Symmetry"]
