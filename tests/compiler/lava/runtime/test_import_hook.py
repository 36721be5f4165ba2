"""Lava's own modules can be imported once ltc2neuro is, whatever happened before."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ltc2neuro import extras

pytestmark = [
    pytest.mark.timeout(60),
    pytest.mark.skipif(bool(extras.LAVA.missing()), reason=f"not installed: {', '.join(extras.LAVA.missing())}"),
]

USE = """
import numpy as np
from lava.magma.core.run_conditions import RunSteps
from lava.magma.core.run_configs import Loihi2SimCfg
from lava.proc.io.sink import RingBuffer as Receiver
from lava.proc.io.source import RingBuffer as Sender

sender, receiver = Sender(data=np.arange(8).reshape(2, 4)), Receiver(shape=(2,), buffer=4)
sender.s_out.connect(receiver.a_in)
receiver.run(RunSteps(num_steps=4), Loihi2SimCfg(select_tag="fixed_pt"))
print(receiver.data.get().ravel().astype(int).tolist())
receiver.stop()
"""


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("before", ["", "import multiprocessing\nmultiprocessing.Lock()"])
def test_lava_as_its_users_write_it(before: str) -> None:
    assert python(f"{before}\nimport ltc2neuro\n{USE}") == f"{list(range(8))}\n"


@pytest.mark.parametrize("first", ["lava.proc.lif.process", "lava.magma.compiler.compiler"])
def test_an_import_that_failed_before_does_no_harm(first: str) -> None:
    tried = f"try:\n    import {first}\nexcept ValueError as error:\n    assert 'mutable default' in str(error)\n"
    tried += "else:\n    import sys\n    assert sys.version_info < (3, 11)\n"
    assert python(f"{tried}\nimport ltc2neuro\nimport {first}\n{USE}") == f"{list(range(8))}\n"


def test_only_the_two_modules_are_cured_and_by_their_own_source() -> None:
    code = (
        "import dataclasses, sys, ltc2neuro, inspect\n"
        "from compiler.lava.runtime import import_hook\n"
        "import_hook.install()\n"
        "assert sum(isinstance(f, import_hook.LavaFinder) for f in sys.meta_path) == 1\n"
        "assert not [n for n in sys.modules if n.split('.')[0] == 'lava']\n"
        "plain = dataclasses.dataclass\n"
        "import lava.magma.core.process.process\n"
        "assert dataclasses.dataclass is plain\n"
        "loaders = {n: type(getattr(m, '__loader__', None)) for n, m in sys.modules.items()}\n"
        "cured = [n for n, loader in loaders.items() if loader.__module__ == import_hook.__name__]\n"
        "assert sorted(cured) == sorted(import_hook.LOADERS)\n"
        "print('class ByteEncoder' in inspect.getsource(sys.modules[import_hook.VAR_MODEL]))"
    )
    assert python(code) == "True\n"


def test_an_error_of_lavas_own_is_not_hidden(tmp_path) -> None:
    package = tmp_path / "lava" / "magma" / "compiler"
    package.mkdir(parents=True)
    (package / "var_model.py").write_text("raise ValueError('another fault')")
    code = f"import sys, ltc2neuro\nsys.path.insert(0, {str(tmp_path)!r})\nimport lava.magma.compiler.var_model"
    with pytest.raises(AssertionError, match="ValueError: another fault"):
        python(code)
