"""Tokens: whole numbers go into `nn.Embedding`, the host selects rows, and the chip gets these."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

pytest.importorskip("ncps", reason="needs the extra torch")

import torch
from ncps.torch import CfC
from torch import nn

import ltc2neuro
from compiler.graph.ops import Compare
from ltc2neuro.cli.main import main
from ltc2neuro.errors import ArtifactError, InputError, TraceError
from ltc2neuro.inputs.tokens import Table, Tokens
from ltc2neuro.tracing import trace

WORDS = 20
TEXT = np.random.default_rng(0).integers(0, 12, size=(4, 7))
"""(batch, time): not all of the vocabulary"""
PAIRS = np.random.default_rng(1).integers(0, (WORDS, 6), size=(4, 7, 2))
NEW = np.random.default_rng(2).integers(0, WORDS, size=(3, 9))


class Reader(nn.Module):
    def __init__(self, batch_first: bool = True, **options: object) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.words = nn.Embedding(WORDS, 5, **options)
        self.rnn = nn.GRU(5, 4, batch_first=batch_first)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(self.words(x))[0]


class Pairs(nn.Module):
    """Two tokens a sample, of vocabularies of their own; the first is looked up in two tables."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.words, self.tags, self.tones = nn.Embedding(WORDS, 3), nn.Embedding(6, 2), nn.Embedding(WORDS, 1)
        self.rnn = CfC(6, 4)

    def forward(self, x: torch.Tensor, timespans: torch.Tensor | None = None) -> torch.Tensor:
        word, tag = x.unbind(-1)
        seen = torch.cat([self.tags(tag), self.tones(word), self.words(word)], -1)
        return self.rnn(seen, timespans=timespans)[0]


@cache
def reads() -> ltc2neuro.Network:
    return ltc2neuro.compile(Reader().eval(), TEXT)


def torchs(model: nn.Module, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return model.eval()(torch.from_numpy(x)).numpy()


def test_net_is_model_on_the_whole_vocabulary():
    """Rows of tokens that the calibration has not are within the input's range, too: nothing is clipped."""
    assert reads().evidence is not None
    probes = {p.name: p for p in reads().evidence.probes}
    assert "tokens of the whole vocabulary" in probes and not any(p.left_out for p in probes.values())
    net, model = reads(), Reader()
    model.words.weight.data[15] = 9.0
    wide = ltc2neuro.compile(model.eval(), TEXT)
    for found, of in ((net, Reader()), (wide, model)):
        run = found.run(NEW, strict=True)
        assert np.abs(run.outputs - torchs(of, NEW)).max() < 0.02
        assert "input" not in run.saturations
    assert "1 of 20 tokens -> (4,) at every step; arrays (batch, time)" in str(net)


def test_the_integers_are_those_of_rows_looked_up_before():
    rows = Reader().words(torch.from_numpy(TEXT)).detach().numpy()
    assert np.array_equal(reads().quantize(TEXT), reads().enters.quantize(rows.astype(np.float64))[0])
    assert reads().features == 5 and reads().sample_shape == ()


def test_lists_streams_and_time_first():
    net, y = reads(), reads()(NEW)
    assert all(np.array_equal(a, b) for a, b in zip(net([*NEW]), y, strict=True))
    assert np.array_equal(np.stack(net(NEW.tolist())), y)
    one, many = net.stream(), net.stream(3)
    assert np.array_equal([one.step(int(token)) for token in NEW[0]], y[0])
    assert np.array_equal(np.stack([many.step(tokens) for tokens in NEW.T], 1), y)
    turned = ltc2neuro.compile(Reader(batch_first=False).eval(), TEXT.T, batch_first=False)
    assert np.array_equal(turned(NEW.T).swapaxes(0, 1), y)


def test_several_tokens_a_sample_and_time_spans():
    spans = np.random.default_rng(3).uniform(0.2, 1.0, (4, 7))
    net = ltc2neuro.compile(Pairs().eval(), PAIRS)
    assert np.abs(net(PAIRS) - torchs(Pairs(), PAIRS)).max() < 0.02
    timed = ltc2neuro.compile(Pairs().eval(), PAIRS, timespans=spans)
    assert ltc2neuro.verify(timed, Pairs(), PAIRS, timespans=spans, on=["simulator"]).passed
    assert timed.quantize(np.concatenate([PAIRS, spans[..., None]], -1)).shape == (4, 7, 7)
    assert not np.array_equal(timed(PAIRS, spans), net(PAIRS))


class Both(nn.Module):
    """Tokens among other inputs, looked up in another order than they come in."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.words, self.tags = nn.Embedding(WORDS, 3), nn.Embedding(6, 2)
        self.rnn = nn.GRU(7, 4, batch_first=True)

    def forward(self, pitch: torch.Tensor, word: torch.Tensor, tags: torch.Tensor) -> torch.Tensor:
        return self.rnn(torch.cat([self.tags(tags).flatten(2), pitch, self.words(word)], -1))[0]


def test_tokens_among_several_inputs(tmp_path):
    x = {"pitch": np.random.default_rng(4).normal(size=(4, 7, 2)), "word": PAIRS[..., 0], "tags": PAIRS[..., 1:]}
    model = Both().eval()
    net = ltc2neuro.compile(model, x)
    y = net(tuple(x.values()))
    with torch.no_grad():
        expected = model(torch.tensor(x["pitch"], dtype=torch.float32), *map(torch.tensor, (x["word"], x["tags"])))
    assert np.abs(y - expected.numpy()).max() < 0.02
    assert ltc2neuro.verify(net, model, x, on=["simulator"]).passed and ltc2neuro.verify(net, model, on=[]).passed
    stream = net.stream(4)
    assert np.array_equal(np.stack([stream.step({n: a[:, t] for n, a in x.items()}) for t in range(7)], 1), y)
    net.save(tmp_path / "m.l2n")
    assert np.array_equal(ltc2neuro.load(tmp_path / "m.l2n")(x), y)
    with pytest.raises(InputError, match="not in the vocabulary"):
        net({**x, "word": x["word"] + WORDS})
    with pytest.raises(InputError, match="word holds float64"):
        net({**x, "word": x["word"] * 1.0})
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    net.to_onnx(tmp_path / "m.onnx")
    assert np.array_equal(runtime.InferenceSession(tmp_path / "m.onnx").run(["y"], x)[0], y)


class Spoken(nn.Module):
    """Who speaks is a token that is held over the sequence."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.words, self.speakers = nn.Embedding(WORDS, 3), nn.Embedding(5, 2)
        self.rnn = nn.GRU(5, 4, batch_first=True)

    def forward(self, words: torch.Tensor, speaker: torch.Tensor) -> torch.Tensor:
        held = self.speakers(speaker)[:, None].expand(-1, words.shape[1], -1)
        return self.rnn(torch.cat([held, self.words(words)], -1))[0]


def test_a_token_that_is_held(tmp_path):
    x, model = (TEXT, np.array([0, 3, 1, 4])), Spoken().eval()
    net = ltc2neuro.compile(model, x)
    with torch.no_grad():
        assert np.abs(net(x) - model(*map(torch.tensor, x)).numpy()).max() < 0.02
    assert ltc2neuro.verify(net, model, x, on=["simulator"]).passed
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    net.to_onnx(tmp_path / "m.onnx")
    session = runtime.InferenceSession(tmp_path / "m.onnx")
    assert np.array_equal(session.run(["y"], dict(zip(("words", "speaker"), x, strict=True)))[0], net(x))


def test_whole_numbers_that_are_not_looked_up():
    class Ignores(Both):
        def forward(self, pitch: torch.Tensor, word: torch.Tensor, tags: torch.Tensor) -> torch.Tensor:
            return self.rnn(torch.cat([pitch, pitch, self.words(word)], -1))[0]

    with pytest.raises(TraceError, match="tags is of an integer type, and no"):
        ltc2neuro.compile(Ignores().eval(), (np.ones((4, 7, 2)), PAIRS[..., 0], PAIRS[..., 1:]))


def test_verify_finds_another_model():
    assert ltc2neuro.verify(reads(), Reader(), NEW, on=["simulator"]).passed
    assert ltc2neuro.verify(reads(), Reader(), on=[]).passed
    trained = Reader()
    trained.words.weight.data[3] += 0.1
    assert not ltc2neuro.verify(reads(), trained, on=[], x=np.full((1, 4), 3)).passed


@pytest.mark.parametrize("token", [-1, WORDS, 2**40])
def test_a_token_that_is_not_in_the_vocabulary(token):
    other = NEW.copy()
    other[1, 2] = token
    for refused in (reads(), reads().quantize, lambda x: ltc2neuro.compile(Reader().eval(), x)):
        with pytest.raises(InputError, match="not in the vocabulary") as caught:
            refused(other)
        assert "the vocabulary has 20: 0 to 19" in caught.value.numbers and "words.weight" in caught.value.where
    with pytest.raises(InputError, match="not in the vocabulary"):
        reads().stream().step(token)


def test_numbers_that_are_no_tokens_are_refused():
    for refused in (reads(), reads().stream(7).step, lambda x: ltc2neuro.compile(Reader().eval(), x)):
        with pytest.raises(InputError, match=r"takes tokens|wrong shape"):
            refused(NEW[:, :7] * 1.0)
    with pytest.raises(InputError, match="2 dimensions"):
        ltc2neuro.compile(nn.GRU(7, 3), NEW)
    with pytest.raises(TraceError, match="fails on a batch") as caught:
        ltc2neuro.compile(Reader().eval(), TEXT[..., None] * 1.0)
    assert "samples of an integer type" in caught.value.advice


class Of(Reader):
    def __init__(self, function) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.rnn(self.function(self.words, x))[0]


@pytest.mark.parametrize(
    "compute",
    [
        lambda words, x: words(x) * (x == x).unsqueeze(-1),
        lambda words, x: words(x) + x.float().unsqueeze(-1),
        lambda words, x: words(x + 1),
        lambda words, x: words(torch.cat([x, x], -1)[:, : x.shape[1]]),
    ],
)
def test_arithmetic_with_tokens_is_refused(compute):
    with pytest.raises(TraceError, match="computes with tokens") as caught:
        trace(Of(compute).eval(), list(TEXT))
    assert "nn.Embedding" in caught.value.advice and __file__ in caught.value.where


@pytest.mark.parametrize(
    "mask",
    [
        lambda x: x != 0,
        lambda x: 0 != x,
        lambda x: x.bool(),
        lambda x: ~(x == 0) & (x < 9),
        lambda x: 9.5 > x,
        lambda x: x.ge(torch.tensor([0])),
        lambda x: torch.where(x <= 3, 1.0, 0.5),
    ],
)
def test_comparisons_with_a_number_are_looked_up(mask):
    """By the host, as rows are; each is proved against torch."""
    for of_mask in (lambda words, x: words(x) * mask(x)[..., None], lambda words, x: mask(x)[..., None] * words(x)):
        traced = trace(Of(of_mask).eval(), list(TEXT))
        assert [len(table.rows) for table in traced.tokens.tables[:2]] == [WORDS, WORDS]
        assert not any(isinstance(op, Compare) for _, op in traced.graph.ops())


class MaskedMean(Reader):
    """Of several words a sample, those that are there."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        there = x != 0
        mean = (self.words(x) * there[..., None]).sum(2) / there.sum(-1, keepdim=True).clamp(min=1)
        return self.rnn(mean)[0]


def test_masks_on_every_executor(tmp_path):
    words = np.random.default_rng(1).integers(0, 4, size=(4, 7, 3))
    net = ltc2neuro.compile(MaskedMean().eval(), words)
    run = net.run(words)
    with torch.no_grad():
        assert np.max(np.abs(net(words) - MaskedMean().eval()(torch.tensor(words)).numpy())) < 0.02
    for on in ("simulator", "lava-fused", "onnx"):
        assert np.array_equal(net.run(words, on=on).integers, run.integers)
    net.save(tmp_path / "m.l2n")
    assert np.array_equal(ltc2neuro.load(tmp_path / "m.l2n").run(words).integers, run.integers)


@pytest.mark.parametrize(
    "look_up",
    [
        lambda words, x: words(x.long()),
        lambda words, x: words(x.int()),
        lambda words, x: words(x.reshape(-1)).view(*x.shape, 5),
        lambda words, x: nn.functional.embedding(x, 2 * words.weight),
        lambda words, x: words(x) - nn.functional.embedding(x, words.weight.flip(0)),
    ],
)
def test_ways_to_look_up(look_up):
    """Each is proved against torch."""
    assert trace(Of(look_up).eval(), list(TEXT)).tokens is not None


def test_rows_of_limited_length_and_padding():
    for options in ({"padding_idx": 3}, {"max_norm": 0.5}):
        trace(Reader(**options).eval(), list(TEXT))


def test_whole_numbers_without_an_embedding_stay_numbers():
    x = np.random.default_rng(0).integers(-3, 4, size=(3, 6, 2))
    rnn = nn.GRU(2, 3, batch_first=True)
    assert np.array_equal(ltc2neuro.compile(rnn, x)(x), ltc2neuro.compile(rnn, x * 1.0)(x * 1.0))


def test_without_microcode():
    model = nn.Sequential(nn.Embedding(6, 4), nn.RNN(4, 3, batch_first=True)).eval()
    x = PAIRS[..., 1]
    both = [ltc2neuro.compile(model, x, microcode=kind) for kind in (True, False)]
    assert "SQNR" in str(ltc2neuro.compare(*both, x))
    assert ltc2neuro.check(model, "loihi2", x) == []
    (told,) = re.findall(r"outputs ([\d.-]+) dB from the float network's", str(both[1]))
    assert float(told) > 10


def test_files(tmp_path):
    path = tmp_path / "m.l2n"
    for net, x in ((reads(), NEW), (ltc2neuro.compile(Pairs().eval(), PAIRS), PAIRS)):
        net.save(path)
        assert np.array_equal(ltc2neuro.load(path)(x), net(x))
        assert ltc2neuro.verify(ltc2neuro.load(path), None, on=[]).passed
        assert ltc2neuro.check(ltc2neuro.load(path)) == []
    with zipfile.ZipFile(path) as file:
        assert json.loads(file.read("manifest.json"))["format"] == 4
        assert json.loads(file.read("manifest.json"))["header"]["tokens"] == [
            "tags.weight",
            "tones.weight",
            "words.weight",
        ]


@pytest.mark.parametrize(
    "table",
    [
        Table("words.weight", (1,), np.zeros((WORDS, 5))),
        Table("words.weight", (0,), np.zeros((WORDS, 4))),
        Table("words.weight", (0,), np.full((WORDS, 5), np.nan)),
        Table("words.weight", (0,), np.zeros((0, 5))),
        Table("words.weight", (0,), np.zeros((2, 5))),
    ],
)
def test_damaged_files_are_refused(tmp_path, table):
    replace(reads(), tokens=Tokens(1, (table,))).save(tmp_path / "m.l2n")
    with pytest.raises(ArtifactError):
        ltc2neuro.load(tmp_path / "m.l2n")


def test_the_shell(tmp_path, capsys):
    reads().save(tmp_path / "m.l2n")
    np.save(tmp_path / "x.npy", NEW)
    assert main(["run", str(tmp_path / "m.l2n"), str(tmp_path / "x.npy"), "-o", str(tmp_path / "y.npy")]) == 0
    assert np.array_equal(np.load(tmp_path / "y.npy"), reads()(NEW))
    np.save(tmp_path / "x.npy", NEW + WORDS)
    assert main(["run", str(tmp_path / "m.l2n"), str(tmp_path / "x.npy")]) == 2
    assert "not in the vocabulary" in capsys.readouterr().err


@pytest.mark.parametrize("form", ["sequence", "step"])
@pytest.mark.parametrize("graph", ["integer", "float"])
def test_onnx_takes_tokens(tmp_path, form, graph):
    onnx = pytest.importorskip("onnx", reason="needs the extra onnx")
    runtime = pytest.importorskip("onnxruntime", reason="needs the extra onnx")
    model = Pairs().eval()
    net = ltc2neuro.compile(model, PAIRS)
    net.to_onnx(tmp_path / "m.onnx", form, graph=graph)
    onnx.checker.check_model(str(tmp_path / "m.onnx"), full_check=True)
    session = runtime.InferenceSession(tmp_path / "m.onnx")
    given = {"x": PAIRS if form == "sequence" else PAIRS[:, 0]}
    for entry in session.get_inputs()[1:]:
        given[entry.name] = np.zeros((4, entry.shape[-1]), np.int64 if graph == "integer" else np.float32)
    y = session.run(["y"], given)[0]
    expected = net(PAIRS) if graph == "integer" else torchs(model, PAIRS)
    expected = expected if form == "sequence" else expected[:, 0]
    assert np.array_equal(y, expected) if graph == "integer" else np.abs(y - expected).max() < 1e-5


@pytest.mark.timeout(120)
def test_on_lava():
    pytest.importorskip("lava", reason="needs the extra lava")
    run, reference = reads().run(NEW[:, :3], on="lava"), reads().run(NEW[:, :3])
    assert np.array_equal(run.integers, reference.integers)


def test_no_network_sends_tokens():
    pytest.importorskip("lava", reason="needs the extra lava")
    rest = ltc2neuro.compile(nn.GRU(4, 5, batch_first=True), torch.rand(2, 6, 4))
    with pytest.raises(InputError, match="takes tokens"):
        reads().to_lava(after=rest.to_lava())
