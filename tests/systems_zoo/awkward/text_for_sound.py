"""A sentence where sound is asked for."""

EXPECTED = {"refused": "first 5 clips failed alike.*returned str"}


class System:
    task, crop, sample_rate = "v2s", "mouth96", 16_000

    def __call__(self, frames):
        return "bin blue at f two now"


def load(device):
    return System()
