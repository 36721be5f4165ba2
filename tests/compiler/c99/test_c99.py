"""C that strict compilers build returns the reference's integers, without undefined behaviour."""

from __future__ import annotations

import re

import numpy as np
import pytest
from c_agreement import COMPILERS, c_agrees
from graph_strategies import SMALL, Builder, integer_graphs
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.c99.program import HELPERS, program
from compiler.ranges.proven import facts_of

pytestmark = pytest.mark.skipif(not COMPILERS, reason="no compiler of C is installed")
few = settings(max_examples=10, deadline=None, derandomize=True, database=None)
SHAPES = [(compiler, level) for compiler in COMPILERS for level in ("-O0", "-O2")]


@few
@given(graph=integer_graphs(), seed=st.integers(0, 2**32 - 1), bits=st.sampled_from([32, 64]))
def test_random_graphs(graph, seed, bits):
    size = graph.size(graph.entry.out)
    x = np.random.default_rng(seed).integers(-SMALL, SMALL + 1, (2, 5, size))
    c_agrees(graph, x, bits, *SHAPES[seed % len(SHAPES)])


@pytest.mark.parametrize("name", ["in", "int", "step", "m", "x", "a b.c'", "1", "word", "k"])
def test_names_that_are_words_of_c(name):
    b = Builder()
    x = b.input(3)
    b.output(b.add(x, b.constant([1, 2, 3], name)))
    b.block("sample")
    c_agrees(b.graph(), np.arange(6).reshape(1, 2, 3))


def test_what_it_takes_is_said():
    b = Builder()
    b.output(b.add(b.input(3), b.constant([1, 2, 300])))
    b.block("sample")
    made = program(facts_of(b.graph()))
    assert made.constants == 6  # three of 16 bits
    assert made.ram == 4 * int(made.text.split("static word m[")[1].split("]")[0])
    assert made.operations > 0
    assert "malloc" not in made.text and "double" not in made.text and "float" not in made.text


def test_functions_that_nothing_calls_are_left_out():
    b = Builder()
    b.output(b.rescale(b.input(3), 4, -SMALL, SMALL))
    b.block("sample")
    text = program(facts_of(b.graph())).text
    called = {name: len(re.findall(rf"\b{name}\(", text)) for name in HELPERS if f"word {name}(" in text}
    assert called and min(called.values()) > 1, "clang refuses what is defined and not called, with -Wall -Werror"
    assert "word shift(" not in text
