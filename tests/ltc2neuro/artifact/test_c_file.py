"""Networks as C: a real compiler builds them, and they return what the networks do, bit by bit."""

import ctypes
import os
import re
import shutil
import subprocess

import numpy as np
import pytest

import ltc2neuro
from ltc2neuro.cli.main import main

torch = pytest.importorskip("torch", reason="compiling needs the extra torch")
from ncps.torch import LTC, CfC  # noqa: E402
from ncps.wirings import AutoNCP  # noqa: E402

pytestmark = pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc is installed")
X = np.random.default_rng(0).uniform(-1, 1, (4, 20, 3))
MODELS = {
    "LTC": lambda: (LTC(3, AutoNCP(8, 2)), "loihi2"),
    "CfC": lambda: (CfC(3, 6, proj_size=2), "loihi2"),
    "LSTM": lambda: (torch.nn.Sequential(torch.nn.LSTM(3, 4, batch_first=True), First()), "spinnaker2"),
    "GRU": lambda: (torch.nn.Sequential(torch.nn.GRU(3, 4, batch_first=True), First()), "ideal"),
}


class First(torch.nn.Module):
    def forward(self, x):
        return x[0]


@pytest.fixture(scope="module", params=MODELS)
def net(request):
    torch.manual_seed(0)
    model, chip = MODELS[request.param]()
    return ltc2neuro.compile(model.eval(), X, chip=chip)


def built(path, tmp_path, level):
    library = tmp_path / "net.so"
    flags = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", level, "-shared", "-fPIC"]
    subprocess.run(["gcc", *flags, "-o", str(library), str(path)], check=True, timeout=60)
    return ctypes.CDLL(str(library))


def address(array):
    return ctypes.c_void_p(array.ctypes.data)


@pytest.mark.parametrize("level", ["-O0", "-O2"])
def test_real_samples_in_and_answers_out(net, tmp_path, level):
    """`net(x)`, `==`, also where samples are beyond the calibration and are clipped."""
    net.to_c(tmp_path / "net.c")
    library, word = built(tmp_path / "net.c", tmp_path, level), np.dtype(f"int{net.proven.bits}")
    x = np.random.default_rng(1).uniform(-2, 2, (30, 3))
    expected = net.run(x[None])
    outs = net.step_shape[-1]
    samples, out, y = np.zeros((30, 3), word), np.zeros((30, outs), word), np.zeros((30, outs))
    library.reset()
    for sample, given, left, answer in zip(x, samples, out, y, strict=True):
        library.quantize(address(sample), address(given))
        library.step(address(given), address(left))
        library.dequantize(address(left), address(answer))
    assert np.array_equal(samples, net.quantize(x))
    assert np.array_equal(out, expected.integers[0])
    assert np.array_equal(y, expected.outputs[0])


def test_two_networks_in_one_program(tmp_path):
    """As docs/c.md says: the second is renamed before it is included."""
    nets = [ltc2neuro.compile(CfC(3, size).eval(), X) for size in (4, 6)]
    for name, net in zip(("net.c", "other.c"), nets, strict=True):
        net.to_c(tmp_path / name)
    renamed = [f"#define {name} other_{name}" for name in ("reset", "step", "states", "quantize", "dequantize")]
    (tmp_path / "second.c").write_text("\n".join([*renamed, '#include "other.c"']) + "\n")
    sources = [str(tmp_path / name) for name in ("net.c", "second.c")]
    subprocess.run(["gcc", "-std=c99", "-shared", "-fPIC", "-o", str(tmp_path / "net.so"), *sources], check=True)
    library = ctypes.CDLL(str(tmp_path / "net.so"))
    for net, begin, step in zip(nets, ("reset", "other_reset"), ("step", "other_step"), strict=True):
        given, out = net.quantize(X[0, 0]).astype(f"int{net.proven.bits}"), np.zeros(net.step_shape, "int32")
        library[begin]()
        library[step](address(given), address(out))
        assert np.array_equal(out, net.run(X[:1, :1]).integers[0, 0])


def test_what_is_no_number_enters_as_the_least(net, tmp_path):
    net.to_c(tmp_path / "net.c")
    library = built(tmp_path / "net.c", tmp_path, "-O0")
    given = np.zeros(3, f"int{net.proven.bits}")
    library.quantize(address(np.array([np.nan, -np.inf, np.inf])), address(given))
    form = net.graph.input_format
    assert given.tolist() == [form.low, form.low, form.high]


class Words(torch.nn.Module):
    """Two tokens that share a table, one of another vocabulary, numbers, and answers whose names are no C."""

    def __init__(self):
        super().__init__()
        self.word, self.kind = torch.nn.Embedding(7, 3), torch.nn.Embedding(4, 2)
        self.rnn = torch.nn.GRU(10, 4, batch_first=True)

    def forward(self, tokens, x):
        looked_up = self.word(tokens[..., :2]).flatten(2), self.kind(tokens[..., 2]), x
        y = self.rnn(torch.cat(looked_up, -1))[0]
        return {"a/*b*/ ??/": y, "two\nlines": y[..., :1]}


class Sums(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn, self.head = torch.nn.GRU(3, 4, batch_first=True), torch.nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.rnn(x)[0].sum(1))


def test_a_sum_over_time_is_what_the_page_says(tmp_path):
    """docs/c.md: what is added once is in the comment, to the last bit."""
    torch.manual_seed(0)
    net = ltc2neuro.compile(Sums().eval(), X)
    net.to_c(tmp_path / "net.c")
    line = r"y\[0\] to y\[1\] of dequantize\(\), as the sum over all steps, plus (.*) once"
    named = re.search(line, (tmp_path / "net.c").read_text())
    added = [] if named is None else [float(number) for number in named[1].split(", ")]
    assert tuple(added) == net.answers.each[0].added and all(added)
    library, word = built(tmp_path / "net.c", tmp_path, "-O0"), np.dtype(f"int{net.proven.bits}")
    given, out, y, total = np.zeros(3, word), np.zeros(2, word), np.zeros(2), np.zeros(2)
    library.reset()
    for sample in X[0]:
        library.quantize(address(sample), address(given))
        library.step(address(given), address(out))
        library.dequantize(address(out), address(y))
        total += y
    assert np.array_equal(total + added, net(X[:1])[0])


def test_tokens_are_looked_up_in_it(tmp_path):
    torch.manual_seed(0)
    random = np.random.default_rng(2)
    tokens, x = random.integers(0, [7, 7, 4], (5, 12, 3)), random.uniform(-1, 1, (5, 12, 2))
    net = ltc2neuro.compile(Words().eval(), (tokens, x))
    net.to_c(tmp_path / "net.c")
    library, word = built(tmp_path / "net.c", tmp_path, "-O0"), np.dtype(f"int{net.proven.bits}")
    expected, samples = net.run((tokens, 2 * x)), net.quantize((tokens, 2 * x))
    given, out = np.zeros(net.features, word), np.zeros(expected.integers.shape[-1], word)
    library.reset()
    for t in range(12):
        library.look_up(address(tokens[0, t].astype(np.int32)), address(given))
        library.quantize(address(2 * x[0, t]), address(given))
        library.step(address(given), address(out))
        assert np.array_equal(given, samples[0, t]) and np.array_equal(out, expected.integers[0, t])


def test_the_shell_writes_it_and_tells_what_it_takes(net, tmp_path, capsys):
    net.save(tmp_path / "net.l2n")
    assert main(["export", str(tmp_path / "net.l2n"), str(tmp_path / "net.c")]) == 0
    text = (tmp_path / "net.c").read_text()
    assert main(["cost", str(tmp_path / "net.l2n"), "--c"]) == 0
    told = capsys.readouterr().out
    ram = int(text.split("static word m[")[1].split("]")[0]) * net.proven.bits // 8
    assert f"RAM         {ram:,} bytes" in told and "flash" in told
    assert main(["export", str(tmp_path / "net.l2n"), str(tmp_path / "net.c"), "--step"]) == 2
    assert main(["export", str(tmp_path / "net.l2n"), str(tmp_path / "net.cpp")]) == 2
    for other in (["--data", "x.npy"], ["--chip", "ideal"], ["--cores", "3"]):
        assert main(["cost", str(tmp_path / "net.l2n"), "--c", *other]) == 2


def test_a_compiler_that_fails_leaves_the_flash_unknown(net, tmp_path, capsys, monkeypatch):
    (tmp_path / "cc").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "cc").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    net.save(tmp_path / "net.l2n")
    assert main(["cost", str(tmp_path / "net.l2n"), "--c"]) == 0
    assert "flash       unknown" in capsys.readouterr().out


def test_an_ltc_of_19_units_fits_a_small_microcontroller(tmp_path):
    """16 KB of flash, 2 KB of RAM."""
    from compiler.c99.size import flash
    from ltc2neuro.artifact.c_file import c_program

    torch.manual_seed(0)
    net = ltc2neuro.compile(LTC(8, AutoNCP(19, 1)), np.random.default_rng(0).uniform(-1, 1, (4, 16, 8)))
    made = c_program(net)
    assert made.ram <= 2 * 1024
    built = flash(made.text)
    assert built is None or built <= 16 * 1024
