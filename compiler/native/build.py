"""From LLVM's text to a function in memory: optimized, compiled, and the object kept for the next time."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable
from functools import cache

import llvmlite
import llvmlite.binding as llvm

from compiler.native.cache import cached
from compiler.native.lookup import Cpu

llvm.initialize_native_target()
llvm.initialize_native_asmprinter()


@cache
def features() -> str:
    """What this CPU can, as LLVM writes it."""
    return llvm.get_host_cpu_features().flatten()


def machine() -> Cpu:
    """What of this CPU the code depends on."""
    can = llvm.get_host_cpu_features()
    if can.get("avx512f"):
        return Cpu(16, 64, bool(can.get("avx512vnni")))
    return Cpu(8, 32) if can.get("avx2") else Cpu(0, 16)


def _target() -> llvm.TargetMachine:
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(cpu=llvm.get_host_cpu_name(), features=features(), opt=2)


def function(text: str, arguments: int) -> CompiledFunctions:
    """Of a module's text, whose `run` takes so many arrays and two numbers; its object is kept on disk."""
    return CompiledFunctions(cached(_key(text), lambda: compiled(text)), arguments)


def compiled(text: str) -> bytes:
    """The object of a module's text."""
    module = llvm.parse_assembly(text)
    module.verify()
    target = _target()
    tuning = llvm.create_pipeline_tuning_options(speed_level=1)  # the text is vectors, so little is left to find
    tuning.loop_vectorization = tuning.slp_vectorization = False
    builder = llvm.create_pass_builder(target, tuning)
    builder.getModulePassManager().run(module, builder)
    return target.emit_object(module)


class CompiledFunctions:
    """The functions of an object, ready to be called; it keeps what it needs alive."""

    def __init__(self, data: bytes, arguments: int) -> None:
        backing = llvm.parse_assembly("")
        self._engine = llvm.create_mcjit_compiler(backing, _target())
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(data))
        self._engine.finalize_object()
        kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * arguments, ctypes.c_int64, ctypes.c_int64)
        self.call: Callable[..., None] = kind(self._engine.get_function_address("run"))
        block = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
        self.enter: Callable[[int], int] = block(self._engine.get_function_address("enter"))
        self.sample: Callable[[int], int] = block(self._engine.get_function_address("sample"))


def _key(text: str) -> str:
    """What an object is kept under: the text, LLVM and the CPU."""
    parts = (text, llvmlite.__version__, llvm.get_host_cpu_name(), features())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
