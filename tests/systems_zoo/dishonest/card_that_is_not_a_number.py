"""Has a figure that is not a number."""

EXPECTED = {"refused": "year.*nan; numbers have to be finite"}


class System:
    task, crop = "lipreading", "mouth96"
    card = {"year": float("nan")}  # noqa: RUF012

    def __call__(self, frames):
        return "bin blue at f two now"


def load(device):
    return System()
