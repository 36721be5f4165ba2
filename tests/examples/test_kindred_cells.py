"""Cells of the field that no part of the compiler knows compile as any other, and read digits as they do in torch."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the extra torch")
pytest.importorskip("sklearn", reason="the digits come with scikit-learn")

import torch
from kindred_cells import CELLS, TRAIN, digits, fitted

import ltc2neuro

X, LABELS = digits()


@pytest.mark.filterwarnings("ignore:.*(calibration|clipped)")
@pytest.mark.parametrize("name", CELLS)
def test_a_cell_reads_digits_as_it_does_in_torch(name):
    model, test = fitted(name, X, LABELS), X[TRAIN : TRAIN + 100]
    net = ltc2neuro.compile(model, X[:TRAIN:12])
    assert net.readout == "mean" and "as the mean over all steps" in str(net)
    assert ltc2neuro.verify(net, model, test[:20], min_sqnr=25.0, on=["simulator"]).passed
    with torch.no_grad():
        truth = model(torch.from_numpy(test)).numpy()
    right = [np.mean(np.argmax(y, -1) == LABELS[TRAIN : TRAIN + 100]) for y in (truth, net(test))]
    assert right[0] > 0.5 and abs(right[0] - right[1]) <= 0.03
