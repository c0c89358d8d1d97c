"""Many channels to one: the only way in which gridkit makes mono.

FFmpeg's own down-mix to floats multiplies a stereo sound by 1.414, and lets it pass full scale.
Here mono is the mean of the channels, which never is louder than the loudest of them.
"""

import av.audio.frame
import numpy as np


def mono_samples(frame: av.audio.frame.AudioFrame) -> np.ndarray:
    """Return the mean of the channels of a decoded frame, float64 (N,), full scale 1."""
    return mean_of_channels(channel_samples(frame))


def channel_samples(frame: av.audio.frame.AudioFrame) -> np.ndarray:
    """Return a frame's samples as decoded, (channels, N)."""
    samples = frame.to_ndarray()
    return samples if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels).T


def mean_of_channels(samples: np.ndarray) -> np.ndarray:
    """Return the mean of the channels, float64 (N,), full scale 1.

    Args:
        samples: (channels, N), as decoded: floats, or integers of any size.

    >>> mean_of_channels(np.array([[16384, -32768], [0, -32768]], np.int16)).tolist()
    [0.25, -1.0]
    """
    if samples.dtype == np.uint8:
        scaled = (samples.astype(np.float64) - 128) / 128
    elif np.issubdtype(samples.dtype, np.integer):
        scaled = samples / -float(np.iinfo(samples.dtype).min)
    else:
        scaled = samples.astype(np.float64)
    mean: np.ndarray = scaled.mean(axis=0)
    return mean
