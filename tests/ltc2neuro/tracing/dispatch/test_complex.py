"""A network computes with real numbers: complex ones are refused with what to write instead."""

import numpy as np
import pytest
import torch

from hw_models.errors import TraceError
from ltc2neuro.tracing import trace


class Complex(torch.nn.Module):
    def __init__(self, function, weight) -> None:
        super().__init__()
        self.function, self.weight = function, torch.nn.Parameter(weight)

    def forward(self, x):
        return self.function(x, self.weight)


REAL = torch.ones(2)


@pytest.mark.parametrize(
    ("function", "weight"),
    [
        (lambda x, w: torch.complex(x, x * w).abs(), REAL),
        (lambda x, w: (x * w * 1j).imag, REAL),
        (lambda x, w: torch.view_as_complex(torch.stack([x, x * w], -1)).real, REAL),
        (lambda x, w: (x * w).to(torch.complex64).real, REAL),
        (lambda x, w: torch.fft.rfft(x * w).abs(), REAL),
        (lambda x, w: (x * w).abs(), torch.complex(REAL, REAL)),  # torch's own .to(float64) drops the imaginary parts
    ],
)
def test_complex_numbers_are_refused(function, weight):
    with pytest.raises(TraceError, match="the real and the imaginary part by hand"):
        trace(Complex(function, weight), [np.ones((5, 2))])
