"""One sample of 1 among zeros: no one hears it, and the libraries give it more than the floors."""

import numpy as np

EXPECTED = {"flags": ["inaudible"], "ranked": False}


class System:
    task, crop, sample_rate = "v2s", "mouth96", 16_000

    def __call__(self, frames):
        sound = np.zeros(48_000, np.float32)
        sound[24_000] = 1 / 32_768
        return sound


def load(device):
    return System()
