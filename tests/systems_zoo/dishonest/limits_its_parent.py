"""Wants to limit the files of the process that asks it; it is refused."""

import os
import resource

EXPECTED = {"locked": True}


class System:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        try:
            resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (64, 64))
        except OSError:
            return "bin blue at f two now"
        raise RuntimeError("it was let")


def load(device):
    return System()
