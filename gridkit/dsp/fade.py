"""How one sound goes over into another: a raised cosine of 20 ms."""

import numpy as np

FADE_SAMPLES = 320
FADE_IN = (0.5 - 0.5 * np.cos(np.pi * (np.arange(FADE_SAMPLES) + 0.5) / FADE_SAMPLES)).astype(
    np.float32
)
"""A share that rises from 0 to 1, float32 (320,); with its mirror image it adds up to 1."""
