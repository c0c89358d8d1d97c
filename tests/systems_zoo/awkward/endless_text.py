"""A megabyte of text."""

EXPECTED = {"refused": "first 5 clips failed alike.*1000000 characters"}


class System:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        return "a" * 1_000_000


def load(device):
    return System()
