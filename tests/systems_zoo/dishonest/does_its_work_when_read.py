"""Gives an array of its own class, which could do its work after the clock has stopped."""

import numpy as np

EXPECTED = {"refused": "first 5 clips failed alike.*Lazy"}


class Lazy(np.ndarray):
    pass


class System:
    task, crop, sample_rate = "v2s", "mouth96", 16_000

    def __call__(self, frames):
        return np.zeros(48_000, np.float32).view(Lazy)


def load(device):
    return System()
