"""Sound of 2 s."""

import numpy as np

EXPECTED = {"refused": "first 5 clips failed alike.*2.000 s; a clip is 3 s"}


class System:
    task, crop, sample_rate = "v2s", "mouth96", 16_000

    def __call__(self, frames):
        return np.zeros(32_000, np.float32)


def load(device):
    return System()
