"""The controls of a board: what brackets the systems of a table, scored on the same clips.

    controls/TASK-SPLIT/NAME/result.json

Recognisers stand among them: they hear the recordings, so they are no submissions and have no rank.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from gridkit.evaluation.options import Options
from gridkit.evaluation.run import evaluate
from gridkit.evaluation.scoring.scorer import Scorer
from gridkit.evaluation.subset import Subset
from gridkit.evaluation.systems.spec import decoded_by, parse_model
from gridkit.results.files import RESULT_FILE, read_result, write_result
from gridkit.results.records import CONTROL_PREFIX, Result
from gridkit.results.rows import Row, row_of

CONTROLS = "controls"


def write_controls(board: Path, rows: Iterable[Row]) -> list[Path]:
    """Write the results of controls, and return their folders."""
    folders = []
    for row in rows:
        result = row.result
        # a control has one decoding, a recogniser is read in several ways
        name = result.system.name.removeprefix(CONTROL_PREFIX)
        if not result.is_control:
            name = f"{name}-{result.system.decoding}"
        folder = board / CONTROLS / f"{result.task}-{result.split_name}" / name
        write_result(folder, result)
        folders.append(folder)
    return folders


def recogniser_rows(
    names: Sequence[str], subset: Subset, options: Options, scorer: Scorer, work: Path
) -> Iterator[Row]:
    """Yield what recognisers read from the recordings of a subset.

    Args:
        names: recipes, `FOLDER` or `FOLDER:DECODING`.
        subset: the clips.
        options: how they are scored.
        scorer: what they are scored with.
        work: holds their RESULT folders.

    Raises:
        SystemLoadError: a name is not a recipe.
    """
    options = replace(options, task="recognition", timed=False)
    for place, name in enumerate(names):
        folder, _, decoding = name.partition(":")
        spec = decoded_by(parse_model(folder), decoding or None)
        yield row_of("control", evaluate(spec, subset, work / str(place), options, scorer))


def control_files(board: Path) -> list[Path]:
    """Return the results of a board's controls."""
    return sorted((board / CONTROLS).glob(f"*/*/{RESULT_FILE}"))


def read_controls(board: Path) -> list[Result]:
    """Return the results of a board's controls, by table and name.

    Raises:
        ResultError: one is damaged.
    """
    return [read_result(path.parent) for path in control_files(board)]
