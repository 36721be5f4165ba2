"""Stock connections carry 24-bit messages and 8-bit weights of one sign exactly, `delay` + 1 ticks later."""

from __future__ import annotations

import numpy as np
import pytest

from hw_models.arrays import Integers
from hw_models.errors import LavaError, MissingExtraError

try:
    import compiler.lava.runtime.import_lava  # noqa: F401
except (LavaError, MissingExtraError) as missing:
    pytest.skip(str(missing), allow_module_level=True)

from compiler.lava.processes.host import Sink, Source
from compiler.lava.runtime.connections import synapses
from compiler.lava.runtime.shared_memory import SampleRows, shared
from compiler.lava.runtime.supervise import run_graph
from compiler.mapping.mapped_network import Connection, Port

pytestmark = pytest.mark.timeout(60)


def connection(weights: list[list[int]], delay: int = 0) -> tuple[Connection, Integers]:
    matrix = np.array(weights)
    rows, columns = np.nonzero(matrix)
    shape = (matrix.shape[0], matrix.shape[1])
    return Connection("c", Port(None), Port(None), shape, rows, columns, matrix[rows, columns], delay), matrix


@pytest.mark.parametrize(
    ("weights", "delay"),
    [
        ([[1, 0, 0], [0, 255, 1], [3, 0, 0]], 0),
        ([[-1, 0], [-254, -255]], 0),
        ([[0, 0], [0, 0]], 0),
        ([[1, 0, 2], [0, 0, 255]], 1),
        ([[-3, -1], [0, -255], [0, 0]], 5),
    ],
)
def test_a_connection_is_an_exact_delayed_product(weights: list[list[int]], delay: int) -> None:
    described, matrix = connection(weights, delay)
    extremes = [2**23 - 1, -(2**23), 1, -1, 0]
    x = np.array(
        [[extremes[(k + j * 3) % 5] if k % 2 else 11 * k - 50 + j for j in range(matrix.shape[1])] for k in range(12)]
    )
    sent, arrived = shared(*x.shape), shared(len(x), len(matrix))
    sent[:] = x
    process = synapses(described)
    source = Source(rows=SampleRows(sent, 0, 1))
    sink = Sink(rows=SampleRows(arrived, delay + 1, 1))
    source.out.connect(process.s_in)
    process.a_out.connect(sink.inp)
    run_graph(source, len(x) + delay + 1, deadline_s=20)
    exact = x @ matrix.T
    fits = np.abs(exact).max(axis=1) < 2**31
    assert fits.sum() > 6
    assert np.array_equal(arrived[fits], exact[fits])


def test_large_delayed_matrices_stay_sparse() -> None:
    wide = np.zeros((129, 128), np.int64)
    wide[5, 7] = 200
    described, _ = connection(wide.tolist(), 2)
    assert type(synapses(described)).__name__ == "DelaySparse"


@pytest.mark.parametrize("weights", [[[1, -1]], [[256]], [[-256]]])
def test_weights_that_lava_would_change_are_refused(weights: list[list[int]]) -> None:
    described, _ = connection(weights)
    with pytest.raises(LavaError, match="Lava would change weights"):
        synapses(described)
