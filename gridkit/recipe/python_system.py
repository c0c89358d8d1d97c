"""A `.py` system as a model repository: `system.toml` says which file and factory make it.

schema = 1
file = "my_model.py"
factory = "load"
"""

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from gridkit.errors import SystemLoadError

PYTHON_SYSTEM_FILE = "system.toml"
SCHEMA = 1
_FILE = re.compile(r"[A-Za-z0-9_][\w .-]*\.py")
"""In the folder itself, so that what it imports and reads lies beside it."""


@dataclass(frozen=True)
class PythonSystem:
    """What makes the system."""

    file: str
    """Name of a `.py` file beside `system.toml`."""
    factory: str


def python_system_to_toml(system: PythonSystem) -> str:
    """Return the text of `system.toml`.

    >>> print(python_system_to_toml(PythonSystem("my_model.py", "load")), end="")
    schema = 1
    file = "my_model.py"
    factory = "load"
    """
    # JSON's strings are TOML's
    file, factory = json.dumps(system.file), json.dumps(system.factory)
    return f"schema = {SCHEMA}\nfile = {file}\nfactory = {factory}\n"


def read_python_system(folder: Path, where: str) -> PythonSystem:
    """Read the `system.toml` of a folder.

    Args:
        folder: of the model repository.
        where: what to call it in messages.

    Raises:
        SystemLoadError: it is damaged, too new, or names no `.py` file of the folder.
    """
    said = f"{where}: {PYTHON_SYSTEM_FILE}"
    try:
        content = tomllib.loads((folder / PYTHON_SYSTEM_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SystemLoadError(f"{said} cannot be read: {error}") from error
    if content.get("schema") != SCHEMA or content.keys() != {"schema", "file", "factory"}:
        raise SystemLoadError(f"{said} does not hold schema = {SCHEMA}, file and factory alone")
    file, factory = content["file"], content["factory"]
    if not isinstance(factory, str) or not factory.isidentifier():
        raise SystemLoadError(f"{said}: factory is {factory!r}, not the name of a function")
    if not isinstance(file, str) or not _FILE.fullmatch(file) or not (folder / file).is_file():
        raise SystemLoadError(f"{said}: file is {file!r}, not a .py file beside it")
    return PythonSystem(file, factory)
