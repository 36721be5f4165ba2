"""`on="onnx"`: the integer graph in onnxruntime, which nobody here wrote. This imports neither it nor onnx."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from compiler.interpreters.execution import Clip, Execution
from compiler.ranges.proven import Proven
from compiler.running.executor import Compiled, Executor, Job, Runner, Shows
from compiler.running.extra import ONNX as PACKAGES
from hw_models.arrays import Array

if TYPE_CHECKING:
    from compiler.onnx.sample import ClipSite


def prepare_onnx(proven: Proven) -> Runner:
    """An integer graph, loaded into onnxruntime."""
    from onnxruntime import InferenceSession, SessionOptions  # pyright: ignore[reportAttributeAccessIssue]

    from compiler.onnx.exports import IntegerExport

    graph, program = proven.graph, IntegerExport(proven=proven, extremes=True)
    options = SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # what its optimizer could not do does not concern the user
    model = program.sequence(given=True).SerializeToString()
    session = InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]
    outs = graph.size(graph.answer.x)
    states = {s.name: program.carried[s.name].start for s in graph.states}

    def run(job: Job) -> Execution:
        rows, start = len(job.x), states if job.state is None else job.state
        given = {n: np.broadcast_to(s, (rows, graph.state(n).size)) for n, s in start.items()}
        if not job.x.shape[1]:  # onnxruntime scans no empty axis
            none = {n: np.zeros((rows, 0, a.shape[1]), np.int64) for n, a in given.items()}
            return Execution(np.zeros((rows, 0, outs), np.int64), none, {}, {}, given)
        inputs = [job.x, *(given[name] for name in states)]
        found = session.run(None, {n: np.asarray(a, np.int64) for n, a in zip(names, inputs, strict=True)})
        outputs, *rest = map(np.asarray, found)
        tracks = dict(zip(states, rest, strict=False))
        ends = dict(zip(program.carried, rest[len(states) :], strict=True))
        clipped = [site for site in program.sites.values() if ends[site.count].any()]
        return Execution(
            outputs,
            tracks,
            {},
            {site.value: int(ends[site.count].sum()) for site in clipped},
            {name: ends[name] for name in states},
            {site.value: _clip(site, ends) for site in clipped if site.ends},
        )

    return run


def _clip(site: ClipSite, ends: Mapping[str, Array]) -> Clip:
    low, high = (ends[name] for name in site.reached)
    return Clip(ends[site.count].sum(axis=0), low.min(axis=0), high.max(axis=0))


ONNX: Executor[Compiled] = Executor(
    "onnx",
    "the integer graph as an ONNX model, in onnxruntime",
    lambda net: prepare_onnx(net.proven),
    shows=Shows.STATES,
    counts=True,
    needs=PACKAGES,
    part=256,
)
