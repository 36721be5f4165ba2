"""The module of an ONNX model is compared with a stranger's runtime on the file itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from onnx.reference import ReferenceEvaluator

from compiler.running.extra import ONNX
from hw_models.arrays import Floats
from hw_models.errors import BUG, InputError, ProofError
from ltc2neuro.doors.onnx.graph import Array, Graph
from ltc2neuro.doors.onnx.roles import Step
from ltc2neuro.tracing.calling.dtype import model_dtype

ALLOWED = 1e-4
"""of the largest value, or of 1: in float32, two orders of what rounding does in the models of the tests"""


ROWS = 8
LEADING = (3, 4)


def prove_step(path: Path, step: Step, cell: torch.nn.Module) -> None:
    """Compare one step of `cell`, from random samples and states."""
    graph, dtype = step.graph, str(model_dtype(cell)).removeprefix("torch.")
    random = np.random.default_rng(0)
    declared = (graph.shape(graph.inputs[0]) or (None,))[0]
    together = declared if declared and declared > 1 else ROWS
    sizes = (step.features, *step.sizes)
    vectors = graph.inputs[: len(sizes)]
    inputs = {n: random.normal(size=(together, size)).astype(dtype) for n, size in zip(vectors, sizes, strict=True)}
    if step.elapsed:
        shape = graph.shape(graph.inputs[-1])
        inputs[graph.inputs[-1]] = np.ones([together, *(n or 1 for n in shape[1:])] if shape else (), dtype)
    with torch.no_grad():
        x, *states = (torch.from_numpy(inputs[name]) for name in vectors)
        y, new = cell(x, states[0] if len(states) == 1 else tuple(states))
    found = (y, *((new,) if isinstance(new, torch.Tensor) else new))
    compare(path, inputs, graph.outputs, [tensor.numpy() for tensor in found], declared or together)


def prove_sequence(path: Path, graph: Graph, features: int, module: torch.nn.Module) -> None:
    """Compare `module` over random sequences, of the lengths that the file declares."""
    (name,) = graph.inputs
    leading = [n or free for n, free in zip((graph.shape(name) or ())[:2], LEADING, strict=True)]
    x = (
        np.random.default_rng(0)
        .normal(size=(*leading, features))
        .astype(str(model_dtype(module)).removeprefix("torch."))
    )
    with torch.no_grad():
        y = module(torch.from_numpy(x))
    compare(path, {name: x}, graph.outputs, [y.numpy()], len(x))


def compare(
    path: Path, inputs: Mapping[str, Array], outputs: Sequence[str], found: Sequence[Floats], rows: int
) -> None:
    """Compare `found`, what the module made of `inputs`, with what a runtime makes of them, `rows` at a time.

    That is onnxruntime, or onnx's own interpreter where it is not installed or too old for the file. Raises
    `ProofError`, and `InputError` where neither runs it.
    """
    names = list(dict.fromkeys(outputs))
    starts = range(0, max(len(array) for array in inputs.values() if array.ndim), rows)
    parts = [{n: a[start : start + rows] if a.ndim else a for n, a in inputs.items()} for start in starts]
    answers = _run(path, names, parts)
    for name, own in zip(outputs, found, strict=True):
        wanted = np.concatenate([answer[names.index(name)] for answer in answers])
        limit = ALLOWED * max(1.0, float(np.abs(wanted).max(initial=0.0)))
        same = own.shape == wanted.shape
        if not same or not np.allclose(own, wanted, rtol=0.0, atol=limit, equal_nan=True):
            apart = f"{np.abs(own - wanted).max():.3g}" if same else f"in shape: {own.shape} and {wanted.shape}"
            raise ProofError(
                "the module does not compute what the ONNX model does",
                where=f"{path}, {name}",
                numbers=f"the difference is {apart}; {limit:.3g} is allowed",
                advice=BUG,
            )


def _run(path: Path, outputs: list[str], parts: Sequence[Mapping[str, Array]]) -> list[list[Floats]]:
    error: Exception | None = None
    for open_file in (_interpreter,) if ONNX.missing() else (_session, _interpreter):
        try:
            run = open_file(path)
            return [run(outputs, part) for part in parts]
        except Exception as failed:  # each has errors of its own
            error = error or failed
    raise InputError(
        "no runtime of ONNX executes the model", where=str(path), numbers=f"{type(error).__name__}: {error}"
    ) from error


Run: TypeAlias = "Callable[[list[str], Mapping[str, Array]], list[Floats]]"


def _session(path: Path) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda outputs, inputs: [np.asarray(y, np.float64) for y in session.run(outputs, dict(inputs))]


def _interpreter(path: Path) -> Run:
    model = ReferenceEvaluator(str(path))
    return lambda outputs, inputs: [np.asarray(y, np.float64) for y in model.run(outputs, dict(inputs))]
