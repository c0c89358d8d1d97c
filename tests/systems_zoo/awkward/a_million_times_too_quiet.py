"""Sound that is 1e-6 of its level: every 16-bit sample is 0."""

import numpy as np

EXPECTED = {"flags": ["inaudible"], "ranked": False, "below": {"stoi": 1e-09}}


class System:
    task, crop, sample_rate = "v2s", "mouth96", 16_000

    def __call__(self, frames):
        return (1e-6 * np.random.default_rng(int(frames.sum())).normal(0, 0.1, 48_000)).astype(
            np.float32
        )


def load(device):
    return System()
