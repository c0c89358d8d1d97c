"""A lipreader that always says the same sentence."""

EXPECTED = {"above": {"wer": 0.3}, "below": {"wer": 1.0}}


class System:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        return "bin blue at f two now"


def load(device):
    return System()
