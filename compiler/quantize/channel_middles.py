"""What the host subtracts from each input channel: its calibrated middle, except where the channel rests at 0."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hw_models.arrays import Floats

AT_REST = 0.25
"""A channel that is 0 in so great a share of the samples rests there."""
NEARLY = 1.5
"""How much larger than the variance the mean square about the middle may be: beyond, outliers have pulled it away."""
RESTING = 2.0
"""The same about 0, for a channel that rests there: 3 dB."""


def channel_middles(sequences: Sequence[Floats]) -> Floats:
    """One for each channel of `sequences`, each (time, channels).

    The middle of the range, so that a network is the same whatever the user has added to a channel; the mean where a
    few outliers have pulled the middle away from the data. Spikes and other channels that rest at 0 stay as they are:
    what is 0 is not sent. So does one that never varies, unless it is larger than what the others vary by.

    >>> price = 60000.0 + np.array([-300.0, 300.0, 200.0, 100.0])
    >>> spikes = np.array([0.0, 0.0, 0.0, 1.0])
    >>> channel_middles([np.stack([price, spikes, np.full(4, 7.0)], axis=1)])
    array([60000.,     0.,     0.])
    """
    x = np.concatenate(sequences)
    low, high = x.min(axis=0), x.max(axis=0)
    varies, middle = high > low, low + (high - low) / 2
    mean = middle + (x - middle).mean(axis=0)
    variance = ((x - mean) ** 2).mean(axis=0)

    def mean_square(centre: Floats | float) -> Floats:
        return variance + (mean - centre) ** 2

    rests = ((x == 0.0).mean(axis=0) >= AT_REST) & (mean_square(0.0) <= RESTING * variance)
    found = np.where(mean_square(middle) <= NEARLY * variance, middle, mean)
    widest = np.max(((high - low) / 2)[varies], initial=0.0) if varies.any() else np.inf
    return np.where(varies, np.where(rests, 0.0, found), np.where(np.abs(middle) > widest, middle, 0.0))
