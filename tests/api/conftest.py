"""A cache of the tests' own, and a system in a file."""

import pytest

SYSTEM = """
import numpy as np
class Hum:
    task, crop, sample_rate = "v2s", "mouth96", 16_000
    def __call__(self, frames):
        light = frames.astype(float).mean(axis=(1, 2))
        return np.repeat(0.01 * (light - light.mean()), 640).astype(np.float32)
def load(device): return Hum()
"""


@pytest.fixture
def model(tmp_path):
    """The file of a system that hums as bright as the mouth is."""
    path = tmp_path / "system/model.py"
    path.parent.mkdir()
    path.write_text(SYSTEM)
    return path
