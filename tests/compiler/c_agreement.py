"""What a graph returns as C, as a real compiler builds it, must be what the reference does."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from compiler.c99.program import program
from compiler.graph import Graph
from compiler.graph.integers import as_integers
from compiler.interpreters.reference import run_reference
from compiler.ranges.proven import facts_of

COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
STRICT = ("-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-fsanitize=undefined", "-fno-sanitize-recover=all")
DRIVER = """
#include <stdio.h>
int main(void)
{
    word in[INPUTS], out[OUTPUTS];
    reset();
    while (fread(in, sizeof(word), INPUTS, stdin) == INPUTS) {
        step(in, out);
        fwrite(out, sizeof(word), OUTPUTS, stdout);
        fwrite(states(), sizeof(word), STATES, stdout);
    }
    return 0;
}
"""
SECONDS = 60


def c_agrees(graph: Graph, x: np.ndarray, bits: int = 32, compiler: str = "", optimized: str = "-O0") -> np.ndarray:
    """Outputs over integers (batch, time, features), equal to the reference's, and so are states after each sample."""
    if not COMPILERS:
        pytest.skip("no compiler of C is installed")
    known = facts_of(as_integers(graph))
    known = replace(known, bits=max(bits, known.bits))
    expected = run_reference(graph, x)
    dtype, outs = np.dtype(f"int{known.bits}"), expected.outputs.shape[2]
    with tempfile.TemporaryDirectory() as folder:
        source, binary = Path(folder, "net.c"), Path(folder, "net")
        source.write_text(program(known).text + DRIVER)
        built = subprocess.run(
            [compiler or COMPILERS[0], *STRICT, optimized, "-o", str(binary), str(source)],
            capture_output=True, text=True, timeout=SECONDS,
        )  # fmt: skip
        assert built.returncode == 0, built.stderr
        rows = []
        for sequence in np.asarray(x):
            run = subprocess.run([binary], input=sequence.astype(dtype).tobytes(), capture_output=True, timeout=SECONDS)
            assert run.returncode == 0, run.stderr
            rows.append(np.frombuffer(run.stdout, dtype).reshape(len(sequence), -1))
    found = np.array(rows)
    states = np.concatenate([expected.states[s.name] for s in known.graph.states] or [found[..., :0]], axis=2)
    assert np.array_equal(found[..., :outs], expected.outputs)
    assert np.array_equal(found[..., outs:], states)
    return found[..., :outs]
