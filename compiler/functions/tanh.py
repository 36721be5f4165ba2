"""The hyperbolic tangent."""

import numpy as np

from compiler.functions.function import Function, Symmetry, increasing

TANH = Function("tanh", np.tanh, increasing(np.tanh), Symmetry.ODD, tail=6.3)
