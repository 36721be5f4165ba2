"""ONNX's operators, each as an expression of torch: `RULES[op](node, *inputs)`; an input left out is None."""

from ltc2neuro.doors.onnx.ops import elementwise, linear, reductions, shapes
from ltc2neuro.doors.onnx.ops.rule import Rule

RULES: dict[str, Rule] = {**elementwise.RULES, **linear.RULES, **reductions.RULES, **shapes.RULES}
