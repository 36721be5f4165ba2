"""`Recurrent` runs a cell over sequences, `repeat` runs a solver's step several times within one sample.

Both are plain loops in torch; when a model is compiled, a step of either is recorded once.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import TypeVar

import torch
from torch.overrides import handle_torch_function, has_torch_function

from hw_models.arguments import check_count, check_counts, check_flag, shown
from hw_models.errors import InputError

State = TypeVar("State", torch.Tensor, tuple[torch.Tensor, ...])

ELAPSED = ("elapsed_time", "elapsed", "timespan", "timespans", "ts", "dt")


class SizedCell(torch.nn.Module):
    """Base of our cells: `input_size` features, `hidden_size` units, and other `counts` that are checked to be some."""

    input_size: int
    hidden_size: int

    def __init__(self, input_size: int, hidden_size: int, **counts: int) -> None:
        super().__init__()
        check_counts(input_size=input_size, hidden_size=hidden_size, **counts)
        self.input_size, self.hidden_size = input_size, hidden_size


class Recurrent(torch.nn.Module):
    """A cell as a layer: `y, hx = Recurrent(cell)(x)`.

    `cell(x, state)` takes one step of each row and returns the new state, or the output and the new state. A cell whose
    third argument is called elapsed_time, elapsed, timespan, timespans, ts or dt is given the time before the sample,
    too: 1, or that of `timespans`. `cell.state_size` or `cell.hidden_size` is the size of its state, or a tuple of
    sizes where the state is a tuple of tensors. The initial state is 0.
    """

    return_sequences: bool
    batch_first: bool

    def __init__(self, cell: torch.nn.Module, return_sequences: bool = True, batch_first: bool = True) -> None:
        super().__init__()
        if not isinstance(cell, torch.nn.Module):
            raise InputError(
                "a cell must be a torch.nn.Module", numbers=f"cell = {shown(cell)}", advice="Give Recurrent(MyCell())."
            )
        state_shapes(cell)
        _check_call(cell)
        self.cell = cell
        self.return_sequences = check_flag(return_sequences, "return_sequences")
        self.batch_first = check_flag(batch_first, "batch_first")

    def forward(
        self,
        x: torch.Tensor,
        hx: torch.Tensor | tuple[torch.Tensor, ...] | None = None,
        timespans: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor | tuple[torch.Tensor, ...]]:
        """Run over `x` (batch, time, features), or (time, batch, features) where batch_first is False.

        `timespans` (batch, time) holds the time before each sample. Returns the outputs (at every step, or the last
        one's) and the last state.
        """
        time = 1 if self.batch_first else 0
        if not isinstance(x, torch.Tensor):
            raise InputError(
                "a layer takes a tensor", numbers=f"x = {shown(x)}", advice="For an array: torch.as_tensor(x)."
            )
        if x.dim() < 3 or x.shape[time] == 0:
            raise InputError(
                "a recurrent layer needs a batch of sequences",
                numbers=f"the shape is {tuple(x.shape)}",
                advice="Give (batch, time, features) with at least one step.",
            )
        _check_features(self.cell, x)
        _check_kind(self.cell, x)
        shapes = state_shapes(self.cell)
        zeros = tuple(x.new_zeros((x.shape[1 - time], *shape)) for shape in shapes)
        state = _start(self.cell, zeros if hx is None else hx, zeros)
        if timespans is not None and not takes_time(self.cell):
            raise InputError(
                f"the cell {type(self.cell).__name__} takes no elapsed time",
                advice="Leave out timespans, or give its forward a third argument named elapsed_time.",
            )
        given = tuple(timespans.shape) if isinstance(timespans, torch.Tensor) else type(timespans).__name__
        if timespans is not None and given not in (tuple(x.shape[:2]), (*x.shape[:2], 1)):
            raise InputError(
                "timespans do not fit the samples",
                numbers=f"given {given}, expected {tuple(x.shape[:2])}",
                advice="Give the time before each sample, in the order of axes that x has.",
            )
        outputs: list[torch.Tensor] = []
        timed = takes_time(self.cell)
        for step, x_t in enumerate(x.unbind(time)):
            elapsed = 1.0 if timespans is None else timespans.select(time, step).reshape(-1, 1)
            result = self.cell(x_t, state, elapsed) if timed else self.cell(x_t, state)
            y, state = output_and_state(result, self.cell)
            outputs.append(y)
        return (torch.stack(outputs, time) if self.return_sequences else outputs[-1]), state


def repeat(step: Callable[[State], State], state: State, times: int) -> State:
    """`state = step(state)`, `times` times: the sub-steps of a solver.

    `state` is a tensor or a tuple of tensors. Compiled, the step is one block that runs `times` times a sample; what
    it takes from outside must not change from one time to the next.

    >>> repeat(lambda v: v + 1.0, torch.zeros(2), 3)
    tensor([3., 3.])
    """
    check_count(times, "times")
    tensors = (state,) if isinstance(state, torch.Tensor) else state
    if not isinstance(tensors, tuple) or not tensors or not all(isinstance(t, torch.Tensor) for t in tensors):
        raise InputError("a state is a tensor or a tuple of tensors", numbers=f"state = {shown(state)}")
    if not callable(step):
        raise InputError(
            "a step is a function of the state", numbers=f"step = {shown(step)}", advice="repeat(step, state, times)"
        )
    if has_torch_function(tensors):  # a model that is being traced records the step once
        return handle_torch_function(repeat, tensors, step, state, times)
    for _ in range(times):
        state = step(state)
    return state


def state_shapes(cell: torch.nn.Module) -> tuple[tuple[int, ...], ...]:
    """The shape of each of a cell's states for one row, from `state_size` or `hidden_size`."""
    size = getattr(cell, "state_size", None) or getattr(cell, "hidden_size", None)
    if isinstance(cell, torch.nn.LSTMCell):
        return ((cell.hidden_size,), (cell.hidden_size,))
    sizes = size if isinstance(size, tuple) else (size,)
    shapes = tuple((int(s),) for s in sizes if isinstance(s, Integral) and int(s) > 0)
    if shapes and len(shapes) == len(sizes):
        return shapes
    raise InputError(
        f"the cell {type(cell).__name__} does not give the size of its state",
        where=written(cell),
        numbers=f"state_size is {getattr(cell, 'state_size', None)!r}, "
        f"hidden_size {getattr(cell, 'hidden_size', None)!r}",
        advice="Give it an attribute state_size: a whole number, or a tuple of them.",
    )


def takes_time(cell: torch.nn.Module) -> bool:
    """Whether the third argument of the cell's forward is the elapsed time, by its name."""
    third = _arguments(cell)[2:3]
    return bool(third) and third[0].name in ELAPSED and third[0].kind is not inspect.Parameter.KEYWORD_ONLY


def written(module: torch.nn.Module) -> str:
    """Where the forward of a cell or model is written, for messages."""
    code = getattr(inspect.unwrap(type(module).forward), "__code__", None)
    name = f"{type(module).__name__}.forward"
    return name if code is None else f"{code.co_filename}, line {code.co_firstlineno}: {name}"


def _arguments(cell: torch.nn.Module) -> list[inspect.Parameter]:
    return list(inspect.signature(type(cell).forward).parameters.values())[1:]


def _check_features(cell: torch.nn.Module, x: torch.Tensor) -> None:
    """Refuse other features than the cell has, where it tells: an elementwise map would repeat a single one."""
    size = getattr(cell, "input_size", None)
    if isinstance(size, Integral) and x.dim() == 3 and x.shape[2] != size:
        raise InputError(
            f"the cell {type(cell).__name__} takes another number of features",
            numbers=f"the shape is {tuple(x.shape)}, expected {size} features",
        )


def _check_kind(cell: torch.nn.Module, x: torch.Tensor) -> None:
    """Refuse what torch would in words of its own: sparse tensors, those on another device or, for our own cells,
    which multiply `x` with their weights, of another type than these."""
    if x.layout is not torch.strided:
        raise InputError("a layer takes a dense tensor", numbers=f"x is {x.layout}", advice="Give x.to_dense().")
    weight = next(cell.parameters(), None)
    if weight is None:
        return
    name = type(cell).__name__
    if x.device != weight.device:
        raise InputError(
            "a layer and its input are on different devices",
            numbers=f"x is on {x.device}, the weights of {name} on {weight.device}",
            advice="A tensor on meta has no numbers: make it anew."
            if x.is_meta or weight.is_meta
            else f"Move one of them: x.to({str(weight.device)!r}).",
        )
    own = type(cell).__module__.startswith(f"{__package__}.")
    if own and x.dtype != weight.dtype and not torch.is_autocast_enabled(x.device.type):
        raise InputError(
            "a layer and its input are of different types",
            numbers=f"x is {x.dtype}, the weights of {name} {weight.dtype}",
            advice=f"Convert one of them: x.to({weight.dtype}).",
        )


def _start(cell: torch.nn.Module, hx: object, zeros: Sequence[torch.Tensor]) -> torch.Tensor | tuple[torch.Tensor, ...]:
    """The state to start from; refuses what torch might repeat into a batch of another shape."""
    given = tuple(hx) if isinstance(hx, (tuple, list)) else (hx,)
    states = tuple(h for h in given if isinstance(h, torch.Tensor))
    fit = len(given) == len(states) == len(zeros) and all(
        h.shape in (zero.shape, (1, *zero.shape[1:]), zero.shape[1:]) for h, zero in zip(states, zeros, strict=True)
    )
    if not fit:
        shapes = (str(tuple(h.shape)) if isinstance(h, torch.Tensor) else type(h).__name__ for h in given)
        raise InputError(
            f"hx is not a state of the cell {type(cell).__name__}",
            numbers=f"given {', '.join(shapes)}; expected {', '.join(str(tuple(zero.shape)) for zero in zeros)}",
            advice="Give the state that an earlier call returned: (batch, size), and a tuple where there are several. "
            "There is no axis for layers.",
        )
    return states[0] if len(states) == 1 else states


def _check_call(cell: torch.nn.Module) -> None:
    """Refuse a cell that cannot be called with an input, a state and, by its name, the elapsed time."""
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    more = _arguments(cell)[3 if takes_time(cell) else 2 :]
    needed = [p.name for p in more if p.default is inspect.Parameter.empty and p.kind not in optional]
    if needed:
        raise InputError(
            f"the cell {type(cell).__name__} needs more than an input and a state",
            where=written(cell),
            numbers=f"its forward needs {', '.join(needed)}",
            advice=f"Name a third argument for the elapsed time {ELAPSED[1]}; give others default values.",
        )


def output_and_state(
    result: object, cell: torch.nn.Module
) -> tuple[torch.Tensor, torch.Tensor | tuple[torch.Tensor, ...]]:
    """Output and new state of what `cell` returned."""
    if isinstance(cell, torch.nn.LSTMCell) and isinstance(result, tuple):  # two states, the first is its output
        return result[0], result
    if isinstance(result, torch.Tensor):
        return result, result
    if isinstance(result, (tuple, list)) and len(result) == 2 and isinstance(result[0], torch.Tensor):
        y, state = result
        return y, tuple(state) if isinstance(state, list) else state
    length = f" of {len(result)}" if isinstance(result, (tuple, list)) else ""
    raise InputError(
        f"the cell {type(cell).__name__} returns neither a state nor an output and a state",
        where=written(cell),
        numbers=f"it returned a {type(result).__name__}{length}",
        advice="Return the new state, or (y, state), in which several states are a tuple.",
    )
