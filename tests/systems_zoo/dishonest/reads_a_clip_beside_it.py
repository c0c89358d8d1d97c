"""Reads a sound of GRID that lies beside it under the name of its sentence; it is refused."""

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
    told = folder / "s1_bbaf2n.wav"
    told.write_text("sound")
    (folder / "model.py").write_text(SYSTEM.replace("PATH", repr(str(told))))
    return folder / "model.py"
