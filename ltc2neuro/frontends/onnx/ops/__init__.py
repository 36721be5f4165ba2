"""ONNX's operators, each as an expression of torch: `RULES[op](node, *inputs)`; an input left out is None."""

from hw_models.errors import InputError
from ltc2neuro.frontends.onnx.ops import elementwise, linear, reductions, shapes
from ltc2neuro.frontends.onnx.ops.graph import Node
from ltc2neuro.frontends.onnx.ops.rule import Rule

RULES: dict[str, Rule] = {**elementwise.RULES, **linear.RULES, **reductions.RULES, **shapes.RULES}


def rule_of(node: Node) -> Rule:
    """The rule of a node. Raises `InputError` where its operator has none."""
    if node.op in RULES:
        return RULES[node.op]
    raise InputError(
        f"the operator {node.op} is not supported",
        where=node.name,
        advice="docs/onnx.md lists those that are. What depends on the input alone can be computed before the network, "
        "what comes last after it.",
    )
