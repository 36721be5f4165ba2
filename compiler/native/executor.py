"""`on="native"`: the integer graph as machine code of this CPU. This does not import llvmlite."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

from compiler.interpreters.execution import Execution
from compiler.native.cpu import Cpu
from compiler.native.kernel import ARGUMENTS, HALF, WOVEN, kernel, lanes
from compiler.native.threads import cpus
from compiler.ranges.proven import Proven
from compiler.running.executor import Compiled, Ends, Executor, InputRounding, Job, RoundedRun, Stepper
from compiler.running.extra import NATIVE as PACKAGES

if TYPE_CHECKING:
    from compiler.native.call import Call

FEW = 2
"""Up to so many sequences run one after another, with vectors along their elements"""


class NativeRunner:
    """An integer graph, compiled when first run: for sequences side by side, or up to `few` one after another.

    `cpu` is what the code may use of it, by default all that this one has.
    """

    def __init__(self, proven: Proven, cpu: Cpu | None = None, few: int = FEW) -> None:
        self._proven, self._few = proven, few
        self._machine = _build().machine() if cpu is None else cpu
        self._ready: dict[tuple[int, tuple[str, ...]], Call] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**vars(self), "_ready": {}}  # what is compiled lies in this process

    def __call__(self, job: Job) -> Execution:
        """Run it."""
        return self._call(len(job.x), job.record).run(job, _threads(job))

    def run_real(self, job: Job, rounding: InputRounding) -> RoundedRun:
        """See `Compiles`."""
        return self._call(len(job.x), job.record).run_real(job, rounding, _threads(job))

    def stepper(self, rows: int, ends: Ends) -> Stepper:
        """For so many sequences, sample by sample."""
        from compiler.native.call import NativeStepper

        return NativeStepper(self._call(rows, ()), rows, ends)

    def kind(self, rows: int, record: Sequence[str]) -> tuple[int, tuple[str, ...]]:
        """How many registers hold the sequences, 0 where vectors lie along elements; and what is recorded."""
        half = rows <= lanes(self._proven.bits, self._machine, HALF)
        return 0 if rows <= self._few else HALF if half else WOVEN, tuple(dict.fromkeys(record))

    def _call(self, rows: int, record: Sequence[str]) -> Call:
        from compiler.native.call import Call

        wanted = woven, values = self.kind(rows, record)
        if wanted not in self._ready:
            code = kernel(self._proven, self._machine, values, woven=woven)
            self._ready[wanted] = Call(code, _build().CompiledFunctions(code.text, len(ARGUMENTS)))
        return self._ready[wanted]


def _build() -> ModuleType:
    """What imports llvmlite. Raises `MissingExtraError` where that is broken."""
    with PACKAGES.loading():
        from compiler.native import build
    return build


def _threads(job: Job) -> int:
    return cpus() if job.threads is None else job.threads


NATIVE: Executor[Compiled] = Executor(
    "native",
    "the integer graph as machine code of this CPU",
    lambda net: NativeRunner(net.proven),
    counts=True,
    needs=PACKAGES,
    loads=_build,
    compiles=True,
    part=256,
)
