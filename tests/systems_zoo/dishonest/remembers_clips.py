"""Gives another answer when it is asked about a clip for the second time."""

import numpy as np

EXPECTED = {"flags": ["stateful"]}


class System:
    task, crop, sample_rate = "v2s", "mouth96", 16_000

    def __init__(self, device):
        self.asked = 0

    def __call__(self, frames):
        self.asked += 1
        return np.random.default_rng(self.asked).normal(0, 0.1, 48_000).astype(np.float32)


load = System
