"""Reads what a link in its folder leads to; it is refused."""

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
    told = folder / "words"
    (folder.parent / "elsewhere").write_text("bin blue")
    told.symlink_to(folder.parent / "elsewhere")
    (folder / "model.py").write_text(SYSTEM.replace("PATH", repr(str(told))))
    return folder / "model.py"
