"""Prints what would clear the terminal of whoever looks at its log."""

EXPECTED = {"log": r"^\?\[2Jred"}


class System:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        print("\x1b[2Jred")
        return "bin blue at f two now"


def load(device):
    return System()
