"""The controls of a board: what brackets the systems of a table, scored on the same clips.

controls/TASK-SPLIT/NAME/result.json
"""

from collections.abc import Iterable
from pathlib import Path

from gridkit.results.files import RESULT_FILE, read_result, write_result
from gridkit.results.records import CONTROL_PREFIX, Result
from gridkit.results.rows import Row

CONTROLS = "controls"


def write_controls(board: Path, rows: Iterable[Row]) -> list[Path]:
    """Write the results of controls, and return their folders."""
    folders = []
    for row in rows:
        result = row.result
        name = result.system.name.removeprefix(CONTROL_PREFIX)
        folder = board / CONTROLS / f"{result.task}-{result.split_name}" / name
        write_result(folder, result)
        folders.append(folder)
    return folders


def control_files(board: Path) -> list[Path]:
    """Return the results of a board's controls."""
    return sorted((board / CONTROLS).glob(f"*/*/{RESULT_FILE}"))


def read_controls(board: Path) -> list[Result]:
    """Return the results of a board's controls, by table and name.

    Raises:
        ResultError: one is damaged.
    """
    return [read_result(path.parent) for path in control_files(board)]
