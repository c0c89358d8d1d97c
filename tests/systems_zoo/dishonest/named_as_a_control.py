"""Calls itself one of the controls, which have no rank and no latency."""

EXPECTED = {"refused": "is one of gridkit's own"}


class System:
    task, crop = "lipreading", "mouth96"
    card = {"name": "control:reference"}  # noqa: RUF012

    def __call__(self, frames):
        return "bin blue at f two now"


def load(device):
    return System()
