"""From LLVM's text to a function in memory: optimized, compiled, and the object kept for the next time."""

from __future__ import annotations

import ctypes
import hashlib
from collections.abc import Callable
from functools import cache

import llvmlite
import llvmlite.binding as llvm

from compiler.native.cache import cached
from compiler.native.cpu import Cpu

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


class LoadedObject:
    """A module's functions in memory, for as long as this lives; its object is kept on disk."""

    def __init__(self, text: str) -> None:
        data = cached(_key(text), lambda: compiled(text))
        self._engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _target())
        self._engine.add_object_file(llvm.ObjectFileRef.from_data(data))
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Where a function is."""
        return self._engine.get_function_address(name)


class CompiledFunctions:
    """The functions of a kernel's text, whose `run` takes so many arrays and two numbers."""

    def __init__(self, text: str, arguments: int) -> None:
        loaded = self._loaded = LoadedObject(text)
        kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * arguments, ctypes.c_int64, ctypes.c_int64)
        block = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p)
        self.call: Callable[..., None] = kind(loaded.address("run"))
        self.enter: Callable[[int], int] = block(loaded.address("enter"))
        self.sample: Callable[[int], int] = block(loaded.address("sample"))


def _key(text: str) -> str:
    """What an object is kept under: the text, LLVM and the CPU."""
    parts = (text, llvmlite.__version__, llvm.get_host_cpu_name(), features())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
