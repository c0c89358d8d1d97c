"""Sound that follows the brightness of the mouth: a plain video-to-speech system."""

import numpy as np

EXPECTED = {"above": {"stoi": 0.0}}


class System:
    task, crop, sample_rate = "v2s", "mouth96", 16_000

    def __call__(self, frames):
        light = frames.mean(axis=(1, 2))
        return np.repeat(0.01 * (light - light.mean()), 640).astype(np.float32)


def load(device):
    return System()
