"""`Stream`: a network sample by sample, for closed loops."""

from __future__ import annotations

from hw_models.arguments import check_count
from ltc2neuro.compiled.given_states import GivenStates
from ltc2neuro.compiled.parts import Parts


class Stream:
    """Keeps the state between samples; the integers are those of one long run on the reference.

    `state` is that after the latest sample, (batch, size) by name, to start a run or another stream from; None before
    the first one. What more than a thousandth of so far was clipped is warned of once, when it begins, or is an error
    where the stream is `strict`: see `Network.run`.
    """

    def __init__(
        self, net: Parts, batch: int | None, state: GivenStates | None = None, *, strict: bool = False
    ) -> None:
        if batch is not None:
            check_count(batch, "batch")
