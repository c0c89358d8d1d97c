"""The same sentence in upper case, with marks: normalised."""

EXPECTED = {"below": {"wer": 1.0}}


class System:
    task, crop = "lipreading", "mouth96"

    def __call__(self, frames):
        return "BIN BLUE, AT F2 -- NOW!"


def load(device):
    return System()
