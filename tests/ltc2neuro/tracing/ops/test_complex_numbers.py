"""Complex numbers are pairs of real ones: state spaces as they are written, each function, and what is refused."""

import math

import numpy as np
import pytest
import torch
from forwards import Net
from layer_agreement import executors_agree, over_many_steps
from torch import nn
from torch.nn import functional

from hw_models.errors import TraceError
from ltc2neuro.nn import Recurrent, repeat
from ltc2neuro.tracing import trace

X = np.random.default_rng(0).normal(size=(4, 30, 3))
N = 4


class LRU(nn.Module):
    """Eigenvalues within the unit circle; `step(model, lam, h, x_t)` gives the next state, and the answer."""

    def __init__(self, step, *, start=lambda rows, kind: torch.zeros(rows, N, dtype=kind)):
        super().__init__()
        self.step, self.start = step, start
        size = torch.linspace(0.5, 0.95, N)
        self.nu = nn.Parameter(torch.log(-torch.log(size)))
        self.theta = nn.Parameter(torch.log(torch.linspace(0.1, 2.0, N)))
        self.b = nn.Parameter(torch.randn(N, 3, dtype=torch.cfloat) / 3)
        self.c = nn.Parameter(torch.randn(2, N, dtype=torch.cfloat) / 3)
        self.skip = nn.Linear(3, 2)

    def forward(self, x):
        lam = torch.exp(-torch.exp(self.nu) + 1j * torch.exp(self.theta))
        h, answers = self.start(len(x), lam.dtype), []
        for x_t in x.unbind(1):
            h, y = self.step(self, lam, h, x_t)
            answers.append(y)
        return torch.stack(answers, 1)


class S4D(nn.Module):
    """Diagonal, of N states for each of 3 channels; `discrete(a, dt)` gives the factors of h and of the input."""

    def __init__(self, discrete, step=lambda a, b, h, u: a * h + b * u):
        super().__init__()
        self.discrete, self.step = discrete, step
        self.log_a_real = nn.Parameter(torch.full((3, N), math.log(0.5)))
        self.a_imag = nn.Parameter(math.pi * torch.arange(1.0, N + 1).repeat(3, 1))
        self.log_dt = nn.Parameter(torch.linspace(-3.0, -1.0, 3))
        self.c = nn.Parameter(torch.randn(3, N, 2))
        self.rate = nn.Linear(3, 3)

    def forward(self, x):
        a, c = -torch.exp(self.log_a_real) + 1j * self.a_imag, torch.view_as_complex(self.c)
        factors = self.discrete(a, torch.exp(self.log_dt)[:, None])
        h, answers = torch.zeros(len(x), 3, N, dtype=a.dtype), []
        for t in range(x.shape[1]):
            if factors is None:  # the input tells how long a step is
                dt = 0.1 * functional.softplus(self.rate(x[:, t]))[..., None]
                h = self.step(torch.exp(dt * a), dt, h, x[:, t, :, None])
            else:
                h = self.step(*factors, h, x[:, t, :, None])
            answers.append(2 * torch.einsum("hn,bhn->bh", c, h).real)
        return torch.stack(answers, 1)


def matrices(model, lam, h, x):
    h = lam * h + x.to(lam.dtype) @ model.b.T
    return h, (h @ model.c.mT).real + model.skip(x)


def parts(model, lam, h, x):
    h = h * lam + torch.complex(x @ model.b.real.T, x @ model.b.imag.T)
    return h, h.real @ model.c.real.T - h.imag @ model.c.imag.T


def products(model, lam, h, x):
    h = torch.addcmul(torch.einsum("nd,bd->bn", model.b, x.type_as(lam)), lam, h)
    return h, torch.view_as_real(functional.linear(h, model.c)).flatten(1)


def sizes(model, lam, h, x):
    h = lam * h + (model.b @ x.to(lam.dtype).unsqueeze(-1)).squeeze(-1)
    return h, torch.cat([h.abs(), (h * h.conj()).real], -1)


def zero_order_hold(a, dt):
    return torch.exp(a * dt), (torch.exp(a * dt) - 1) / a


def bilinear(a, dt):
    return (1 + a * dt / 2) / (1 - a * dt / 2), dt / (1 - a * dt / 2)


def in_place(a, b, h, u):
    h *= a
    return h.add_(b * u)


def buffered(model, x):
    """All states in one tensor, read out at once."""
    lam, b = torch.polar(torch.linspace(0.5, 0.9, N), torch.linspace(0.1, 1.0, N)).to(x.dtype.to_complex()), model.b
    h, states = torch.zeros(len(x), N, dtype=lam.dtype), torch.empty(len(x), x.shape[1], N, dtype=lam.dtype)
    for t in range(x.shape[1]):
        h = lam * h + b(x[:, t])
        states[:, t] = h
    return torch.cat([states.real, states.imag[..., :2]], -1)


def solved(model, x):
    """Sub-steps of a solver over a complex state."""
    h, answers = torch.zeros(len(x), N, dtype=x.dtype.to_complex()), []
    for t in range(x.shape[1]):
        u = model.b(x[:, t])
        h = repeat(lambda h, u=u: h + 0.2 * (2j * h - h + u), h, 3)
        answers.append(h.imag)
    return torch.stack(answers, 1)


LOOPS = {
    "LRU": lambda: LRU(matrices),
    "LRU, part by part": lambda: LRU(parts),
    "LRU by einsum, linear and addcmul": lambda: LRU(products, start=lambda rows, kind: 0.3 * torch.ones(N).to(kind)),
    "sizes of states": lambda: LRU(sizes),
    "S4D": lambda: S4D(zero_order_hold),
    "S4D, bilinear, in place": lambda: S4D(bilinear, in_place),
    "Liquid-S4": lambda: S4D(bilinear, lambda a, b, h, u: (a + 0.2 * b * torch.tanh(u)) * h + b * u),
    "steps by the input": lambda: S4D(lambda a, dt: None),
    "a buffer": lambda: Net(buffered, b=nn.Linear(3, N)),
    "sub-steps": lambda: Net(solved, b=nn.Linear(3, N)),
}


@pytest.mark.parametrize("make", LOOPS.values(), ids=LOOPS)
def test_loops_over_complex_states_are_torchs(make):
    torch.manual_seed(0)
    over_many_steps(make(), X, 1000)


def test_the_parts_are_states_by_their_names_and_all_executors_agree():
    torch.manual_seed(0)
    model = LRU(matrices)
    assert [(s.name, s.size) for s in trace(model, list(X)).graph.states] == [("h.real", N), ("h.imag", N)]
    assert executors_agree(model, X.astype(np.float32), on=("native",)) > 45


def everything(model, x):
    z, w = torch.complex(x, x.roll(1, -1)), model.w.weight.to(x.dtype.to_complex()) * (1 + 2j)
    fixed, real = w[0], torch.view_as_real
    found = {
        "numbers": real(2j * z - (1 - z) / (3 + 4j) + z / 2 + 3 + 0 * z - torch.add(z, 2, alpha=3)),
        "constants": real(fixed - z * fixed + x * fixed),
        "matrices": real(z @ w.T - functional.linear(z, w, fixed) + torch.matmul(x, w.real)),
        "tensordot": real(torch.tensordot(z, w, 1)),
        "moved": real(torch.cat([z[..., 1:], z[..., :1].flip(-1)], -1).mT.transpose(1, 2) + -z.clone()),
        "sums": real(z.sum(-1, keepdim=True) + z.mean(-1, keepdim=True) + z.diff(dim=-1)),
        "conj": (z.conj() * z).real + torch.real(z) + torch.imag(z.resolve_conj()) + x.conj() + z.adjoint().mT.imag,
        "size": torch.abs(z) + z.abs().square(),
        "angle": torch.angle(torch.complex(1.5 + x.tanh(), x)),
        "exp": real(torch.exp(0.3 * z) + torch.polar(x.tanh(), x)),
        "log": real(torch.log(torch.complex(2.5 + x.tanh(), x))),
        "powers": real(z**3 + z.square() + (z + 9).reciprocal() + torch.complex(2 + x * x, x) ** -2),
        "quotients": real(z / torch.complex(2 + x * x, x) + 1j / torch.complex(3 + x * x, x)),
        "chosen": real(torch.where(x > 0, z, 1j) + z.masked_fill(x < -1, 2 + 1j)),
        "padded": real(functional.pad(z, (1, 0))),
        "types": z.to(x.dtype) + z.to(torch.complex128).real + x.to(z.dtype).real + torch.complex(x, x).to(z).imag,
    }
    z = z.clone()
    z[..., 0] = torch.tensor(1j)
    z[..., 1:] *= 2j
    return {**found, "written": real(z)}


@pytest.mark.filterwarnings("ignore:Casting complex values to real")
def test_functions_are_torchs():
    torch.manual_seed(0)
    over_many_steps(Net(everything, w=nn.Linear(3, 3)), X, 50)


def test_what_is_known_of_a_tensor_is_what_torch_knows():
    def forward(model, x):
        z = torch.complex(x, x)
        assert z.is_complex() and z.dtype.is_complex and z.shape[-1] == z.size(-1) == 3
        assert torch.zeros_like(z).is_complex() and not torch.is_complex(x)
        return z.real

    trace(Net(forward), list(X))


REFUSED = {
    "torch.tanh": (lambda x: torch.tanh(torch.complex(x, x)).real, "tanh of complex numbers is not supported"),
    "a comparison": (lambda x: (x * 1j == 1).float(), "eq of complex numbers is not supported"),
    "fractions": (lambda x: ((x * 1j) ** 0.5).real, "whole powers up to 16"),
    "a transform": (lambda x: torch.fft.rfft(x, dim=1).abs(), "step the state that it stands for"),
    "numpy": (lambda x: torch.complex(x, x).numpy(), "leaves the recording through numpy"),
    "a complex answer": (lambda x: x * 1j, r"return y.real"),
}


@pytest.mark.parametrize(("function", "said"), REFUSED.values(), ids=REFUSED)
def test_the_rest_is_refused(function, said):
    with pytest.raises(TraceError) as error:
        trace(Net(lambda model, x: function(x)), list(X))
    assert error.match(said)


def test_complex_answers_of_a_loop_are_refused():
    torch.manual_seed(0)
    with pytest.raises(TraceError, match="the model's result is complex"):
        trace(LRU(lambda model, lam, h, x: (lam * h + x[:, :1], h)), list(X))


def test_a_complex_state_under_recurrent_is_refused():
    class Cell(nn.Module):
        state_size = 3

        def forward(self, x, h):
            h = 0.5j * h + x
            return h.real, h

    with pytest.raises(TraceError, match="the new state of a cell is complex"):
        trace(Net(lambda model, x: model.rnn(x)[0], rnn=Recurrent(Cell())), list(X))
