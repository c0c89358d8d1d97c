"""Gives a generator as the answer to a batch, with other words than when it was scored."""

EXPECTED = {"timing_flags": ["clock-disputed"], "options": {"timed": True, "calls": 20}}


class System:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        return "bin blue at f two now"

    def batch(self, clips):
        return ("lay red by z nine soon" for _ in clips)


def load(device):
    return System()
