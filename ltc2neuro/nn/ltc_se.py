"""`LTCSE`: the cells that the code of LTC-SE computes, and the usable form of its LTC."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import nn

from hw_models.arguments import check_flag, check_real
from hw_models.errors import InputError
from ltc2neuro.nn.clip import CellClip
from ltc2neuro.nn.recurrence import Recurrent, SizedCell
from ltc2neuro.nn.solvers import choice_of, rk4_change
from ltc2neuro.nn.states import Bound

Activation: TypeAlias = Callable[[torch.Tensor], torch.Tensor]
_Update: TypeAlias = Callable[[Activation, torch.Tensor, torch.Tensor, float], torch.Tensor]

_ACTIVATIONS: dict[str, tuple[Activation, Bound | None]] = {
    "tanh": (torch.tanh, (-1.0, 1.0)),
    "sigmoid": (torch.sigmoid, (0.0, 1.0)),
    "relu": (torch.relu, None),
    "elu": (nn.functional.elu, None),
    "gelu": (nn.functional.gelu, None),
    "silu": (nn.functional.silu, None),
    "softplus": (nn.functional.softplus, None),
}
"""The functions of `tf.nn` that the code may be given, with their range where it has two ends"""


_SOLVERS: dict[str, _Update] = {
    "semi-implicit": lambda act, h, n, alpha: h + (act(n) - h) * alpha,
    "explicit": lambda act, h, n, alpha: h + act(n) * alpha,
    "rk4": lambda act, h, n, alpha: h + rk4_change(act, n, 1 / alpha),
}
_ELMAN = {"2023": True, "2024": False, "ctrnn": True, "node": True}
"""The variants of `LTCSECell`, and whether it is an Elman network"""
_CLASSES = ("ctrnn", "node", "ctgru")
"""Those that are classes of their own in the code, with fewer options"""


class LTCSECell(SizedCell):
    """One sample of LTC-SE: n = W x + U h + b, and then

    - variant "2023": h' = act(n), whatever the solver; so, too, "ctrnn" and "node", which have none
    - variant "2024", solver "semi-implicit": h' = h + alpha (act(n) - h)
    - "explicit": h' = h + alpha act(n)
    - "rk4": h' = h + d / 6 (k1 + 2 k2 + 2 k3 + k4) with d = 1 / alpha, k1 = act(n), k2 = act(n + d k1 / 2),
      k3 = act(n + d k2 / 2), k4 = act(n + d k3).

    `alpha` is what the code calls ode_unfolds: a gain, 6 as published. `activation` is tanh, as published, sigmoid,
    relu, elu, gelu, silu or softplus. `cell_clip` c limits the new state to -c ... c.

    Only the semi-implicit form with 0 < alpha <= 1 keeps the state bounded, in the hull of its start and the range of
    the activation. Where the contraction is lost (alpha >= 2, or a solver without a leak) the constructor raises
    `InputError`, unless `allow_growth` is set or the state is clipped.
    """

    solver: str
    alpha: float
    variant: str
    activation: str
    cell_clip: CellClip
    inputs: nn.Linear
    recurrent: nn.Linear

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        solver: str = "semi-implicit",
        alpha: float = 1.0,
        variant: str = "2024",
        allow_growth: bool = False,
        activation: str = "tanh",
        cell_clip: float | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self._update = choice_of(_SOLVERS, solver, "solver")
        self._elman = choice_of(_ELMAN, variant, "variant")
        self._activation, self._range = choice_of(_ACTIVATIONS, activation, "activation")
        check_real(alpha, "alpha", above=0)
        check_flag(allow_growth, "allow_growth")
        self.solver, self.alpha, self.variant, self.activation = solver, float(alpha), variant, activation
        self.cell_clip = CellClip(cell_clip)
        leaks = self._elman or (solver == "semi-implicit" and alpha < 2)
        if not (leaks or allow_growth or cell_clip):
            leak = f"|1 - alpha| = {abs(1 - alpha):g}, must be below 1"
            raise InputError(
                "contraction lost: the state of this LTC-SE cell grows without bound",
                numbers=leak if solver == "semi-implicit" else f"solver {solver!r} adds to the state and has no leak",
                advice="Use the semi-implicit form with 0 < alpha <= 1, or, to import such a model nevertheless, "
                "allow_growth=True.",
            )
        self.inputs = nn.Linear(input_size, hidden_size)
        self.recurrent = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        """The new state (batch, hidden_size) from the input (batch, input_size) and the state."""
        n = self.inputs(x) + self.recurrent(h)
        new = self._activation(n) if self._elman else self._update(self._activation, h, n, self.alpha)
        return self.cell_clip(new)

    def state_bounds(self, elapsed: float) -> Sequence[Bound | None]:
        """A mean of the state and the activation where alpha <= 1; the clip."""
        mean = self._elman or (self.solver == "semi-implicit" and self.alpha <= 1)
        return [self.cell_clip.bound(self._range if mean else None)]

    @property
    def unbounded(self) -> bool:
        """Whether nothing keeps the state bounded for each choice of weights."""
        return self.state_bounds(1.0) == [None]


class LTCSEGRUCell(SizedCell):
    """One sample of what the code of LTC-SE calls CTGRU, a plain gated recurrent unit:

        [z r] = sigmoid(W x + U h + b),  c = tanh(Wc x + r (Uc h) + bc),  h' = (1 - z) h + z c

    `cell_clip` c limits the new state to -c ... c. The state stays in the hull of its start and (-1, 1).
    """

    cell_clip: CellClip
    gate_inputs: nn.Linear
    inputs: nn.Linear
    gate_recurrent: nn.Linear
    recurrent: nn.Linear

    def __init__(self, input_size: int, hidden_size: int, cell_clip: float | None = None) -> None:
        super().__init__(input_size, hidden_size)
        self.cell_clip = CellClip(cell_clip)
        self.gate_inputs, self.inputs = nn.Linear(input_size, 2 * hidden_size), nn.Linear(input_size, hidden_size)
        self.gate_recurrent = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        self.recurrent = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        """The new state (batch, hidden_size) from the input (batch, input_size) and the state."""
        z, r = torch.sigmoid(self.gate_inputs(x) + self.gate_recurrent(h)).chunk(2, -1)
        new = torch.tanh(self.inputs(x) + r * self.recurrent(h))
        return self.cell_clip(h + z * (new - h))

    def state_bounds(self, elapsed: float) -> Sequence[Bound | None]:
        """A mean of the state and a tanh; the clip."""
        return [self.cell_clip.bound((-1.0, 1.0))]


class LTCSE(Recurrent):
    """A layer of the cells of LTC-SE: `y, h = LTCSE(3, 8, alpha=0.5)(x)`.

    `variant` "2024" and "2023" are its LTC of those years, "ctrnn", "node" and "ctgru" the classes of these names
    beside it; see `LTCSECell` and, for "ctgru", `LTCSEGRUCell`.

    M. Bidollahkhani, F. Atasoy, H. Abdellatef, "LTC-SE: Expanding the Potential of Liquid Time-Constant Neural Networks
    for Scalable AI and Embedded Systems", arXiv 2304.08691; the equations are those of its code.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        solver: str = "semi-implicit",
        alpha: float = 1.0,
        variant: str = "2024",
        allow_growth: bool = False,
        activation: str = "tanh",
        cell_clip: float | None = None,
        return_sequences: bool = True,
        batch_first: bool = True,
    ) -> None:
        choice_of({**_ELMAN, "ctgru": False}, variant, "variant")
        if variant in _CLASSES and (solver, alpha) != ("semi-implicit", 1.0):
            raise InputError(f"the {variant} of LTC-SE has neither a solver nor a gain", advice="Leave them out.")
        if variant in ("node", "ctgru") and activation != "tanh":
            raise InputError(f"the {variant} of LTC-SE has no activation to choose: it is tanh", advice="Leave it out.")
        cell = (
            LTCSEGRUCell(input_size, hidden_size, cell_clip)
            if variant == "ctgru"
            else LTCSECell(input_size, hidden_size, solver, alpha, variant, allow_growth, activation, cell_clip)
        )
        super().__init__(cell, return_sequences, batch_first)
