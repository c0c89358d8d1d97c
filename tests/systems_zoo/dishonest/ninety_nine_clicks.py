"""99 loud samples among zeros."""

import numpy as np

EXPECTED = {"flags": ["inaudible"], "ranked": False}


class System:
    task, crop, sample_rate = "v2s", "mouth96", 16_000

    def __call__(self, frames):
        sound = np.zeros(48_000, np.float32)
        sound[: 99 * 480 : 480] = 0.5
        return sound


def load(device):
    return System()
