"""A submission on disk: one folder, strictly read, as nothing in it can be trusted.

    leaderboard/submissions/ORG__MODEL/REVISION/TASK-SPLIT/
        model.json         what its people say of the system
        result.json        the figures that they claim
        timing.json        the times that they claim; may be missing
        clips.jsonl.gz     the figures of each clip
        predictions.json   {"uri": ..., "sha256": ..., "bytes": ...}: one Parquet file

The predictions themselves are hundreds of megabytes and lie elsewhere: `hf:ORG/NAME@COMMIT/PATH`
is a file of a dataset repository on the Hub, `file:PATH` one beside these files or on this machine.
"""

import gzip
import io
import re
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gridkit.errors import ResultError, SubmissionError
from gridkit.leaderboard.model_card import MODEL_FILE, ModelCard, card_from_json
from gridkit.leaderboard.names import check_slug
from gridkit.results.files import RESULT_FILE, clip_from_line, result_from_json
from gridkit.results.records import ClipScore, Result
from gridkit.results.strict_json import check_keys, decode, parse_object, typed
from gridkit.results.timing import TIMING_FILE, FailedTiming, Timing, timing_from_json

ZIPPED_CLIPS_FILE = "clips.jsonl.gz"
PREDICTIONS_FILE = "predictions.json"
TRACKS = ("v2s", "lipreading")
"""Tasks that are submitted: a recogniser hears the recordings, so it stands beside, unranked."""
SCORED_SUBSET = "test"
"""Of every split."""
LARGEST_BYTES = {
    MODEL_FILE: 1 << 16,
    RESULT_FILE: 1 << 20,
    TIMING_FILE: 1 << 22,
    ZIPPED_CLIPS_FILE: 1 << 26,
    PREDICTIONS_FILE: 1 << 12,
}
"""What a file of a submission may take; `clips.jsonl.gz` eight times that when it is unpacked."""
LARGEST_PREDICTIONS_BYTES = 8 << 30
MOST_INFLATED = 8
LONGEST_LINE_BYTES = 1 << 16
_OPTIONAL = (TIMING_FILE,)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PATH = re.compile(r"(?P<org>[^/]+)__(?P<model>[^/]+)")


@dataclass(frozen=True)
class Address:
    """What the path of a submission says."""

    org: str
    model: str
    revision: str
    task: str
    split: str

    @property
    def path(self) -> str:
        """Return the path below `submissions/` or `results/`."""
        return f"{self.org}__{self.model}/{self.revision}/{self.task}-{self.split}"


@dataclass(frozen=True)
class PredictionsFile:
    """Where the predictions lie, and what they must be."""

    uri: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Submission:
    """A submission, read; what it says is a claim."""

    folder: Path
    address: Address
    card: ModelCard
    result: Result
    timing: Timing | FailedTiming | None
    predictions: PredictionsFile

    def clips(self) -> Iterator[ClipScore]:
        """Yield the claimed figures of each clip, a line at a time.

        Raises:
            SubmissionError: a line is damaged, or they are too many bytes.
        """
        where = str(self.folder / ZIPPED_CLIPS_FILE)
        for number, line in enumerate(_lines(self.folder / ZIPPED_CLIPS_FILE), 1):
            try:
                yield clip_from_line(decode(line, where), f"{where}, line {number}")
            except ResultError as error:
                raise SubmissionError("clips", str(error)) from error


def parse_address(folder: Path) -> Address:
    """Return what the last three parts of a submission's path say.

    Raises:
        SubmissionError: they are not ORG__MODEL/REVISION/TASK-SPLIT.
    """
    first, revision, last = ["", "", "", *folder.absolute().parts][-3:]
    named = _PATH.fullmatch(first)
    task, _, split = last.partition("-")
    if named is None or task not in TRACKS or not split:
        raise SubmissionError(
            "layout",
            f"{folder}: expected .../ORG__MODEL/REVISION/TASK-SPLIT, as lab__gan/v1/v2s-s1; "
            f"a task is {' or '.join(TRACKS)}",
        )
    return Address(
        check_slug(named["org"], "ORG"),
        check_slug(named["model"], "MODEL"),
        check_slug(revision, "REVISION"),
        task,
        check_slug(split, "SPLIT"),
    )


def read_submission(folder: Path) -> Submission:
    """Read a submission.

    Raises:
        SubmissionError: a file is missing, unknown, a link, too large, damaged, or says something
            else than the folder's path.
    """
    address = parse_address(folder)
    _check_files(folder)
    try:
        result = result_from_json(_text(folder / RESULT_FILE), str(folder / RESULT_FILE))
        timing_path = folder / TIMING_FILE
        timing = (
            timing_from_json(_text(timing_path), str(timing_path))
            if timing_path.is_file()
            else None
        )
        predictions = _predictions(folder / PREDICTIONS_FILE)
        card = _text(folder / MODEL_FILE)
    except ResultError as error:
        raise SubmissionError("damaged", str(error)) from error
    said = (result.task, result.split_name)
    if said != (address.task, address.split):
        raise SubmissionError(
            "layout", f"{folder}: {RESULT_FILE} is of {said[0]} on {said[1]}, the folder is not"
        )
    known = card_from_json(card, str(folder / MODEL_FILE))
    return Submission(folder, address, known, result, timing, predictions)


def predictions_to_json(file: PredictionsFile) -> dict[str, object]:
    """Return what `predictions.json` holds."""
    return {"uri": file.uri, "sha256": file.sha256, "bytes": file.bytes}


def zipped(path: Path) -> bytes:
    """Return a file as gzip, the same bytes each time."""
    content = io.BytesIO()
    with gzip.GzipFile(fileobj=content, mode="wb", mtime=0) as file:
        file.write(path.read_bytes())
    return content.getvalue()


def _check_files(folder: Path) -> None:
    try:
        found = {path.name: path.lstat() for path in folder.iterdir()}
    except OSError as error:
        raise SubmissionError("layout", f"cannot read {folder}: {error.strerror}") from error
    odd = [name for name, facts in found.items() if not stat.S_ISREG(facts.st_mode)]
    # the predictions may lie beside the rest; they are read by what predictions.json says
    unknown = [
        name for name in found if name not in LARGEST_BYTES and name != "predictions.parquet"
    ]
    missing = [name for name in LARGEST_BYTES if name not in found and name not in _OPTIONAL]
    large = [name for name, most in LARGEST_BYTES.items()
             if name in found and found[name].st_size > most]  # fmt: skip
    for names, what in (
        (odd, "are links, folders or devices, not files"),
        (unknown, "do not belong there"),
        (missing, "are missing"),
        (large, "are larger than such a file may be"),
    ):
        if names:
            raise SubmissionError("layout", f"{folder}: {', '.join(sorted(names))} {what}")


def _text(path: Path) -> str:
    try:
        return decode(path.read_bytes(), str(path))
    except OSError as error:
        raise SubmissionError("layout", f"cannot read {path}: {error.strerror}") from error


def _predictions(path: Path) -> PredictionsFile:
    where = str(path)
    content = parse_object(_text(path), where)
    check_keys(content, ("uri", "sha256", "bytes"), ("uri", "sha256", "bytes"), where)
    file = PredictionsFile(
        typed(content, "uri", str, where),
        typed(content, "sha256", str, where),
        typed(content, "bytes", int, where),
    )
    if not _SHA256.fullmatch(file.sha256) or not 0 < file.bytes <= LARGEST_PREDICTIONS_BYTES:
        raise ResultError(f"{where}: sha256 is 64 hex digits, bytes at most 8 GiB")
    if not file.uri.startswith(("hf:", "file:")) or not file.uri.isprintable():
        raise ResultError(f"{where}: uri is {file.uri!r}, not hf:ORG/NAME@COMMIT/PATH or file:PATH")
    return file


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a gzip file, none longer than a clip's line can be."""
    left = MOST_INFLATED * LARGEST_BYTES[ZIPPED_CLIPS_FILE]
    try:
        with gzip.open(path, "rb") as file:
            while line := file.readline(LONGEST_LINE_BYTES + 1):
                left -= len(line)
                if left < 0 or len(line) > LONGEST_LINE_BYTES:
                    raise SubmissionError("clips", f"{path}: more bytes than clips can have")
                yield line
    except (OSError, EOFError, zlib.error) as error:
        raise SubmissionError("clips", f"{path} cannot be unpacked: {error}") from error
