"""Bytes where text is asked for."""

EXPECTED = {"refused": "first 5 clips failed alike.*returned bytes"}


class System:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        return b"bin blue at f two now"


def load(device):
    return System()
