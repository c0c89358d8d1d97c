"""Recognisers that need no sound, and note what becomes of them."""

import os

import numpy as np


class Fixed:
    """Transcribes everything as one sentence."""

    version = "1"

    def __init__(self, name: str, text: str):
        self.name, self._text = name, text

    def __call__(self, samples: np.ndarray) -> str:
        return self._text


class Noted(Fixed):
    """Adds a line to a file whenever it is made, and whenever it transcribes."""

    def __init__(self, file):
        super().__init__("noted", "bin blue at f two now")
        self._file = file
        self._note("made")

    def __call__(self, samples: np.ndarray) -> str:
        self._note("transcribed")
        return super().__call__(samples)

    def _note(self, what):
        with self._file.open("a") as file:
            file.write(f"{what} {os.getpid()}\n")


def notes(file):
    """Where recognisers were made, and where they transcribed: lists of process ids."""
    lines = [line.split() for line in file.read_text().splitlines()]
    return ([pid for what, pid in lines if what == kind] for kind in ("made", "transcribed"))
