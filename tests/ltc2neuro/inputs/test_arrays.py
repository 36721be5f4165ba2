"""What becomes an array of samples, and what is refused."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from hw_models.errors import InputError
from ltc2neuro.inputs.arrays import as_array, as_sequences


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint64, np.bool_])
def test_real_numbers_become_float64(dtype):
    sequences = as_sequences(np.ones((2, 3, 1), dtype), (1,))
    assert [a.dtype for a in sequences.arrays] == [np.float64] * 2 and not sequences.ragged


@pytest.mark.parametrize("dtype", [np.complex128, "U1", object, "M8[s]"])
def test_other_kinds_are_refused(dtype):
    with pytest.raises(InputError, match="not real numbers"):
        as_sequences(np.ones((2, 3, 1)).astype(dtype), (1,))


def test_tensors_of_every_float():
    torch = pytest.importorskip("torch", reason="needs the extra torch")
    for dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        assert as_array(torch.full((2,), 0.5, dtype=dtype, requires_grad=True)).tolist() == [0.5, 0.5]
    for tensor in (torch.zeros(2).to_sparse(), torch.zeros(2, device="meta")):
        with pytest.raises(InputError, match="not an array"):
            as_array(tensor)


def test_some_of_an_array_are_not_all_of_it():
    """What runs side by side is what there is, also where sequences were taken out of an array."""
    whole = as_sequences(np.arange(24.0).reshape(4, 3, 2), None)
    some = replace(whole, arrays=whole.arrays[1:3])
    ((group, together),) = some.side_by_side()
    assert group == [0, 1] and np.array_equal(together, np.stack(whole.arrays[1:3]))


def test_sequences_of_an_array_travel_once():
    whole = as_sequences(np.arange(24_000, dtype=np.float32).reshape(4, 3000, 2), None)
    first = whole.arrays[0]
    assert first.dtype == np.float64 and len(whole.arrays) == len([*whole.arrays]) == 4
    sent = pickle.dumps(whole)
    assert len(sent) < 1.1 * 24_000 * 4
    assert np.array_equal(pickle.loads(sent).arrays[0], first)
