"""Machine code returns the reference's integers, in each shape of code that this CPU runs."""

from __future__ import annotations

import os
import threading
from dataclasses import replace

import numpy as np
import pytest
from graph_strategies import SMALL, Builder, integer_graphs
from hypothesis import given, settings
from hypothesis import strategies as st
from native_agreement import machines, native_agrees

pytest.importorskip("llvmlite", reason="needs the extra native")

from compiler.graph import IntegerGraph
from compiler.interpreters.reference import run_reference
from compiler.native import cache, call
from compiler.native.build import compiled
from compiler.native.cpu import Cpu
from compiler.native.executor import NativeRunner
from compiler.native.kernel import kernel
from compiler.ranges.proven import facts_of
from compiler.running.executor import Job

few = settings(max_examples=12, deadline=None, derandomize=True, database=None)
MACHINES = machines()


@pytest.fixture(autouse=True, scope="module")
def own_cache(tmp_path_factory):
    """Nothing is found that another version has compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(cache.FOLDER, str(tmp_path_factory.mktemp("objects")))
        yield


def numbers(graph: IntegerGraph, seed: int, batch: int = 3, time: int = 4) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Samples and states from all that they may be."""
    rng = np.random.default_rng(seed)
    forms = {s.name: (s.size, graph.state_format(s.name)) for s in graph.states}
    states = {n: rng.integers(f.low, f.high + 1, (batch, size)) for n, (size, f) in forms.items()}
    return rng.integers(-SMALL, SMALL + 1, (batch, time, graph.size(graph.entry.out))), states


@few
@given(graph=integer_graphs(), seed=st.integers(0, 2**32 - 1), bits=st.sampled_from([32, 64]))
def test_random_graphs(graph, seed, bits):
    x, states = numbers(graph, seed)
    native_agrees(graph, x, bits, states if seed % 2 else None, MACHINES[seed % len(MACHINES)])


@few
@given(graph=integer_graphs(), seed=st.integers(0, 2**32 - 1), few_of_them=st.sampled_from([0, 3]))
def test_any_value_is_recorded(graph, seed, few_of_them):
    x, states = numbers(graph, seed)
    names = sorted(graph.values) * 2
    expected = run_reference(graph, x, states, names)
    found = NativeRunner(facts_of(graph), few=few_of_them)(Job(x, states, names))
    assert found.record.keys() == expected.record.keys()
    for name, values in expected.record.items():
        assert np.array_equal(found.record[name], values), name


def running_sum() -> IntegerGraph:
    """A state that takes the input up, and is clipped."""
    b = Builder()
    x = b.input(3)
    b.state("s", np.zeros(3, np.int64), -SMALL, SMALL)
    after = b.rescale(b.add(b.read("s"), x), 0, -SMALL, SMALL)
    b.write("s", after)
    b.output(after)
    b.block("sample")
    return b.graph()


def test_states_may_start_from_the_same_constant():
    b = Builder()
    x = b.input(3)
    for name in ("s", "t"):
        b.state(name, np.array([5, 7, -9]), -SMALL, SMALL)
        b.write(name, b.rescale(b.add(b.read(name), x), 0, -SMALL, SMALL))
    b.output(x)
    b.block("sample")
    graph = b.graph()
    first = graph.states[0].initial
    graph = replace(graph, states=tuple(replace(state, initial=first) for state in graph.states))
    native_agrees(graph, np.full((3, 2, 3), 11))


@pytest.mark.parametrize(("batch", "time"), [(0, 3), (1, 0), (1, 1), (2, 5), (3, 1), (65, 3), (200, 2)])
def test_any_number_of_sequences_and_samples(batch, time):
    native_agrees(running_sum(), np.full((batch, time, 3), 1000))


@pytest.mark.parametrize("part", [1, 20_000, 2**23])
@pytest.mark.parametrize("threads", [1, 2, 4, None])
def test_parts_of_a_batch_run_in_threads(monkeypatch, threads, part):
    """The same integers and counts as one after another, a group, a few or all at a time."""
    monkeypatch.setattr(call, "PART", part)
    x = np.random.default_rng(0).integers(-SMALL, SMALL, (300, 9, 3))
    expected = run_reference(running_sum(), x)
    found = NativeRunner(facts_of(running_sum()))(Job(x, threads=threads))
    assert np.array_equal(found.outputs, expected.outputs)
    assert found.saturations == expected.saturations


def test_an_object_is_compiled_once(monkeypatch, tmp_path):
    monkeypatch.setenv(cache.FOLDER, str(tmp_path))
    made = []

    def make():
        made.append(1)
        return b"object"

    assert [cache.cached("key", make), cache.cached("key", make)] == [b"object"] * 2
    assert made == [1]


@pytest.mark.parametrize("damage", [b"", b"short", b"x" * 100])
def test_a_damaged_object_is_compiled_again(monkeypatch, tmp_path, damage):
    monkeypatch.setenv(cache.FOLDER, str(tmp_path))
    cache.cached("key", lambda: b"object")
    (tmp_path / "key.o").write_bytes(damage)
    assert cache.cached("key", lambda: b"again") == b"again"
    assert cache.cached("key", lambda: b"never") == b"again"


def test_a_folder_that_cannot_be_written_costs_time_only(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(cache.FOLDER, str(tmp_path / "file"))
    assert cache.cached("key", lambda: b"object") == b"object"


def test_a_folder_that_is_only_read_is_used(monkeypatch, tmp_path):
    monkeypatch.setenv(cache.FOLDER, str(tmp_path))
    cache.cached("key", lambda: b"object")

    def refuse(*args):
        raise PermissionError

    monkeypatch.setattr(cache.os, "utime", refuse)
    assert cache.cached("key", lambda: b"again") == b"object"
    assert (tmp_path / "key.o").stat().st_mode & 0o444 == 0o444


def test_the_oldest_objects_go(monkeypatch, tmp_path):
    monkeypatch.setenv(cache.FOLDER, str(tmp_path))
    monkeypatch.setattr(cache, "MOST_BYTES", cache.PARTS * (100 + cache.HASH))
    (tmp_path / "mine.o").write_bytes(b"x" * 1000)  # not ours, in a folder that we share
    (tmp_path / f"{'0' * cache.KEY}.ended.part").write_bytes(b"x" * 100)  # its process was killed
    for name in "0123456789":
        time_passes(tmp_path)
        cache.cached(name * cache.KEY, lambda: b"x" * 100)
    assert sorted(p.name for p in tmp_path.iterdir()) == [*(f"{n * cache.KEY}.o" for n in "3456789"), "mine.o"]


def test_a_folder_is_looked_through_once_a_process_and_when_as_much_was_written_as_was_free(monkeypatch, tmp_path):
    monkeypatch.setenv(cache.FOLDER, str(tmp_path))
    monkeypatch.setattr(cache, "MOST_BYTES", cache.PARTS * 3 * (100 + cache.HASH))
    others = tmp_path / f"{'f' * cache.KEY}.o"  # of another process
    there = []
    for name in "0123":
        cache.cached(name * cache.KEY, lambda: b"x" * 100)
        if name == "0":
            others.write_bytes(b"x" * cache.MOST_BYTES)
            time_passes(tmp_path)
        there.append(others.exists())
    assert there == [True, True, True, False]


def time_passes(folder):
    """All files become a second older."""
    for path in folder.iterdir():
        stat = path.stat()
        os.utime(path, (stat.st_atime - 1, stat.st_mtime - 1))


def test_several_processes_may_keep_objects_at_once(monkeypatch, tmp_path):
    monkeypatch.setenv(cache.FOLDER, str(tmp_path))
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(cache.cached("key", lambda: b"object" * 1000))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [b"object" * 1000] * 8
    assert [p.name for p in tmp_path.iterdir()] == ["key.o"]


@pytest.mark.parametrize(("cpu", "instruction"), [(Cpu(16, 64), "zmm"), (Cpu(8, 32), "ymm")])
def test_vectors_of_other_machines_are_emitted(cpu, instruction):
    """What this CPU cannot run is emitted and looked at all the same."""
    import llvmlite.binding as llvm

    text = kernel(facts_of(running_sum()), cpu).text
    level = "+avx512f,+avx512bw,+avx512vl,+avx512dq" if cpu.register == 64 else "+avx2"
    target = llvm.Target.from_triple("x86_64-unknown-linux-gnu").create_target_machine(cpu="x86-64", features=level)
    listing = target.emit_assembly(llvm.parse_assembly(text))
    assert instruction in listing and "vpaddd" in listing


def test_constants_are_no_part_of_what_is_compiled():
    """So that networks of one shape share an object."""

    def text(weights) -> str:
        b = Builder()
        x = b.input(2)
        b.output(b.mat_vec([x], np.array(weights)))
        b.block("sample")
        return kernel(facts_of(b.graph()), Cpu(0, 16)).text

    assert text([[1, 2], [3, 4]]) == text([[5, 6], [7, 9]])
    assert compiled(text([[1, 2], [3, 4]]))
