"""Keras's files: whole models and weights, those that another backend wrote, in Python and from the shell."""

import json
import zipfile

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs the extra keras")
pytest.importorskip("ncps", reason="needs the extra torch")

import h5py
import keras
from keras import layers
from ncps.keras import LTC
from ncps.wirings import NCP, AutoNCP

import ltc2neuro
from ltc2neuro.cli.main import main
from ltc2neuro.errors import InputError, WeightsError
from ltc2neuro.frontends.keras.files import load_weights
from ltc2neuro.loading.factory import build_model

UNITS, FEATURES = 6, 2
SHAPES = {
    "layers/ltc/cell/vars": [(UNITS,)] * 3
    + [(UNITS, UNITS)] * 4
    + [(FEATURES, UNITS)] * 4
    + [(FEATURES,)] * 2
    + [(1,)] * 2,
    "layers/dense/vars": [(1, 1), (1,)],
    "layers/ltc/vars": [],
    "vars": [],
}
"""Where Keras 3 keeps the variables of an LTC and a readout, on each of its backends"""


def layer(module, class_name, registered=None, /, **config):
    return {"module": module, "class_name": class_name, "config": config, "registered_name": registered}


WIRING = {"units": UNITS, "output_size": 1, "sparsity_level": 0.5, "seed": 3}
CONFIG = layer(
    "keras",
    "Sequential",
    name="sequential",
    trainable=True,
    dtype="float32",
    layers=[
        layer("keras.layers", "InputLayer", batch_shape=[None, None, FEATURES], dtype="float32", name="input_layer"),
        layer(
            "ncps.keras.ltc",
            "LTC",
            "ncps>LTC",
            name="ltc",
            units={"module": "ncps.wirings.wirings", "class_name": "AutoNCP", "config": WIRING},
            wiring=WIRING,
            cell=None,
            mixed_memory=False,
            return_sequences=True,
        ),
        layer("keras.layers", "Dense", name="dense", units=1, activation="linear"),
    ],
    build_input_shape=[None, None, FEATURES],
)
"""What Keras on TensorFlow writes into config.json, without what has its default"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keras.utils.clear_session()
    np.save("x.npy", samples())
    write_weights(tmp_path / "m.weights.h5")
    with zipfile.ZipFile("m.keras", "w") as file:
        file.writestr("config.json", json.dumps(CONFIG))
        file.writestr("metadata.json", json.dumps({"keras_version": "3.5.0", "date_saved": "2024-09-01@00:00:00"}))
        file.write("m.weights.h5", "model.weights.h5")
    return tmp_path


def samples():
    return np.random.default_rng(1).uniform(-1, 1, (4, 12, FEATURES))


def weights():
    """Values for each place; conductances are above 0."""
    rng = np.random.default_rng(2)
    return {place: [rng.uniform(0.1, 1, shape).astype(np.float32) for shape in SHAPES[place]] for place in SHAPES}


def write_weights(path, layers_at="layers/"):
    with h5py.File(path, "w") as file:
        for place, arrays in weights().items():
            group = file.create_group(place.replace("layers/", layers_at))
            for number, array in enumerate(arrays):
                group.create_dataset(str(number), data=array)


def make():
    return keras.Sequential(
        [keras.Input((None, FEATURES)), LTC(AutoNCP(UNITS, 1, seed=3), return_sequences=True), layers.Dense(1)]
    )


def test_weights_of_another_backend_load(folder):
    model = make()
    model.load_weights("m.weights.h5")
    assert np.array_equal(model.layers[0].cell._params["erev"].numpy(), weights()["layers/ltc/cell/vars"][6])
    write_weights(folder / "keras2.weights.h5", "_layer_checkpoint_dependencies/")
    older = make()
    assert load_weights(older, folder / "keras2.weights.h5") == "17 variables"
    assert all(np.array_equal(a, b) for a, b in zip(older.get_weights(), model.get_weights(), strict=True))
    whole = build_model("m.keras")
    x = samples().astype(np.float32)
    assert np.array_equal(whole(x).detach().numpy(), model(x).detach().numpy())
    assert np.array_equal(np.asarray(ltc2neuro.compile(whole, x)(x)), np.asarray(ltc2neuro.compile(model, x)(x)))


def test_a_keras_file_in_the_shell(folder, capsys):
    assert main(["compile", "m.keras", "--calibration", "x.npy", "-o", "m.l2n"]) == 0
    said = capsys.readouterr()
    assert "ltc.v" in said.out and "as the factory made them" not in said.err
    (folder / "train.py").write_text(
        "import keras\nfrom ncps.keras import LTC\nfrom ncps.wirings import AutoNCP\n\n"
        f"def build():\n    return keras.Sequential([keras.Input((None, {FEATURES})), "
        f"LTC(AutoNCP({UNITS}, 1, seed=3), return_sequences=True), keras.layers.Dense(1)])\n"
    )
    for weights_file in ("m.weights.h5", "m.keras"):
        given = ["train.py:build", "--weights", weights_file, "--calibration", "x.npy"]
        assert main(["compile", *given, "-o", "n.l2n"]) == 0
        x = np.load("x.npy")
        assert np.array_equal(np.asarray(ltc2neuro.load("n.l2n")(x)), np.asarray(ltc2neuro.load("m.l2n")(x)))
    assert main(["check", "m.keras", "--calibration", "x.npy"]) == 0
    assert "no design rule is broken" in capsys.readouterr().out


def test_several_inputs_in_the_shell(folder, capsys):
    x, s = keras.Input((None, FEATURES), name="x"), keras.Input((3,), name="s")
    keras.Model([x, s], layers.GRU(3, return_sequences=True)(x) + layers.Dense(3)(s)[:, None]).save("two.keras")
    held = np.random.default_rng(4).uniform(-1, 1, (4, 3)).astype(np.float32)
    np.savez("two.npz", s=held, x=samples())
    assert main(["compile", "two.keras", "--calibration", "two.npz", "-o", "two.l2n"]) == 0
    assert main(["check", "two.keras", "--calibration", "two.npz"]) == 0
    assert main(["run", "two.l2n", "two.npz", "-o", "y.npy"]) == 0
    wanted = build_model("two.keras")([samples().astype(np.float32), held])
    np.testing.assert_allclose(np.load("y.npy"), wanted.detach().numpy(), atol=0.02)
    assert main(["compile", "two.keras", "--calibration", "x.npy", "-o", "two.l2n"]) == 2
    assert "the input 's' is missing" in capsys.readouterr().err


def test_files_that_do_not_fit(folder, capsys):
    (folder / "damaged.keras").write_bytes(b"PK")
    keras.Sequential([keras.Input((None, FEATURES)), LTC(NCP(3, 2, 1, 1, 1, 1, 1))]).save("ncp.keras")
    for name in ("damaged.keras", "ncp.keras"):
        with pytest.raises(WeightsError, match="Keras does not load this file") as caught:
            build_model(name)
        assert "--weights" in caught.value.advice and "\n" not in caught.value.what
    with pytest.raises(InputError, match="--arg is for a factory"):
        build_model("m.keras", ["units=3"])
    with pytest.raises(WeightsError, match="no such Keras file"):
        build_model("none.keras")
    (folder / "train.py").write_text(
        f"import keras\n\ndef build():\n    return keras.Sequential([keras.Input((None, {FEATURES})), "
        "keras.layers.GRU(2)])\n"
    )
    with pytest.raises(WeightsError, match="a GRU alone takes no weights"):
        load_weights(layers.GRU(2), folder / "m.weights.h5")
    given = ["check", "train.py:build", "--calibration", "x.npy", "--weights"]
    assert main([*given, "m.weights.h5"]) == 2
    assert "the weights do not fit the model" in capsys.readouterr().err
    assert main([*given, "x.npy"]) == 2
    said = capsys.readouterr().err
    assert "takes the weights of a .weights.h5 or .keras file" in said and "model.save_weights('m.weights.h5')" in said


def test_a_file_runs_no_code(folder):
    keras.Sequential([keras.Input((None, 2)), layers.Lambda(lambda x: x * 2)]).save("lambda.keras")
    with pytest.raises(WeightsError, match=r"(?i)lambda"):
        build_model("lambda.keras")
