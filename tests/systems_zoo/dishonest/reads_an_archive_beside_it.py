"""Reads an archive beside it that holds alignments; it is refused."""

import zipfile

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
    told = folder / "mine.zip"
    with zipfile.ZipFile(told, "w") as archive:
        archive.writestr("s1/bbaf2n.align", "0 23750 sil")
    (folder / "model.py").write_text(SYSTEM.replace("PATH", repr(str(told))))
    return folder / "model.py"
