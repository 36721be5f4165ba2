"""Keras models compile as they are: what their own cells compute, in integers, and the refusals."""

import numpy as np
import pytest

pytest.importorskip("keras", reason="needs the extra keras")
pytest.importorskip("ncps", reason="needs the extra torch")

import keras
from keras import layers
from ncps.keras import CfC

import ltc2neuro
from ltc2neuro.metrics import sqnr


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.set_random_seed(0)


def samples(features=2, rows=6, steps=20):
    return np.random.default_rng(1).uniform(-1, 1, (rows, steps, features)).astype(np.float32)


def sequential(*given, features=2):
    return keras.Sequential([keras.Input((None, features)), *given])


def test_a_cfc_and_a_readout_compile():
    model, x = sequential(CfC(5, backbone_units=8, return_sequences=True), layers.Dense(1)), samples()
    net = ltc2neuro.compile(model, x)
    answer = keras.ops.convert_to_numpy(model(x))
    assert sqnr([answer], [np.asarray(net(x))]) > 40
    found = ltc2neuro.verify(net, model, x)
    assert found.passed and any(row.check == "float graph against torch" and row.held for row in found.rows)
