"""`splits/NAME.tsv`: the list of an imported split, so that it outlives the file it came from.

A line is `s1/bbaf2n<TAB>test`, sorted, and names every clip of the list, also those that the
corpus lacks. Built-in splits need none: their definitions ship with gridkit.
"""

from pathlib import Path

from gridkit.corpus.splits import Split, import_split
from gridkit.errors import CorpusError
from gridkit.store.files import read_file, write_file


def split_list_path(name: str) -> str:
    """Return the path of an imported split's list inside a corpus."""
    return f"splits/{name}.tsv"


def write_split_list(folder: Path, split: Split) -> None:
    """Write the list of a split.

    Raises:
        DiskFullError: no space is left; nothing half-written stays.
        EnvironmentProblem: the folder cannot be written to.
    """
    lines = "".join(f"{clip}\t{subset}\n" for clip, subset in sorted(split.subset_of.items()))
    write_file(folder / split_list_path(split.name), lines.encode())


def read_split_list(folder: Path, name: str, *, unseen_speakers: bool) -> Split:
    """Read the list of an imported split.

    Raises:
        CorpusError: it is missing or no text.
        SplitError: it breaks the format, or leaks.
    """
    path = folder / split_list_path(name)
    try:
        text = read_file(path).decode()
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: damaged, not text") from error
    return import_split(name, {"": text}, unseen_speakers=unseen_speakers)
