"""An artifact comes back as it was, always as the same bytes; each way to spoil one ends in one clear error."""

from __future__ import annotations

import json
import struct
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.graph.graph import Block, Graph, State, Value
from compiler.graph.integers import IntegerGraph
from compiler.graph.ops import Gather, Input, Output, Rescale, StateRead, StateWrite, Sub
from hw_models.errors import ArtifactError
from hw_models.fixed_point import Format
from ltc2neuro.artifact import container as artifact

Members = dict[str, bytes]
GRAPH = "graphs/integer.json"


def leaky(size: int = 3) -> IntegerGraph:
    """An integer graph: v <- v - (v - x) / 4."""
    q = Format(8, -1000, 1000)
    names = ("x", "v", "d", "r", "n", "y")
    return IntegerGraph(
        blocks=(
            Block("input", (Input("x", "one", "zero"),)),
            Block(
                "solver",
                (
                    StateRead("v", "rnn.v"),
                    Sub("d", "v", "x"),
                    Rescale("r", "d", 2),
                    Sub("n", "v", "r"),
                    StateWrite("rnn.v", "n"),
                ),
                repeat=3,
            ),
            Block("output", (StateRead("y", "rnn.v"), Gather("z", ("y",), "order"), Output("z", "one", "zero"))),
        ),
        values={n: Value(n, size, modules=("rnn",), format=q) for n in (*names, "z")},
        constants={"rest": np.zeros(size, np.int64), "order": np.arange(size)[::-1]},
        states=(State("rnn.v", size, "rest", format=q),),
        fractions={"rest": 8},
        host={"one": np.ones(size), "zero": np.zeros(size)},
    )


def parts(graph: Graph) -> IntegerGraph:
    """All but the arrays."""
    assert isinstance(graph, IntegerGraph)
    return replace(graph, constants={}, host={})


def write(path: Path) -> Path:
    artifact.write(path, {"chip": "loihi2", "dt": 1.0}, {"integer": leaky()}, {"x": np.arange(6.0).reshape(1, 2, 3)})
    return path


def members_of(path: Path) -> Members:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def repack(path: Path, members: Members, compression: int = zipfile.ZIP_STORED, rehash: bool = True) -> None:
    """The members as a zip, with sizes and hashes made right: what someone who means harm would do."""
    if rehash:
        manifest = json.loads(members["manifest.json"])
        for name in manifest["members"].keys() & members.keys():
            manifest["members"][name] = {"size": len(members[name]), "sha256": artifact._hash(members[name])}
        members = {**members, "manifest.json": json.dumps(manifest).encode()}
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name, data)


def edited(member: str, change: Callable[[dict], object]) -> Callable[[Members], Members]:
    def edit(members: Members) -> Members:
        table = json.loads(members[member])
        change(table)
        return {**members, member: json.dumps(table).encode()}

    return edit


@settings(max_examples=20, deadline=None)
@given(
    size=st.integers(1, 40),
    header=st.dictionaries(st.text(max_size=8), st.none() | st.booleans() | st.integers() | st.text(), max_size=4),
    dtype=st.sampled_from(["float64", "float32", "int64", "int32", "bool"]),
)
def test_comes_back_as_it_was(tmp_path_factory, size, header, dtype):
    path = tmp_path_factory.mktemp("artifact") / "m.l2n"
    graph, array = leaky(size), np.arange(size).astype(dtype)
    artifact.write(path, header, {"integer": graph}, {"x": array})
    got_header, graphs, arrays = artifact.read(path)
    assert got_header == header
    assert graphs.keys() == {"integer"} and arrays.keys() == {"x"}
    got = graphs["integer"]
    assert parts(got) == parts(graph)
    for held, wanted in ((got.constants, graph.constants), (got.host_arrays, graph.host)):
        assert held.keys() == wanted.keys()
        assert all(held[n].dtype == a.dtype and np.array_equal(held[n], a) for n, a in wanted.items())
    assert arrays["x"].dtype == array.dtype and np.array_equal(arrays["x"], array)


def test_same_contents_same_bytes(tmp_path):
    first, second = write(tmp_path / "a.l2n"), write(tmp_path / "b.l2n")
    assert first.read_bytes() == second.read_bytes()


def test_writing_leaves_nothing_beside_and_replaces_as_a_whole(tmp_path):
    path = write(tmp_path / "m.l2n")
    before = path.read_bytes()
    with pytest.raises(ValueError, match="JSON"):
        artifact.write(path, {"error": float("nan")}, {}, {})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["m.l2n"]
    with pytest.raises(ArtifactError, match="cannot write"):
        artifact.write(tmp_path / "nowhere" / "m.l2n", {}, {}, {})


def test_missing_file(tmp_path):
    with pytest.raises(ArtifactError, match="cannot open the network"):
        artifact.read(tmp_path / "none.l2n")


@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9, 0.999])
def test_truncated(tmp_path, keep):
    path = write(tmp_path / "m.l2n")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(ArtifactError, match="truncated"):
        artifact.read(path)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_changed_byte_is_found_or_harmless(tmp_path_factory, data):
    path = write(tmp_path_factory.mktemp("artifact") / "m.l2n")
    raw = bytearray(path.read_bytes())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(raw)
    try:
        header, graphs, arrays = artifact.read(path)
    except ArtifactError:
        return
    assert header == {"chip": "loihi2", "dt": 1.0}
    assert parts(graphs["integer"]) == parts(leaky())
    assert np.array_equal(arrays["x"].ravel(), np.arange(6))


def test_wrong_hash(tmp_path):
    path = write(tmp_path / "m.l2n")
    members = members_of(path)
    tensors = bytearray(members["tensors.safetensors"])
    tensors[-1] ^= 1
    repack(path, {**members, "tensors.safetensors": bytes(tensors)}, rehash=False)
    with pytest.raises(ArtifactError, match=r"'tensors.safetensors' does not have the size and hash"):
        artifact.read(path)


def test_another_version_names_the_one_that_ran_it(tmp_path):
    path = write(tmp_path / "m.l2n")
    change = edited("manifest.json", lambda m: m.update(semantics=7, tool="9.8.7"))
    repack(path, change(members_of(path)))
    with pytest.raises(ArtifactError, match="another version of the integer semantics") as caught:
        artifact.read(path)
    assert "it needs 7" in caught.value.numbers and "ltc2neuro 9.8.7" in caught.value.advice


def tensors(header: dict, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def value(name: str, /, **changes: object) -> Callable[[dict], object]:
    return lambda graph: next(v for v in graph["values"] if v["name"] == name).update(changes)


def time_constant(**changes: object) -> Callable[[dict], object]:
    mark = {"state": "rnn.v", "keep": "rest", "total": "d", "repeat": 3, **changes}
    return lambda graph: graph["time_constants"].append(mark)


def deep(depth: int) -> bytes:
    return b'{"a":' * depth + b"1" + b"}" * depth


HARMFUL: dict[str, tuple[str, Callable[[Members], Members]]] = {
    "format version": ("another version of the file format", edited("manifest.json", lambda m: m.update(format=0))),
    "no manifest": ("has no manifest", lambda m: {n: d for n, d in m.items() if n != "manifest.json"}),
    "manifest is a list": ("is not a table", lambda m: {**m, "manifest.json": b"[]"}),
    "manifest is no text": ("is not JSON", lambda m: {**m, "manifest.json": b"\xff\x00"}),
    "manifest is too deep": ("is not JSON", lambda m: {**m, "manifest.json": deep(200_000)}),
    "no header": ("has no header", edited("manifest.json", lambda m: m.pop("header"))),
    "graphs not listed": ("does not list its graphs", edited("manifest.json", lambda m: m.update(graphs={"a": 1}))),
    "member missing": ("is missing", lambda m: {n: d for n, d in m.items() if n != GRAPH}),
    "path up": ("does not belong there, '../evil'", lambda m: {**m, "../evil": b""}),
    "absolute path": ("does not belong there, '/etc/evil'", lambda m: {**m, "/etc/evil": b""}),
    "graph named by a path": ("is missing", edited("manifest.json", lambda m: m.update(graphs=["../../integer"]))),
    "hash not stated": ("size and hash", edited("manifest.json", lambda m: m["members"].pop(GRAPH))),
    "tensors empty": ("is inconsistent", lambda m: {**m, "tensors.safetensors": b""}),
    "tensor named by a book": (
        "is inconsistent .* \\.\\.\\.",
        lambda m: {
            **m,
            "tensors.safetensors": tensors({"a": {"dtype": "b" * 10**5, "shape": [1], "data_offsets": [0, 8]}}),
        },
    ),
    "tensor header huge": ("inconsistent", lambda m: {**m, "tensors.safetensors": struct.pack("<Q", 2**62) + b"{}"}),
    "tensor shape huge": (
        "is inconsistent",
        lambda m: {
            **m,
            "tensors.safetensors": tensors({"a": {"dtype": "F64", "shape": [2**40, 2**20], "data_offsets": [0, 8]}}),
        },
    ),
    "tensor offsets outside": (
        "is inconsistent",
        lambda m: {
            **m,
            "tensors.safetensors": tensors({"a": {"dtype": "F64", "shape": [1], "data_offsets": [8, 16]}}, bytes(8)),
        },
    ),
    "constants gone": ("does not have the constants", lambda m: {**m, "tensors.safetensors": tensors({})}),
    "graph is too deep": ("is not JSON", lambda m: {**m, GRAPH: deep(200_000)}),
    "value huge": ("impossible sizes", edited(GRAPH, value("x", size=2**60))),
    "values huge together": (
        "impossible sizes",
        edited(GRAPH, lambda g: [v.update(size=2**25) for v in g["values"]]),
    ),
    "value negative": ("impossible sizes", edited(GRAPH, value("x", size=-1))),
    "size is text": ("size of Value is", edited(GRAPH, value("x", size="3"))),
    "repeats for ever": ("impossible repeats", edited(GRAPH, lambda g: g["blocks"][1].update(repeat=2**40))),
    "not JSON's numbers": ("is not JSON", lambda m: {**m, GRAPH: m[GRAPH].replace(b'"repeat": 3', b'"repeat": NaN')}),
    "format huge": ("impossible formats", edited(GRAPH, value("x", format={"fraction": 0, "low": 0, "high": 2**70}))),
    "fraction huge": (
        "impossible fractions",
        edited(GRAPH, value("x", format={"fraction": 10**9, "low": 0, "high": 1})),
    ),
    "shift huge": ("impossible shifts", edited(GRAPH, lambda g: g["blocks"][1]["ops"][2].update(shift=2**40))),
    "sizes differ": ("breaks a rule", edited(GRAPH, value("x", size=2))),
    "no such op": ("not a graph", edited(GRAPH, lambda g: g["blocks"][0]["ops"][0].update(op="Exec"))),
    "field not known": ("not a graph", edited(GRAPH, value("x", code="import os"))),
    "field missing": ("not a graph", edited(GRAPH, lambda g: g.pop("states"))),
    "reads what is not there": (
        "breaks a rule",
        edited(GRAPH, lambda g: g["blocks"][1]["ops"][1].update(a="nothing")),
    ),
    "format is a list": ("format of Value is", edited(GRAPH, value("x", format=[1, 2]))),
    "represents a table": ("represents of Value is", edited(GRAPH, value("x", represents={}))),
    "line is a number": ("lines of Value is", edited(GRAPH, value("x", lines=[3]))),
    "modules are a number": ("modules of Value is", edited(GRAPH, value("x", modules=1))),
    "lines are nothing": ("lines of Value is", edited(GRAPH, value("x", lines=None))),
    "block's name is a list": ("name of Block is", edited(GRAPH, lambda g: g["blocks"][0].update(name=[]))),
    "time constant of no known state": ("time constant of no known state", edited(GRAPH, time_constant(state="v"))),
    "time constant without a total": ("total of TimeConstant is", edited(GRAPH, time_constant(total=1e308))),
    "time constant often": ("repeat of TimeConstant is", edited(GRAPH, time_constant(repeat="3"))),
    "host's map is not finite": (
        "host map that is not finite",
        lambda m: {**m, "tensors.safetensors": m["tensors.safetensors"].replace(struct.pack("<d", 1.0), b"\xff" * 8)},
    ),
    "name is no text": ("not a graph|is inconsistent|breaks", edited(GRAPH, value("x", name=["x"]))),
}


def test_a_time_constant_is_read(tmp_path):
    path = write(tmp_path / "m.l2n")
    repack(path, edited(GRAPH, time_constant())(members_of(path)), rehash=True)
    assert artifact.read(path)[1]["integer"].time_constants[0].total == "d"


@pytest.mark.parametrize("case", HARMFUL)
def test_harmful(tmp_path, case):
    message, change = HARMFUL[case]
    path = write(tmp_path / "m.l2n")
    members = change(members_of(path))
    repack(
        path,
        members,
        rehash="manifest.json" in members
        and case not in ("hash not stated",)
        and not case.startswith(("manifest", "no manifest")),
    )
    with pytest.raises(ArtifactError, match=message) as caught:
        artifact.read(path)
    assert caught.value.where == str(path) and caught.value.advice and len(str(caught.value)) < 2000


def test_twice_the_same_name(tmp_path):
    path = write(tmp_path / "m.l2n")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as file:
        file.writestr(GRAPH, b"{}")
    with pytest.raises(ArtifactError, match="more than once"):
        artifact.read(path)


def test_zip_bomb(tmp_path):
    path = write(tmp_path / "m.l2n")
    repack(path, {**members_of(path), GRAPH: bytes(10_000_000)}, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ArtifactError, match="compressed"):
        artifact.read(path)


def test_a_declared_size_beyond_the_file(tmp_path):
    path = write(tmp_path / "m.l2n")
    raw = bytearray(path.read_bytes())
    entry = raw.index(b"PK\x01\x02")  # the first entry of the directory: both its sizes become 1 GiB
    raw[entry + 20 : entry + 28] = struct.pack("<II", 2**30, 2**30)
    path.write_bytes(raw)
    with pytest.raises(ArtifactError, match="larger than the file"):
        artifact.read(path)
