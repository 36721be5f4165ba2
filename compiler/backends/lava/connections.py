"""A connection of the mapped network as one of Lava's stock processes, its weights proved to survive."""

from __future__ import annotations

import compiler.backends.lava.door  # noqa: F401  # isort: skip  # opens Lava

import math

import numpy as np
from lava.proc.dense.process import DelayDense
from lava.proc.sparse.process import DelaySparse, Sparse
from lava.utils.weightutils import SignMode, clip_weights, truncate_weights
from scipy.sparse import csr_matrix

from compiler.mapping.network import Connection, Integers
from hw_models.errors import LavaError

WEIGHT_BITS = 8
MESSAGE_BITS = 24
SMALL = 2**14
"""Up to so many elements DelayDense is faster: DelaySparse takes its matrix apart again in every tick."""


def synapses(connection: Connection) -> Sparse | DelaySparse | DelayDense:
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
    if connection.delay == 0:
        return Sparse(weights=weights, **options)
    delays = _matrix(connection, np.full_like(connection.weights, connection.delay))
    options["max_delay"] = connection.delay
    if math.prod(connection.shape) <= SMALL:
        return DelayDense(weights=weights.toarray(), delays=delays.toarray(), **options)
    return DelaySparse(weights=weights, delays=delays, **options)


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
            advice="This is a fault of the mapping.",
        )
