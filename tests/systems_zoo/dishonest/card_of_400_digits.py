"""Has a number that no float holds."""

EXPECTED = {"refused": "parameters.*too large"}


class System:
    task, crop = "lipreading", "mouth96"
    card = {"parameters": 10**400}  # noqa: RUF012

    def __call__(self, frames):
        return "bin blue at f two now"


def load(device):
    return System()
