"""What the host takes off each channel: nothing off one that rests at 0, the middle or the mean off others."""

import numpy as np
import pytest

from compiler.quantize.channel_middles import channel_middles


@pytest.mark.parametrize(
    ("ones", "centre"), [(1, 0.0), (4, 0.0), (5, 0.5), (6, 0.5), (7, 0.875)],
    ids=["rare", "half the time", "more often", "a quarter at rest", "hardly ever at rest"],
)  # fmt: skip
@pytest.mark.parametrize("height", [1.0, -3.0])
def test_a_binary_channel_rests_at_0_up_to_half_of_the_time(ones, centre, height):
    """With 4 of 8 samples its mean square is twice its variance: 3 dB more, which is all that it may be."""
    channel = height * (np.arange(8) < ones)
    assert channel_middles([channel[:3, None], channel[3:, None]]).tolist() == [height * centre]
