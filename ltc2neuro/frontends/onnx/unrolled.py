"""Graphs in which an exporter wrote the loop over the samples out, for sequences of one length: they are refused."""

from __future__ import annotations

from hw_models.errors import TraceError
from ltc2neuro.frontends.onnx.ops.graph import Graph, Node

EXPORT_OF_A_STEP = """\
class Step(torch.nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def forward(self, x, h):
        return self.cell(x, h, 1.0)  # the answer and the new state

step = Step(model.rnn_cell)
samples = (torch.zeros(1, {features}), torch.zeros(1, model.state_size))
names = dict(input_names=["x", "h"], output_names=["y", "h2"])
torch.onnx.export(step, samples, "step.onnx", **names)
layer = ltc2neuro.from_onnx("step.onnx", states={{"h": "h2"}})"""
"""Lines that export the step of an LTC or CfC of ncps"""

_SHAPES = ("Shape", "Size")


def refuse_unrolled(graph: Graph) -> None:
    """Raise `TraceError` where several single steps are taken out of a sequence."""
    features = (graph.shape(graph.inputs[0]) or (None,))[-1]
    depends = {*graph.inputs}
    taken = [0]
    for node in graph.nodes:
        if not isinstance(node, Node) or node.op in _SHAPES or not depends.intersection(node.inputs):
            continue
        depends.update(node.outputs)
        taken.append(_taken(node, graph))
    if sum(taken) > 1:
        raise TraceError(
            "the loop over the samples is written out in this ONNX model",
            numbers=f"{sum(taken)} single steps are taken out of sequences, in {len(graph.nodes)} nodes",
            advice="It would run for sequences of that length alone. Export one step of the model; for a layer of ncps "
            "as it is below, for others with what takes a sample and the state and returns the answer and the new "
            f"state:\n\n{EXPORT_OF_A_STEP.format(features=features)}",
        )


def _taken(node: Node, graph: Graph) -> int:
    """How many pieces along one of its first two axes a node takes out of a sequence.

    Of a value without a known shape only single steps are looked for.
    """
    shape = graph.shape(node.inputs[0])
    if node.op == "Gather" and shape is None:
        return int(node.whole("axis", 0) in (0, 1) and graph.shape(node.inputs[1]) == ())
    if shape is None or len(shape) < 3:
        return 0
    lengths = (None, *(n for name in graph.inputs for n in (graph.shape(name) or ())[:2]))
    along = [axis for axis in (0, 1) if shape[axis] in lengths]  # others are of images: channels
    if node.op == "Gather":
        return int(node.whole("axis", 0) % len(shape) in along and graph.shape(node.inputs[1]) == ())
    if node.op == "Split":
        return len(node.outputs) if node.whole("axis", 0) % len(shape) in along else 0
    if node.op == "Slice":
        axes = graph.constants.get(node.inputs[3]) if len(node.inputs) > 3 else None
        return int(axes is not None and any(int(axis) % len(shape) in along for axis in axes.reshape(-1).tolist()))
    return 0
