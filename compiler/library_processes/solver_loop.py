"""From blocks to one iteration: every op runs in each iteration of the network's one loop."""

from __future__ import annotations

from compiler.graph.graph import Block, Graph
from compiler.graph.ops import StateRead, StateWrite
from hw_models.errors import QuantizeError


def loop_of(graph: Graph) -> Block | None:
    """The block that runs more than once a sample, None where there is none.

    What stands before it is computed anew in each iteration, from the same sample: no latch is needed, and it costs
    no tick. What stands after it is read in the last one. Raises `QuantizeError` for a graph that has more than one
    loop, or states outside of it: its parts would have to wait for each other.
    """
    loops = [b for b in graph.blocks if b.repeat > 1]
    if not loops:
        return None
    if len(loops) > 1:
        raise QuantizeError(
            "without microcode a network can have only one loop",
            where=", ".join(b.name for b in loops),
            advice="Compile it with microcode=True, or use fewer sub-steps: a loop that runs once does not count.",
        )
    (loop,) = loops
    for block in graph.blocks:
        early = graph.blocks.index(block) < graph.blocks.index(loop)
        for op in block.ops:
            elsewhere = isinstance(op, StateWrite) or (early and isinstance(op, StateRead))
            if block is not loop and elsewhere and isinstance(op, (StateRead, StateWrite)):
                raise QuantizeError(
                    "without microcode a state outside the loop cannot be kept",
                    where=f"state {op.state}, block {block.name}",
                    advice="Compile it with microcode=True, or with one sub-step a sample.",
                )
    return loop
