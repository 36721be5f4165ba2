"""The error function: an S-curve steeper than tanh.

Approximation on loihi2 (cubics, 8 segments, argument with 13 fraction bits): off by at most 2.6e-5 where the result has
16 fraction bits, 3.9e-5 where it has 15. A table of 4096 lines: 3.7e-8.
"""

import math

import numpy as np

from compiler.functions.function import Function, Symmetry, increasing

erf = np.vectorize(math.erf, otypes=[np.float64])

ERF = Function("erf", erf, increasing(erf), Symmetry.ODD, limit=1.0, onnx="out = Erf(x)")
