"""A runtime of ONNX on a stranger's file, in a process of its own: onnxruntime aborts on some malformed files."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from compiler.running.extra import ONNX
from hw_models.arrays import Floats
from hw_models.errors import InputError

if TYPE_CHECKING:  # the child needs no torch, whose import would be nine tenths of its time
    from ltc2neuro.frontends.onnx.ops.graph import Array

DEADLINE = 60.0
"""seconds"""
_CHILD = "from ltc2neuro.frontends.onnx.foreign_runtime import main; main()"


def answers(path: Path, outputs: Sequence[str], parts: Sequence[Mapping[str, Array]]) -> list[list[Floats]]:
    """What a runtime answers to each of the `parts`: onnxruntime, or onnx's own interpreter where that is not
    installed, or too old for the file. Raises `InputError` where neither runs it."""
    named = {f"{number}:{name}": array for number, part in enumerate(parts) for name, array in part.items()}
    given = io.BytesIO()
    np.savez(given, allow_pickle=False, **named)
    problems: list[str] = []
    for runtime in ("onnx",) if ONNX.missing() else ("onnxruntime", "onnx"):
        found, problem = _ask(runtime, path, outputs, given.getvalue())
        if found is not None:
            return [[found[f"{number}:{name}"] for name in outputs] for number in range(len(parts))]
        problems.append(f"{runtime}: {problem}")
    raise InputError("no ONNX runtime executes the model", where=str(path), numbers="; ".join(problems))


def _ask(runtime: str, path: Path, outputs: Sequence[str], given: bytes) -> tuple[dict[str, Floats] | None, str]:
    """The answers of one runtime, or what became of it."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", _CHILD, runtime, str(path.resolve()), *outputs]
    try:
        child = subprocess.run(command, input=given, capture_output=True, timeout=DEADLINE, env=environment)
    except subprocess.TimeoutExpired:
        return None, f"not done after {DEADLINE:g} s"
    if child.returncode < 0:
        return None, f"ended by signal {-child.returncode}"
    if child.returncode:
        return None, child.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    with np.load(io.BytesIO(child.stdout)) as found:
        return {name: np.asarray(found[name], np.float64) for name in found}, ""


def main() -> None:
    """The child: arrays come in on standard input, answers leave on standard output."""
    runtime, path, *outputs = sys.argv[1:]
    with np.load(io.BytesIO(sys.stdin.buffer.read())) as given:
        arrays = {name: given[name] for name in given}
    parts: dict[str, dict[str, Array]] = {}
    for key, array in arrays.items():
        number, _, name = key.partition(":")
        parts.setdefault(number, {})[name] = array
    if runtime == "onnxruntime":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 4
        model = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    else:
        from onnx.reference import ReferenceEvaluator

        model = ReferenceEvaluator(path)
    results = {
        f"{number}:{name}": np.asarray(y)
        for number, part in parts.items()
        for name, y in zip(outputs, model.run(outputs, part), strict=True)
    }
    answer = io.BytesIO()
    np.savez(answer, allow_pickle=False, **results)
    sys.stdout.buffer.write(answer.getvalue())
