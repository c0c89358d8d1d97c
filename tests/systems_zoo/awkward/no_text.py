"""The empty sentence."""

EXPECTED = {"below": {"wer": 1.01}, "above": {"wer": 0.99}}


class System:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        return ""


def load(device):
    return System()
