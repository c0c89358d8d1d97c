"""Sound that is at full scale in 0.5 % of its samples."""

import numpy as np

EXPECTED = {}


class System:
    task, crop, sample_rate = "v2s", "mouth96", 16_000

    def __call__(self, frames):
        sound = np.random.default_rng(int(frames.sum())).normal(0, 0.1, 48_000).astype(np.float32)
        sound[::200] = 1
        return sound


def load(device):
    return System()
