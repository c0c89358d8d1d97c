"""Sums in another order: each answer differs from the last by 1e-6."""

import numpy as np

EXPECTED = {}


class System:
    task, crop, sample_rate = "v2s", "mouth96", 16_000

    def __call__(self, frames):
        return (
            np.random.default_rng(int(frames.sum())).normal(0, 0.1, 48_000)
            + np.random.default_rng().uniform(0, 1e-6, 48_000)
        ).astype(np.float32)


def load(device):
    return System()
