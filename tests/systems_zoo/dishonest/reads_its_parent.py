"""Wants to read the command line of the process that asks it; it is refused."""

import os
from pathlib import Path

EXPECTED = {"locked": True}


class System:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        try:
            Path(f"/proc/{os.getppid()}/cmdline").read_bytes()
        except OSError:
            return "bin blue at f two now"
        raise RuntimeError("it was let")


def load(device):
    return System()
