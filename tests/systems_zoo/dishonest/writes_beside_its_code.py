"""Wants to remember in its own folder what it was asked; it is refused."""

from pathlib import Path

EXPECTED = {"locked": True}


class System:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        try:
            (Path(__file__).parent / "seen").write_text("one clip more")
        except OSError:
            return "bin blue at f two now"
        raise RuntimeError("it was let")


def load(device):
    return System()
