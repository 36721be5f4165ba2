"""hoist: what a solver's state does not reach leaves the repeated block, such as the sensory half of an LTC."""

from __future__ import annotations

from dataclasses import replace

from compiler.graph.graph import Block, Graph
from compiler.graph.ops import Op, StateRead, StateWrite


def hoist(graph: Graph) -> Graph:
    """What the block's states do not reach is computed once, in the block before."""
    blocks: list[Block] = []
    changed = False
    for block in graph.blocks:
        fixed, varying = _split(block) if block.repeat > 1 else ((), block.ops)
        if fixed:
            changed = True
            if not blocks or blocks[-1].repeat > 1 or _reads(fixed) & _writes(blocks[-1].ops):
                blocks.append(Block(f"{block.name}.before", ()))
            blocks[-1] = replace(blocks[-1], ops=(*blocks[-1].ops, *fixed))
        blocks.append(replace(block, ops=varying))
    return replace(graph, blocks=tuple(b for b in blocks if b.ops)) if changed else graph


def _split(block: Block) -> tuple[tuple[Op, ...], tuple[Op, ...]]:
    """The ops that give the same in every iteration, and the others."""
    moving = moving_values(block)
    fixed = tuple(op for op in block.ops if op.result is not None and op.result not in moving)
    return fixed, tuple(op for op in block.ops if op.result is None or op.result in moving)


def moving_values(block: Block) -> set[str]:
    """The values that are not the same in all iterations of a block."""
    written, moving = _writes(block.ops), set[str]()
    for op in block.ops:
        reads = isinstance(op, StateRead) and op.state in written
        if op.result is not None and (reads or moving.intersection(op.operands)):
            moving.add(op.result)
    return moving


def _reads(ops: tuple[Op, ...]) -> set[str]:
    return {op.state for op in ops if isinstance(op, StateRead)}


def _writes(ops: tuple[Op, ...]) -> set[str]:
    return {op.state for op in ops if isinstance(op, StateWrite)}
