"""What is refused of a Keras model: one clear error, with the reason and what to do."""

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs the extra keras")
pytest.importorskip("ncps", reason="needs the extra torch")

import keras
import torch
from keras import layers, ops
from ncps.keras import LTC, CfC

import ltc2neuro
from ltc2neuro.errors import InputError, TraceError


def samples(features=2):
    return np.random.default_rng(1).uniform(-1, 1, (4, 8, features)).astype(np.float32)


def of(layer, *, batch=None):
    return keras.Sequential([keras.Input((None, 2), batch_size=batch), layer])


def functional(answer):
    x = keras.Input((None, 2))
    return keras.Model(x, answer(x))


class Own(keras.Model):
    def __init__(self, rnn=layers.GRU):
        super().__init__()
        self.rnn, self.readout = rnn(3, return_sequences=True), layers.Dense(1)

    def call(self, x):
        return self.readout(self.rnn(x))


def two_inputs(name="u"):
    x, u = keras.Input((None, 2), name="x"), keras.Input((None, 3), name=name)
    return keras.Model([x, u], layers.Concatenate()([x, u]))


def repeated():
    x, s = keras.Input((8, 2)), keras.Input((3,))
    return keras.Model([x, s], layers.Concatenate()([x, layers.RepeatVector(8)(s)]))


def half():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        return of(layers.GRU(3))
    finally:
        keras.config.set_dtype_policy("float32")


def half_cell():
    layer = layers.RNN(layers.GRUCell(3, dtype="mixed_bfloat16"), name="rnn")
    layer(samples())
    return keras.Sequential([keras.Input((None, 2)), layer])


def own():
    model = Own()
    model(samples())
    return model


def quantized():
    model = of(layers.Dense(3))
    model.quantize("int8")
    return model


def diverged():
    model = of(layers.GRU(3))
    model.layers[0].cell.kernel.assign(np.full((2, 9), np.nan))
    return model


def negative():
    model = of(LTC(4))
    model.layers[0].cell._params["w"].assign(-np.ones((4, 4)))
    return model


@pytest.mark.parametrize(
    ("make", "what", "where"),
    [
        (
            lambda: of(layers.LSTM(3, stateful=True, name="rnn"), batch=4),
            "goes on from the batch before",
            "'rnn' (LSTM)",
        ),
        (lambda: of(layers.GRU(3, go_backwards=True)), "goes backwards", "(GRU)"),
        (lambda: of(layers.Bidirectional(layers.GRU(3))), "goes backwards", "(Bidirectional)"),
        (lambda: of(layers.Masking()), "a mask leaves out samples", "(Masking)"),
        (
            lambda: functional(lambda x: layers.GRU(3)(x, mask=ops.any(ops.not_equal(x, 0.0), -1))),
            "is given a mask",
            "(GRU)",
        ),
        (lambda: keras.Sequential([layers.GRU(3)]), "no weights yet", "the model (Sequential)"),
        (own, "shows no graph of its layers", "the model (Own)"),
        (lambda: two_inputs("timespans"), "an input is called timespans", "the model (Functional)"),
        (repeated, "a vector is repeated 8 times", "(RepeatVector)"),
        (half, "half precision", ""),
        (half_cell, "half precision", "'rnn.cell' (GRUCell)"),
        (quantized, "quantized", "(Dense)"),
        (diverged, "a weight is not finite", "cell.kernel"),
        (negative, "a conductance is negative", ".cell.w"),
        (
            lambda: keras.Sequential([keras.Input((None, 2, 1)), layers.TimeDistributed(layers.GRU(2))]),
            "something other than a batch of whole sequences",
            "time_distributed.each.gru",
        ),
    ],
)
def test_what_no_chip_does(make, what, where):
    model, x = make(), samples()
    with pytest.raises(TraceError) as caught:
        ltc2neuro.compile(model, x[..., None] if "distributed" in where else x)
    assert what in caught.value.what and where in caught.value.where
    assert caught.value.advice


class Twice(keras.Sequential):
    def call(self, x, **options):
        return 2 * super().call(x, **options)


def test_a_functional_or_sequential_model_with_a_call_of_its_own():
    model, inputs = Twice([keras.Input((None, 2)), layers.GRU(3)]), keras.Input((None, 2))
    outer, x = keras.Model(inputs, model(inputs)), samples()
    for each in (model, outer):
        with pytest.raises(TraceError, match="shows no graph of its layers"):
            ltc2neuro.compile(each, x)
    functional = keras.Model(inputs, model.call(inputs))
    np.testing.assert_allclose(np.asarray(ltc2neuro.compile(functional, x)(x)), model(x).detach().numpy(), atol=0.02)


def test_the_advice_for_a_model_that_is_a_class_works():
    model, inputs = own(), keras.Input((None, 2))
    functional = keras.Model(inputs, model.call(inputs))
    x = samples()
    np.testing.assert_allclose(np.asarray(ltc2neuro.compile(functional, x)(x)), model(x).detach().numpy(), atol=0.02)


def test_an_ltc_that_lost_its_wiring():
    """Its masks are on the meta device of torch, which multiplies by them, in place, as by 1."""
    model, x = Own(LTC), samples()
    model(x)
    inputs, anew = keras.Input((None, 2)), Own(LTC)
    with pytest.raises(TraceError, match="has lost its wiring") as caught:
        ltc2neuro.compile(keras.Model(inputs, model.call(inputs)), x)
    assert "set_weights" in caught.value.advice
    functional = keras.Model(inputs, anew.call(inputs))
    functional.set_weights(model.get_weights())
    np.testing.assert_allclose(
        np.asarray(ltc2neuro.compile(functional, x)(x)), functional(x).detach().numpy(), atol=0.01
    )


def test_a_keras_layer_in_a_torch_module():
    layer, x = layers.GRU(3), samples()
    layer(x)
    with pytest.raises(InputError, match="a recurrent layer of Keras in it") as caught:
        ltc2neuro.compile(torch.nn.Sequential(layer), x)
    assert caught.value.where == "module '0'"


def test_samples_and_times_that_a_keras_model_does_not_take():
    model, x = of(CfC(3, backbone_units=4)), samples()
    with pytest.raises(InputError, match="takes no timespans"):
        ltc2neuro.compile(model, x, timespans=np.ones(x.shape[:2]))
    with pytest.raises(InputError, match="a time of 1"):
        ltc2neuro.compile(model, x, dt=0.1)
    for given in (samples(features=3), x[..., None], x[..., :1]):
        with pytest.raises(InputError, match="another shape than the model takes"):
            ltc2neuro.compile(model, given)
    with pytest.raises(InputError, match="fails on these samples in Keras"):
        ltc2neuro.compile(layers.Reshape((3, 5)), x)
    single = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    with pytest.raises(InputError, match="single samples") as caught:
        ltc2neuro.compile(single, x)
    assert "TimeDistributed(model)" in caught.value.advice
    net = ltc2neuro.compile(of(layers.TimeDistributed(single)), x)
    assert np.asarray(net(x)).shape == (4, 8, 1)


def test_several_inputs_that_a_model_does_not_take():
    model, x, u = two_inputs(), samples(), samples(3)
    for given, what, numbers in (
        (x, "the input 'u' is missing", "x, u"),
        ({"x": x, "v": u}, "there is no input 'v'", "x, u"),
        ([x, u, u], "3 inputs are too many", "x, u"),
        ((x, x), "another shape than the model takes", "takes u = (None, None, 3), given x = (8, 8, 2), u = (8, 8, 2)"),
        ((x, samples(1)), "another shape than the model takes", "u = (8, 8, 1)"),  # Keras itself takes a single feature
    ):
        with pytest.raises(InputError, match=what) as caught:
            ltc2neuro.compile(model, given)
        assert numbers in caught.value.numbers


def test_another_backend_is_refused_with_what_to_set(monkeypatch):
    """No other backend is installed here, so Keras is told that it runs on one."""
    model, x = of(layers.GRU(3)), samples()
    net = ltc2neuro.compile(model, x)
    monkeypatch.setattr(keras.src.backend.config, "_BACKEND", "jax")
    for call in (
        lambda: ltc2neuro.compile(model, x),
        lambda: ltc2neuro.check(model, "loihi2", x),
        lambda: ltc2neuro.verify(net, model, x),
    ):
        with pytest.raises(InputError, match="its torch backend") as caught:
            call()
        assert "runs on jax" in caught.value.numbers
        assert "KERAS_BACKEND=torch must be set before Keras is first imported" in caught.value.advice
