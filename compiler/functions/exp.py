"""The exponential function: approximated over the interval that its argument lies in, with a constant far below 0.

Approximation on loihi2 (cubics, 8 segments, 13 and 16 fraction bits): off by at most 4.3e-5 over -12..0, 3e-4 over
-12..2. A table of 4096 lines: 5.4e-7 and 5.4e-6.
"""

import numpy as np

from compiler.functions.function import Function, increasing

EXP = Function("exp", np.exp, increasing(np.exp), limit_below=0.0, onnx="out = Exp(x)")
