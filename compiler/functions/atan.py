"""The arc tangent: approximated over the interval that its argument lies in, for it is far from its limit for long.

Approximation on loihi2 (cubics, 8 segments, 13 and 16 fraction bits): off by at most 2e-5 over -4..4.
"""

import numpy as np

from compiler.functions.function import Function, Symmetry, increasing

ATAN = Function("atan", np.arctan, increasing(np.arctan), Symmetry.ODD, onnx="out = Atan(x)")
