"""Every walk-through example runs with its kept weights: executors agree, its answers are right, its plot is drawn."""

from importlib import import_module

import pytest

pytest.importorskip("ncps", reason="the examples need the extra torch")
pytest.importorskip("matplotlib", reason="the examples need the extra plot")
pytest.importorskip("sklearn", reason="the digits beside the examples' sequences come with scikit-learn")

import walkthrough

from ltc2neuro.extras import LAVA

# How many test sequences are run everywhere, and the largest mean squared error of the integers on them.
EXAMPLES = {
    "sine_to_square": (2, 0.35),
    "sine_to_square_cfc": (2, 0.35),
    "denoising": (1, 0.06),
    "liquid_lstm": (1, 0.01),
    "own_cell": (1, 0.01),
    "worm_circuit": (1, 0.01),
    "irregular": (1, 0.02),
    "keras_ltc": (2, 0.35),
    "keras_cfc": (2, 0.35),
    "keras_denoising": (1, 0.06),
}


WHOLE = pytest.mark.whole_proof


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=WHOLE if name == "sine_to_square" else ()) for name in EXAMPLES]
)
def test_an_example_runs_everywhere_and_draws(name, tmp_path, capsys, monkeypatch):
    sequences, most = EXAMPLES[name]
    monkeypatch.setattr(walkthrough, "SEQUENCES", sequences)
    if name.startswith("keras"):
        pytest.importorskip("keras", reason="needs the extra keras")
    plot = tmp_path / "plot.png"
    import_module(name).main(["--plot", str(plot)])
    said = capsys.readouterr().out
    assert plot.read_bytes().startswith(b"\x89PNG") and plot.stat().st_size > 40_000
    (error,) = [line.split()[-1] for line in said.splitlines() if "mse, integer" in line]
    assert float(error) < most
    if LAVA.missing():
        assert LAVA.command in said
    else:
        assert said.count("lava-fused   equal") >= 2 and said.count("lava         equal") >= 2
