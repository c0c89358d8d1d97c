"""Sound as a list."""

EXPECTED = {"refused": "first 5 clips failed alike.*returned list"}


class System:
    task, crop, sample_rate = "v2s", "mouth96", 16_000

    def __call__(self, frames):
        return [0.0] * 48_000


def load(device):
    return System()
