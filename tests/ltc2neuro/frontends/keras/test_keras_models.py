"""Keras models compile as they are: what their own cells compute, as one float graph and as integers."""

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs the extra keras")
pytest.importorskip("ncps", reason="needs the extra torch")

import keras
import torch
from keras import layers, ops
from ncps import torch as torch_cells
from ncps.keras import LTC, CfC
from ncps.wirings import AutoNCP

import ltc2neuro
from hw_models.errors import InputError, ProofError
from ltc2neuro.frontends.keras.model_argument import entered, prove_entered
from ltc2neuro.metrics import sqnr
from ltc2neuro.tracing import trace
from ltc2neuro.tracing.recording.extents import Decisions


@pytest.fixture(autouse=True)
def fresh():
    """Names without numbers, and the same weights."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)


def samples(*shape: int) -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (6, 20, *(shape or (2,)))).astype(np.float32)


def sequential(*given, shape=(2,)):
    return keras.Sequential([keras.Input((None, *shape)), *given])


def traced(model, x):
    """The float graph of a model: made by the frontend, which compares with Keras, and proved against its module."""
    module = entered(model)
    found = trace(module, list(x))
    prove_entered(module, model, list(x), found)
    return found


def functional():
    """Layers side by side, operations on tensors, a state that is an answer, a model in the model."""
    x = keras.Input((None, 2))
    a = layers.Dense(3, activation="relu")(x)
    b = LTC(AutoNCP(8, 2), return_sequences=True)(a)
    c = ops.tanh(b) * 2 + layers.Dense(2)(x)
    inner = keras.Sequential([keras.Input((None, 5)), layers.Dense(4), layers.SimpleRNN(4, return_sequences=True)])
    y, state = layers.GRU(3, return_state=True)(inner(layers.Concatenate()([c, a])))
    return keras.Model(x, layers.Dense(2)(layers.Add()([y, state])))


class Gate(layers.Layer):
    """A cell of the user's."""

    state_size = 3

    def build(self, shape):
        self.dense = layers.Dense(3, activation="tanh")
        self.dense.build((None, shape[-1] + 3))

    def call(self, x, states):
        h = 0.5 * states[0] + 0.5 * self.dense(ops.concatenate([x, states[0]], -1))
        return h, [h]


WHOLE = {
    "a CfC and a readout": lambda: sequential(CfC(5, backbone_units=8, return_sequences=True), layers.Dense(1)),
    "an LTC alone": lambda: sequential(LTC(AutoNCP(8, 2), return_sequences=True)),
    "a functional model": functional,
}
R = {"return_sequences": True}
NETS = {
    "last of a CfC": (lambda: sequential(CfC(5, backbone_units=8)), ["cf_c.h"]),
    "a CfC without a gate": (lambda: sequential(CfC(4, mode="no_gate", backbone_layers=2, **R)), ["cf_c.h"]),
    "a pure CfC": (lambda: sequential(CfC(4, mode="pure", backbone_layers=0, backbone_units=0, **R)), ["cf_c.h"]),
    "a wired CfC": (lambda: sequential(CfC(AutoNCP(8, 2), **R)), ["cf_c.h"]),
    "mixed memory": (lambda: sequential(CfC(4, mixed_memory=True, **R)), ["cf_c.c", "cf_c.h"]),
    "mixed memory, wired": (lambda: sequential(CfC(AutoNCP(8, 2), mixed_memory=True, **R)), ["cf_c.c", "cf_c.h"]),
    "an LTC with memory": (lambda: sequential(LTC(AutoNCP(8, 2), mixed_memory=True)), ["ltc.c", "ltc.v"]),
    "an LTC as a layer": (lambda: built(LTC(5, ode_unfolds=2, **R)), ["ltc.v"]),
    "an LSTM": (lambda: sequential(layers.LSTM(4, dropout=0.2, recurrent_dropout=0.1)), ["lstm.h", "lstm.c"]),
    "a GRU": (lambda: sequential(layers.GRU(4, reset_after=False), layers.Dense(2)), ["gru.h"]),
    "a simple RNN": (lambda: sequential(layers.SimpleRNN(4, **R), layers.Dropout(0.5)), ["simple_rnn.h"]),
    "cells on one another": (
        lambda: sequential(layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], **R)),
        ["rnn.h0", "rnn.h1", "rnn.h2"],
    ),
    "a cell of the user's": (lambda: sequential(layers.RNN(Gate(), **R)), ["rnn.h"]),
    "layers around": (
        lambda: sequential(
            layers.Dense(4),
            layers.BatchNormalization(),
            layers.Activation("silu"),
            layers.LayerNormalization(),
            layers.LeakyReLU(),
            layers.Rescaling(0.5, 0.1),
            layers.TimeDistributed(layers.Dense(3, activation="softmax")),
            layers.SimpleRNN(3),
            layers.Reshape((3, 1)),
            layers.Flatten(),
        ),
        ["simple_rnn.h"],
    ),
}


class Sum(layers.Layer):
    """All samples so far."""

    def call(self, x):
        return ops.cumsum(x, axis=1) * 0.1


MIXED = {
    "a causal convolution": lambda: sequential(layers.Conv1D(3, 2, padding="causal"), layers.GRU(3), layers.Dense(1)),
    "a sum of all samples": lambda: sequential(Sum(), layers.Dense(2)),
}


@pytest.mark.parametrize("name", MIXED)
def test_layers_that_mix_steps_become_states(name):
    assert traced(MIXED[name](), samples()).graph.states


def test_a_mean_over_the_steps_is_the_hosts():
    assert (
        traced(sequential(layers.GRU(3, **R), layers.GlobalAveragePooling1D(), layers.Dense(1)), samples()).readout
        == "mean"
    )


def built(layer):
    layer(samples())
    return layer


@pytest.mark.parametrize("name", WHOLE)
def test_a_model_compiles_and_verifies(name):
    model, x = WHOLE[name](), samples()
    net = ltc2neuro.compile(model, x)
    assert sqnr([model(x).detach().numpy()], [np.asarray(net(x))]) > 40
    found = ltc2neuro.verify(net, model, x, on=["reference"])
    (row,) = [row for row in found.rows if row.check == "float graph against torch"]
    assert found.passed and row.value < 1e-8


@pytest.mark.parametrize("name", NETS)
def test_a_layer_is_recorded_step_by_step(name):
    make, states = NETS[name]
    model = make()
    found = traced(model, samples())
    assert [state.name for state in found.graph.states] == states
    sequences = model(samples()).ndim == 3
    assert found.readout == ("every" if sequences else "last")


@pytest.mark.parametrize(
    "make", [lambda: layers.LSTM(3), lambda: CfC(3, backbone_units=4), lambda: LTC(4), layers.LayerNormalization]
)
def test_a_model_in_float64_is_what_keras_makes_of_it(make):
    """Keras multiplies in float32, whatever the type."""
    keras.config.set_dtype_policy("float64")
    try:
        model = sequential(make(), layers.Dense(2))
    finally:
        keras.config.set_dtype_policy("float32")
    assert traced(model, samples()).readout in ("last", "every")


def test_images_and_several_answers():
    image = keras.Input((None, 5, 5, 1))
    y = layers.TimeDistributed(layers.Conv2D(2, 2, activation="relu"))(image)
    y = layers.TimeDistributed(layers.Flatten())(layers.TimeDistributed(layers.MaxPooling2D())(y))
    y = layers.GRU(4, return_sequences=True)(y)
    model, x = keras.Model(image, {"class": layers.Dense(3)(y), "speed": layers.Dense(1)(y)}), samples(5, 5, 1)[:3, :8]
    answers = ltc2neuro.compile(model, x)(x)
    for name, wanted in model(x).items():
        assert sqnr([wanted.detach().numpy()], [np.asarray(answers[name])]) > 30


def moving_and_held(names=("x", "s", "kind"), *, by_name=False):
    """Samples, a vector and a token that hold for the whole sequence."""
    x, s, kind = (
        keras.Input(shape, name=name, dtype=dtype)
        for shape, name, dtype in zip(((None, 2), (3,), ()), names, ("float32", "float32", "int32"), strict=True)
    )
    y = layers.Concatenate()([x, layers.Dense(2, activation="tanh")(s)[:, None] + 0 * x[..., :1]])
    y = layers.GRU(4, return_sequences=True)(y) * layers.Embedding(5, 4)(kind)[:, None]
    given = [x, s, kind]
    return keras.Model(dict(zip(names, given, strict=True)) if by_name else given, [layers.Dense(1)(y), y])


def given_of(shape):
    rng = np.random.default_rng(3)
    return samples(), rng.uniform(-1, 1, (6, *shape)).astype(np.float32), rng.integers(0, 5, 6)


@pytest.mark.parametrize("by_name", [False, True])
def test_several_inputs(by_name):
    model, given = moving_and_held(("z", "s s", "kind-of"), by_name=by_name), given_of((3,))
    named = dict(zip(("z", "s s", "kind-of"), given, strict=True))
    net = ltc2neuro.compile(model, given)
    assert str(net.inputs) == "z (2,), s s (3,), held, kind-of (), tokens, held"
    wanted, answers = model.predict(named if by_name else list(given), verbose=0), net(given)
    for mine, keras_answer in zip(answers, wanted, strict=True):
        assert sqnr([keras_answer], [np.asarray(mine)]) > 30
    for others in (list(given), named):
        for mine, same in zip(answers, net(others), strict=True):
            assert np.array_equal(mine, same)
    assert np.array_equal(net.quantize(list(given)), net.quantize(named))
    assert ltc2neuro.verify(net, model, named, on=["reference"]).passed
    assert ltc2neuro.check(model, "loihi2", given) == []
    model.layers[-1].kernel.assign(np.ones((4, 1)))
    assert not ltc2neuro.verify(net, model, given, on=["reference"]).passed


def test_models_of_several_inputs_in_a_model():
    x, u = keras.Input((None, 2), name="x"), keras.Input((None, 1), name="u")
    a, b = layers.Dense(3)(x), layers.SimpleRNN(3, return_sequences=True)(u)
    listed, keyed = keras.Model([x, u], a + b), keras.Model({"x": x, "u": u}, a - b)
    y = listed([x, u]) * listed({"x": x, "u": u}) + keyed({"u": u, "x": x})
    model, given = keras.Model([[x], {"u": u}], y), (samples(), samples(1))
    net = ltc2neuro.compile(model, given)
    assert sqnr([model([[given[0]], {"u": given[1]}]).detach().numpy()], [np.asarray(net(given))]) > 40


def test_every_input_is_compared_with_keras():
    """Of fixed numbers of rows and steps, too; tokens and what is held stay what they are."""
    model, given = moving_and_held(), given_of((3,))
    net, module = ltc2neuro.compile(model, given), entered(model)
    sequences = [net.samples(x) for x in net.parts.host.sequences(given).arrays]
    prove_entered(module, model, sequences, net)
    for layer in model.layers:
        if layer.weights:
            (weights, was) = layer.weights[0], layer.weights[0].numpy()
            weights.assign(was + 0.5)
            with pytest.raises(ProofError, match="does not answer as the model does"):
                prove_entered(module, model, sequences, net)
            weights.assign(was)
    x, u = keras.Input((5, 2), batch_size=3, name="x"), keras.Input((4,), batch_size=3, name="u")
    fixed = keras.Model([x, u], layers.SimpleRNN(4, return_sequences=True)(x) + u[:, None])
    assert ltc2neuro.compile(fixed, (samples(), given_of((4,))[1])).inputs is not None


@pytest.mark.filterwarnings("error:The structure of")
def test_one_input_by_its_name():
    x, given = keras.Input((None, 2), name="x"), samples()
    model = keras.Model({"x": x}, layers.GRU(3)(x))
    net = ltc2neuro.compile(model, {"x": given})
    assert np.array_equal(net({"x": given}), net(given))


def test_inputs_of_whole_numbers():
    """Of a type without a sign, too: bytes of images."""
    x, u = keras.Input((None, 3), dtype="uint8", name="x"), keras.Input((None, 2), name="u")
    y = layers.SimpleRNN(4, return_sequences=True)(layers.Rescaling(1 / 255)(x))
    numbers = np.random.default_rng(0).integers(0, 256, (6, 20, 3)).astype(np.uint8)
    one, two = keras.Model(x, y), keras.Model([x, u], layers.Concatenate()([y, u]))
    for model, given in ((one, numbers), (two, (numbers, samples()))):
        wanted = model.predict(list(given) if model is two else given, verbose=0)
        assert sqnr([wanted], [np.asarray(ltc2neuro.compile(model, given)(given))]) > 40
    for model, given in ((one, numbers / 2), (two, (numbers / 2, samples()))):
        with pytest.raises(InputError, match="takes whole numbers"):
            ltc2neuro.compile(model, given)


def test_low_rank_updates_are_part_of_a_matrix():
    model = sequential(layers.Dense(3))
    model.layers[0].enable_lora(2)
    for update in (model.layers[0].lora_kernel_a, model.layers[0].lora_kernel_b):
        update.assign(np.random.default_rng(0).normal(size=update.shape))
    traced(model, samples())


class Table(layers.Embedding):
    """A user's, which looks up as Keras does."""


def test_tokens_go_into_an_embedding():
    table = Table(7, 3)
    model = keras.Sequential([keras.Input((None,)), table, layers.GRU(4, return_sequences=True)])
    table.enable_lora(2)
    table.lora_embeddings_b.assign(np.ones((2, 3)))
    x = np.random.default_rng(1).integers(0, 7, (4, 9))
    net = ltc2neuro.compile(model, x)
    assert sqnr([model(x).detach().numpy()], [np.asarray(net(x))]) > 30
    assert ltc2neuro.verify(net, model, x, on=["reference"]).passed


def test_an_ltc_is_that_of_torch_with_its_own_weights():
    """ncps.torch without implicit constraints computes the same function: as many ops, bounds, time constants."""
    keras_layer, x = built(LTC(AutoNCP(8, 2), **R)), samples()
    torchs = torch_cells.LTC(2, AutoNCP(8, 2), implicit_param_constraints=False)
    for name, weight in keras_layer.cell._params.items():
        if isinstance(weight, keras.Variable):
            torchs.rnn_cell._params[name].data = weight.value.detach().clone()
    ours, theirs = ltc2neuro.compile(keras_layer, x), ltc2neuro.compile(torchs, x)
    assert [block.repeat for block in ours.float_graph.blocks] == [1, 6, 1]
    assert ours.mapped().ticks_per_sample == theirs.mapped().ticks_per_sample
    assert len(list(ours.float_graph.ops())) == len(list(theirs.float_graph.ops()))
    assert [t.state for t in ours.float_graph.time_constants] == ["ltc.v"]
    (ltc,), (v,) = ours.float_graph.states, theirs.float_graph.states
    for ends in ("low", "high"):
        np.testing.assert_allclose(
            ours.float_graph.constants[getattr(ltc, ends)], theirs.float_graph.constants[getattr(v, ends)]
        )
    np.testing.assert_allclose(np.asarray(ours(x)), np.asarray(theirs(x)), atol=1e-4)


def test_the_keras_model_is_left_as_it_is():
    model, x = sequential(CfC(4, backbone_units=6, **R)), samples()
    before = [v.numpy().copy() for v in model.variables]
    net = ltc2neuro.compile(model, x)
    assert all(np.array_equal(b, v.numpy()) for b, v in zip(before, model.variables, strict=True))
    model.compile("sgd", "mse")
    model.fit(x, samples(4), verbose=0)
    assert not ltc2neuro.verify(net, model, x, on=["reference"]).passed
    assert ltc2neuro.check(model, "loihi2", x) == []
    assert keras.config.is_traceback_filtering_enabled()


def test_the_proof_looks_further_where_code_of_the_user_decides_by_sizes():
    def by_steps(x):
        return x * 2 if x.shape[1] == 3 else x

    plain, own = (sequential(layer) for layer in (layers.Reshape((-1, 2)), layers.Lambda(lambda x: by_steps(x))))
    assert traced(plain, samples()).decisions == Decisions()
    with pytest.raises(ProofError):
        traced(own, samples())


class Doubled(layers.SimpleRNN):
    """A layer whose answer is not its cell's."""

    def call(self, sequences, initial_state=None, mask=None, training=False):
        return 2 * super().call(sequences, initial_state, mask, training)


class Shipped(Gate):
    """A cell as of a package, whose step is written down on one batch, and is another on the next."""

    __module__ = "ncps.none"

    def call(self, x, states):
        h = ops.tanh(ops.concatenate([x, states[0]], -1)[:, :3] + ops.ones((ops.shape(x)[0], 3)))
        return h, [h]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: layers.RNN(Shipped()), "fails where the model does not"),
        (lambda: Doubled(3), "does not answer as the model does"),
        (lambda: layers.Lambda(lambda x: x + keras.random.normal((1, 1, 1))), "when it is called again"),
    ],
)
def test_a_layer_that_would_compute_something_else_is_refused(layer, message):
    with pytest.raises(ProofError, match=message):
        ltc2neuro.compile(sequential(layer()), samples())


def test_the_module_is_torch_with_names_of_keras():
    module = entered(sequential(layers.LSTM(3, name="memory"), layers.Dense(2, name="readout")))
    assert isinstance(module, torch.nn.Module)
    assert {"memory.cell.recurrent_kernel", "readout.kernel"} <= {name for name, _ in module.named_parameters()}


def test_the_page_shows_what_runs(capsys):
    page = (Path(__file__).parents[4] / "docs" / "keras.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    names: dict[str, object] = {}
    exec(
        example.replace("print(ltc2neuro.verify(net, model, x))", "found = ltc2neuro.verify(net, model, x, on=[])"),
        names,
    )
    assert names["found"].passed


def test_all_outputs_are_answers():
    """Also the last state of a layer, which a torch module returns besides; and those of a model in the model."""
    a = keras.Input((None, 4))
    two = keras.Model(a, [layers.Dense(2)(a), layers.GRU(3)(a)])
    x = keras.Input((None, 2))
    y, last = two(layers.Dense(4)(x))
    model = keras.Model(x, [y, last, layers.SimpleRNN(2)(y)])
    given = np.random.default_rng(0).normal(size=(3, 9, 2)).astype(np.float32)
    found = ltc2neuro.compile(model, given)(given)
    expected = [answer.detach().cpu().numpy() for answer in model(given)]
    assert [answer.shape for answer in found] == [answer.shape for answer in expected]
    assert all(np.abs(a - b).max() < 0.02 for a, b in zip(found, expected, strict=True))
