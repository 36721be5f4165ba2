"""The mapped network's connections as Lava's stock processes, weights proved to survive, no part left alone."""

from __future__ import annotations

from hw_models.arrays import Integers

import compiler.lava.runtime.import_lava  # noqa: F401  # isort: skip  # opens Lava

import math

import numpy as np
from lava.proc.dense.process import DelayDense, Dense
from lava.proc.sparse.process import DelaySparse, Sparse
from lava.utils import loihi
from lava.utils.weightutils import SignMode, clip_weights, truncate_weights
from scipy.sparse import csr_matrix

from compiler.mapping.mapped_network import Connection, MappedNetwork, Port
from hw_models.errors import BUG, LavaError

WEIGHT_BITS = 8
MESSAGE_BITS = 24
FEW, SMALL = 2**12, 2**14
"""Up to so many elements NumPy's whole matrix is faster than SciPy's; and DelayDense than DelaySparse, which takes its
matrix apart in every tick."""


def synapses(connection: Connection) -> Dense | Sparse | DelaySparse | DelayDense:
    """The process with ports `s_in` and `a_out` that multiplies by the connection's weights, `delay` + 1 ticks later.

    The sign is given, never left to Lava to find: with mixed signs it would drop the weights' last bit. Raises
    `LavaError` where a weight would not arrive unchanged.
    """
    sign = SignMode.INHIBITORY if np.any(connection.weights < 0) else SignMode.EXCITATORY
    options = {
        "num_weight_bits": WEIGHT_BITS,
        "num_message_bits": MESSAGE_BITS,
        "sign_mode": sign,
        "name": f"connection {connection.name}",
    }
    weights = _matrix(connection, connection.weights)
    _check(np.asarray(weights.data, np.int64), sign, connection.name)
    elements = math.prod(connection.shape)
    if connection.delay == 0 and (elements > FEW or loihi.host is not None):  # a chip may store each weight of a Dense
        return Sparse(weights=weights, **options)
    if connection.delay == 0:
        return Dense(weights=weights.toarray(), **options)
    delays = _matrix(connection, np.full_like(connection.weights, connection.delay))
    options["max_delay"] = connection.delay
    if elements <= SMALL:
        return DelayDense(weights=weights.toarray(), delays=delays.toarray(), **options)
    return DelaySparse(weights=weights, delays=delays, **options)


INPUT, OUTPUT = "the network's input", "the network's output"


def links(network: MappedNetwork) -> list[Connection]:
    """Connections without synapses, to the output, from each part of the network that nothing joins to the output.

    A state that neither depends on the input nor reaches the output is such a part. Lava runs a graph that falls apart,
    but some of its messages never arrive, without an error.
    """
    edges = [{c.source.population or INPUT, c.target.population or OUTPUT} for c in network.connections]
    joined = _joined(OUTPUT, edges)
    found = []
    none = np.zeros(0, np.int64)
    for name, size in {INPUT: network.input_size, **{p.name: p.size for p in network.populations}}.items():
        if name not in joined:
            source = Port(None if name == INPUT else name)
            shape = (network.output_size, size)
            found.append(Connection(f"{name} -> output, no synapses", source, Port(None), shape, none, none, none))
            joined |= _joined(name, edges)
    return found


def _joined(start: str, edges: list[set[str]]) -> set[str]:
    """All that hangs together with `start`."""
    joined, grown = {start}, True
    while grown:
        more = set().union(*(edge for edge in edges if edge & joined)) - joined
        joined, grown = joined | more, bool(more)
    return joined


def _matrix(connection: Connection, values: Integers) -> csr_matrix:
    return csr_matrix((values, (connection.rows, connection.columns)), shape=connection.shape, dtype=np.int64)


def _check(weights: Integers, sign: SignMode, name: str) -> None:
    """Do to the weights what Lava's model does to them before its first tick."""
    clipped = clip_weights(weights, sign, num_bits=WEIGHT_BITS)
    kept = truncate_weights(clipped, sign, WEIGHT_BITS)
    if not np.array_equal(np.asarray(kept), weights):
        raise LavaError(
            "Lava would change weights of the connection",
            where=name,
            numbers=f"weights {weights.min()} to {weights.max()}; one sign and {WEIGHT_BITS} bits pass unchanged",
            advice=BUG,
        )
