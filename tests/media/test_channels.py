"""Mono is the mean of the channels, whatever the type of the samples."""

import av
import numpy as np
import pytest

from gridkit.media.channels import mono_samples

LEFT = np.array([0.5, -0.5, 0.25, 0.0])
RIGHT = np.array([0.25, 0.5, 0.25, -1.0])
MEAN = [0.375, 0.0, 0.25, -0.5]


@pytest.mark.parametrize(
    ("format", "scale", "middle", "dtype"),
    [
        ("u8", 128, 128, np.uint8), ("s16", 32768, 0, np.int16), ("s32", 2**31, 0, np.int32),
        ("flt", 1, 0, np.float32), ("dbl", 1, 0, np.float64),
    ],
)  # fmt: skip
@pytest.mark.parametrize("planar", [False, True])
def test_mono_is_the_mean_of_the_channels(format, scale, middle, dtype, planar):
    samples = (np.stack([LEFT, RIGHT]) * scale + middle).astype(dtype)
    packed = samples if planar else np.ascontiguousarray(samples.T.reshape(1, -1))
    name = f"{format}p" if planar else format
    frame = av.AudioFrame.from_ndarray(packed, format=name, layout="stereo")
    assert mono_samples(frame) == pytest.approx(MEAN, abs=1e-6)
