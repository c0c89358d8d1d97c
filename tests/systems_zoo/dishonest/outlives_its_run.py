"""Wants to start what does not end with the run; it is refused."""

import subprocess

EXPECTED = {"locked": True}


class System:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        try:
            subprocess.Popen(["sleep", "60"], start_new_session=True)
        except OSError:
            return "bin blue at f two now"
        raise RuntimeError("it was let")


def load(device):
    return System()
