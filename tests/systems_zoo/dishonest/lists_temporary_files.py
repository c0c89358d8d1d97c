"""Wants to see what other processes keep; it is refused."""

from pathlib import Path

EXPECTED = {"locked": True}


class System:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        try:
            list(Path("/tmp").iterdir())
        except OSError:
            return "bin blue at f two now"
        raise RuntimeError("it was let")


def load(device):
    return System()
