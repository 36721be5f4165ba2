"""Element functions, one a file: each has a float formula, a range rule and what its approximation may use."""

from compiler.functions.asin import ASIN
from compiler.functions.atan import ATAN
from compiler.functions.cos import COS
from compiler.functions.cosh import COSH
from compiler.functions.elu import ELU
from compiler.functions.erf import ERF
from compiler.functions.exp import EXP
from compiler.functions.expm1 import EXPM1
from compiler.functions.function import Function, Symmetry
from compiler.functions.gelu import GELU
from compiler.functions.gelu_tanh import GELU_TANH
from compiler.functions.lecun_tanh import LECUN_TANH
from compiler.functions.log import LOG
from compiler.functions.log1p import LOG1P
from compiler.functions.reciprocal import RECIPROCAL
from compiler.functions.sawtooth import SAWTOOTH
from compiler.functions.sigmoid import SIGMOID
from compiler.functions.silu import SILU
from compiler.functions.sin import SIN
from compiler.functions.sinh import SINH
from compiler.functions.softplus import SOFTPLUS
from compiler.functions.sqrt import SQRT
from compiler.functions.tan import TAN
from compiler.functions.tanh import TANH

FUNCTIONS: dict[str, Function] = {
    f.name: f
    for f in (
        SIGMOID, TANH, LECUN_TANH, EXP, EXPM1, SQRT, RECIPROCAL, SILU, GELU, GELU_TANH, ELU, SOFTPLUS, LOG, LOG1P,
        SIN, COS, TAN, ASIN, ATAN, SINH, COSH, ERF, SAWTOOTH,
    )
}  # fmt: skip
"""Every element function by its name."""

__all__ = ["FUNCTIONS", "Function", "Symmetry"]
