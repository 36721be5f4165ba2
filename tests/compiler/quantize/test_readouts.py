"""Readouts behind conductances, whose weights are split by default."""

import numpy as np
import pytest

from compiler.graph import Block, Graph, State, Value
from compiler.graph.ops import Add, Apply, Input, MatVec, Mul, Op, Output, StateRead, StateWrite
from compiler.quantize.precision import Precision
from compiler.quantize.readouts import with_split_readouts
from compiler.quantize.to_integers import quantize
from hw_models.chip import load_chip


def _network(matrix_first: bool) -> Graph:
    """v <- 0.9 v + 0.1 tanh(x), or of M x, and a readout W v."""
    rng = np.random.default_rng(0)
    constants = {n: np.full(4, c) for n, c in {"one": 1.0, "zero": 0.0, "keep": 0.9, "take": 0.1}.items()}
    constants |= {"M": rng.normal(size=(4, 4)), "W": rng.normal(size=(4, 4)), "low": -constants["one"]}
    ops: list[Op] = [Input("x", "one", "zero"), StateRead("v", "s")]
    ops += [MatVec("m", ("x",), "M")] if matrix_first else []
    ops += [Apply("t", "m" if matrix_first else "x", "tanh"), Mul("kept", "v", "keep"), Mul("taken", "t", "take")]
    ops += [Add("new", "kept", "taken"), StateWrite("s", "new"), MatVec("y", ("new",), "W"), Output("y", "one", "zero")]
    values = {op.result: Value(op.result, 4) for op in ops if op.result is not None}
    return Graph((Block("all", tuple(ops)),), values, constants, (State("s", 4, "zero", low="low", high="one"),))


def _matrices(graph: Graph, precision: Precision) -> int:
    x = np.random.default_rng(1).normal(size=(3, 20, 4))
    return sum(isinstance(op, MatVec) for _, op in quantize(graph, list(x), load_chip("loihi2"), precision).ops())


def test_a_readout_of_states_that_meet_no_matrix_is_split() -> None:
    graph = _network(matrix_first=False)
    assert with_split_readouts(graph, Precision()).at("y").split_weights
    assert _matrices(graph, Precision()) == 2
    assert _matrices(graph, Precision(split_readouts=False)) == 1


def test_one_of_states_that_a_matrix_makes_is_not() -> None:
    assert _matrices(_network(matrix_first=True), Precision()) == 2


@pytest.mark.parametrize("glob", ["y", "*"])
def test_an_override_of_the_user_holds(glob: str) -> None:
    precision = Precision(overrides={glob: {"split_weights": False}})
    assert not with_split_readouts(_network(matrix_first=False), precision).at("y").split_weights


def test_what_a_state_takes_keeps_all_its_bits() -> None:
    """0.9 v is computed of all of v's bits: narrowed to 17, it would be lost at each step what is below."""
    integers = quantize(
        _network(matrix_first=False), list(np.ones((1, 5, 4))), load_chip("loihi2"), Precision(margin=1.0)
    )
    assert {"kept.upper", "kept.lower"} <= integers.values.keys()
    narrow = quantize(
        _network(matrix_first=False), list(np.ones((1, 5, 4))), load_chip("loihi2"), Precision(wide_products=False)
    )
    assert "kept.upper" not in narrow.values
