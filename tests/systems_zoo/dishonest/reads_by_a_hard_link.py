"""Reads a shard of the corpus that has another name in its folder; it is refused."""

import os

EXPECTED = {"locked": True}
SYSTEM = """
from pathlib import Path
class System:
    task, crop = "lipreading", "mouth96"
    def __call__(self, frames):
        try:
            Path(PATH).read_bytes()
        except PermissionError:
            return "bin blue at f two now"
        raise RuntimeError("it was let")
def load(device): return System()
"""


def make(folder, subset):
    told = folder / "words.bin"
    os.link(next(subset.corpus.folder.rglob("*.parquet")), told)
    (folder / "model.py").write_text(SYSTEM.replace("PATH", repr(str(told))))
    return folder / "model.py"
