"""The hyperbolic tangent.

Approximation on loihi2 (cubics, 8 segments, argument with 13 fraction bits): off by at most 3.9e-5 where the result has
16 fraction bits, 5.5e-5 where it has 15. A table of 4096 lines: 1.3e-7.
"""

import numpy as np

from compiler.functions.function import Function, Symmetry, increasing

TANH = Function("tanh", np.tanh, increasing(np.tanh), Symmetry.ODD, limit=1.0, onnx="out = Tanh(x)")
