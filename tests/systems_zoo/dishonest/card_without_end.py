"""Has a card that would fill the page."""

EXPECTED = {"refused": "card is longer than"}


class System:
    task, crop = "lipreading", "mouth96"
    card = {str(n): "a" * 300 for n in range(100)}  # noqa: RUF012

    def __call__(self, frames):
        return "bin blue at f two now"


def load(device):
    return System()
