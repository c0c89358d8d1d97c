"""Sound of 2.95 s: filled with zeros."""

import numpy as np

EXPECTED = {}


class System:
    task, crop, sample_rate = "v2s", "mouth96", 16_000

    def __call__(self, frames):
        return np.random.default_rng(0).normal(0, 0.1, 47_200).astype(np.float32)


def load(device):
    return System()
