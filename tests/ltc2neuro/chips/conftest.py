"""The tests of this folder need torch."""

import pytest

pytest.importorskip("ncps", reason="compiling needs the extra torch")
