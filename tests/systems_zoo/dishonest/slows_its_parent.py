"""Wants to be served before the process that asks it; it is refused."""

import os

EXPECTED = {"locked": True}


class System:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        try:
            os.setpriority(os.PRIO_PROCESS, os.getppid(), 19)
        except OSError:
            return "bin blue at f two now"
        raise RuntimeError("it was let")


def load(device):
    return System()
