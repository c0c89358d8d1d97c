"""Calls itself one of the recipes that come with gridkit."""

EXPECTED = {"refused": "is one of gridkit's own"}


class System:
    task, crop = "lipreading", "mouth96"
    card = {"name": "LipNet-s1"}  # noqa: RUF012

    def __call__(self, frames):
        return "bin blue at f two now"


def load(device):
    return System()
