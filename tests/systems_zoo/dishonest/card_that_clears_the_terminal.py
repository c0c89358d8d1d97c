"""Has a name with an escape sequence."""

EXPECTED = {"refused": "cannot be printed"}


class System:
    task, crop = "lipreading", "mouth96"
    card = {"name": "mine\x1b[2J"}  # noqa: RUF012

    def __call__(self, frames):
        return "bin blue at f two now"


def load(device):
    return System()
