"""The board on disk: a folder for each row, and a log of what became of them.

    results/ORG__MODEL/REVISION/TASK-SPLIT/
        model.json, result.json, timing.json, clips.jsonl.gz    as in a submission, scored here
        own_timing.json                                         by the clock of who reproduced it
        verdict.json                                            what was checked
        digests.json                                            of each answer
        samples/                                                clips to listen to
    controls/TASK-SPLIT/NAME/result.json                        of gridkit's own controls
    reported.tsv                                                figures of papers
    log.jsonl    {"date": ..., "what": "added", "path": ..., "status": ..., "why": ...}

The log is only ever added to.
"""

import datetime
import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gridkit.compute.lock import folder_lock
from gridkit.errors import ResultError, SubmissionError, UsageError
from gridkit.leaderboard.audits import Digests
from gridkit.leaderboard.model_card import MODEL_FILE, ModelCard, card_from_json, card_to_json
from gridkit.leaderboard.samples import FOLDER as SAMPLES
from gridkit.leaderboard.submission import ZIPPED_CLIPS_FILE, Submission, parse_address, zipped
from gridkit.leaderboard.verdict import (
    VERDICT_FILE,
    Verdict,
    verdict_from_json,
    verdict_to_json,
)
from gridkit.results.files import (
    CLIPS_FILE,
    RESULT_FILE,
    Scored,
    clip_from_line,
    result_from_json,
    result_to_json,
)
from gridkit.results.records import ClipScore, Result
from gridkit.results.strict_json import (
    check_keys,
    decode,
    dump,
    parse_object,
    read_text,
    typed,
    values,
)
from gridkit.results.timing import (
    TIMING_FILE,
    FailedTiming,
    Timing,
    read_timing,
    timing_from_json,
    timing_to_json,
)
from gridkit.store.files import write_file

if TYPE_CHECKING:
    from gridkit.leaderboard.verify import Checked

RESULTS = "results"
LOG_FILE = "log.jsonl"
DIGESTS_FILE = "digests.json"
OWN_TIMING_FILE = "own_timing.json"
LONGEST_WHY = 500
MAINTAINERS, CLAIMED = "measured by a maintainer", "claimed"
"""Whose clock a latency is of."""
EVENTS = ("added", "corrected", "withdrawn")


@dataclass(frozen=True)
class BoardRow:
    """One row of the board."""

    path: str
    """ORG__MODEL/REVISION/TASK-SPLIT."""
    folder: Path
    card: ModelCard
    result: Result
    timing: Timing | FailedTiming | None
    """As its people claim it."""
    verdict: Verdict
    own_timing: Timing | FailedTiming | None = None
    """By the clock of the maintainer who ran it; None where nobody did."""

    @property
    def shown_timing(self) -> Timing | FailedTiming | None:
        """Return the times that stand in tables: the maintainer's own, otherwise those claimed."""
        return self.own_timing if isinstance(self.own_timing, Timing) else self.timing

    @property
    def clock(self) -> str:
        """Return whose clock they are of; empty where there are none."""
        if not isinstance(self.shown_timing, Timing):
            return ""
        return MAINTAINERS if self.shown_timing is self.own_timing else CLAIMED


@dataclass(frozen=True)
class Event:
    """A line of the log."""

    date: str
    """ISO, UTC."""
    what: str
    """One of `EVENTS`."""
    path: str
    status: str
    why: str


@dataclass(frozen=True)
class Known:
    """What the board holds already, by the path of each row."""

    names: Mapping[str, str]
    """Path to display name."""
    digests: Mapping[str, Digests]
    """Path to the digests of its answers."""


def read_rows(board: Path) -> list[BoardRow]:
    """Return the rows of a board by path; those that were withdrawn are not among them.

    Raises:
        ResultError: a file is damaged.
    """
    return [read_row(folder) for folder in row_folders(board)]


def row_folders(board: Path) -> list[Path]:
    """Return the folders of the rows by path, without those that were withdrawn."""
    gone = withdrawn(board)
    found = sorted(path.parent for path in (board / RESULTS).glob(f"*/*/*/{VERDICT_FILE}"))
    return [folder for folder in found if row_path(folder) not in gone]


def row_path(folder: Path) -> str:
    """Return what the path of a row's folder says: ORG__MODEL/REVISION/TASK-SPLIT."""
    return "/".join(folder.parts[-3:])


def known_to(board: Path) -> Known:
    """Return the names and answers that the board holds."""
    rows = read_rows(board)
    return Known(
        {row.path: row.card.name for row in rows},
        {row.path: _digests(row.folder) for row in rows},
    )


def add(
    board: Path,
    checked: "Checked",
    date: str,
    why: str = "",
    samples: Mapping[str, bytes] | None = None,
) -> Path:
    """Write a row of what was checked, and a line of the log.

    Args:
        board: the folder of the board, such as `leaderboard`.
        checked: what `verify` returned.
        date: of today, ISO.
        why: of a correction: what it corrects.
        samples: the files of `make_samples`, by name.

    Returns:
        The row's folder.

    Raises:
        UsageError: it was rejected, or could not be scored; or it is there already and no reason
            was given.
    """
    submission, scored = checked.submission, checked.scored
    if submission is None or scored is None or checked.verdict.status == "rejected":
        raise UsageError("a rejected submission is not added; the findings say why")
    path = submission.address.path
    event = Event(date, "added", path, checked.verdict.status, why)
    board.mkdir(parents=True, exist_ok=True)
    with folder_lock(board):
        if is_there(board, path):
            check_can_add(board, path, why)
            event = replace(event, what="corrected")
        folder = board / RESULTS / path
        # first: of a row that is half written, nothing is shown
        (folder / VERDICT_FILE).unlink(missing_ok=True)
        _write_row(folder, submission, scored, checked, samples or {})
        note(board, event)
        write_file(folder / VERDICT_FILE, verdict_to_json(checked.verdict).encode())
    return folder


def is_there(board: Path, path: str) -> bool:
    """Return whether a board has a row, or had one that was withdrawn."""
    return (board / RESULTS / path / VERDICT_FILE).is_file()


def check_can_add(board: Path, path: str, why: str) -> None:
    """Refuse a row that is there already, unless a reason is given that the log can keep.

    Raises:
        UsageError: no reason, or one that is not a line of text.
    """
    if is_there(board, path) and not why:
        was = "was withdrawn" if path in withdrawn(board) else "is there already"
        raise UsageError(f"{board / RESULTS / path} {was}; say --why it is added again")
    _check_line(why)


def _write_row(
    folder: Path,
    submission: Submission,
    scored: Scored,
    checked: "Checked",
    samples: Mapping[str, bytes],
) -> None:
    write_file(folder / MODEL_FILE, card_to_json(submission.card).encode())
    write_file(folder / RESULT_FILE, result_to_json(scored.result).encode())
    _write_timing(folder / TIMING_FILE, submission.timing)
    _write_timing(folder / OWN_TIMING_FILE, checked.own_timing)
    # the clips as scored here: no figure of the board is a claim
    write_file(folder / ZIPPED_CLIPS_FILE, zipped(scored.folder / CLIPS_FILE))
    digests = dump(dict(checked.digests or {}), DIGESTS_FILE)
    write_file(folder / DIGESTS_FILE, f"{digests}\n".encode())
    _replace_samples(folder / SAMPLES, samples)


def _write_timing(path: Path, timing: Timing | FailedTiming | None) -> None:
    if timing is None:
        path.unlink(missing_ok=True)
    else:
        write_file(path, timing_to_json(timing).encode())


def _replace_samples(folder: Path, files: Mapping[str, bytes]) -> None:
    for path in folder.glob("*"):
        if path.name not in files:
            path.unlink()
    for name, content in files.items():
        write_file(folder / name, content)


def withdraw(board: Path, path: str, date: str, why: str) -> None:
    """Take a row off the board; its files and its history stay.

    Raises:
        UsageError: there is no such row, or the reason is not a line of text.
    """
    _check_line(why)
    folder = next((one for one in row_folders(board) if row_path(one) == path), None)
    if folder is None:
        raise UsageError(f"{board} has no row {path}")
    # the verdict alone is read: a row whose other files are damaged can be withdrawn, too
    verdict = folder / VERDICT_FILE
    status = verdict_from_json(read_text(verdict), str(verdict)).status
    with folder_lock(board):
        note(board, Event(date, "withdrawn", path, status, why))


def _check_line(text: str) -> None:
    if not text.isprintable() or len(text) > LONGEST_WHY:
        raise UsageError(f"--why: one line of at most {LONGEST_WHY} characters that can be shown")


def note(board: Path, event: Event) -> None:
    """Add a line to the log."""
    with (board / LOG_FILE).open("a", encoding="ascii") as file:
        file.write(f"{json.dumps(asdict(event))}\n")


def read_log(board: Path) -> list[Event]:
    """Return the log, oldest first.

    Raises:
        ResultError: a line is damaged.
    """
    file = board / LOG_FILE
    return list(_events(file)) if file.is_file() else []


def withdrawn(board: Path) -> set[str]:
    """Return the paths whose last event is that they were withdrawn."""
    last = {event.path: event.what for event in read_log(board)}
    return {path for path, what in last.items() if what == "withdrawn"}


def _events(file: Path) -> Iterator[Event]:
    for number, line in enumerate(read_text(file).split("\n")[:-1], 1):
        where = f"{file}, line {number}"
        content = parse_object(line, where)
        check_keys(content, names := ("date", "what", "path", "status", "why"), names, where)
        event = Event(*(typed(content, name, str, where) for name in names))
        if event.what not in EVENTS:
            raise ResultError(f"{where}: what is {event.what!r}, not one of {', '.join(EVENTS)}")
        if not _is_date(event.date):
            raise ResultError(f"{where}: date is {event.date!r}, not one as 2026-01-31")
        yield event


def _is_date(text: str) -> bool:
    try:
        return datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def read_row(folder: Path) -> BoardRow:
    """Read a row.

    Raises:
        ResultError: a file is damaged.
    """
    try:
        card = card_from_json(read_text(folder / MODEL_FILE), str(folder / MODEL_FILE))
        path = parse_address(folder).path
    except SubmissionError as error:
        raise ResultError(str(error)) from error
    result, verdict, own = (folder / name for name in (RESULT_FILE, VERDICT_FILE, OWN_TIMING_FILE))
    return BoardRow(
        path,
        folder,
        card,
        result_from_json(read_text(result), str(result)),
        read_timing(folder),
        verdict_from_json(read_text(verdict), str(verdict)),
        timing_from_json(read_text(own), str(own)) if own.is_file() else None,
    )


def read_clips(path: Path, result: Result) -> list[ClipScore]:
    """Return the clips of a row, from its `clips.jsonl.gz`.

    Raises:
        ResultError: the file is damaged, or is not what the result was made of.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise ResultError(f"cannot read {path}: {error}") from error
    known = result.sha256.get(CLIPS_FILE)
    if known is not None and hashlib.sha256(content).hexdigest() != known:
        raise ResultError(f"{path} is not what {RESULT_FILE} was made of: one of them was changed")
    found = []
    for number, line in enumerate(content.splitlines(), 1):
        where = f"{path}, line {number}"
        found.append(clip_from_line(decode(line, where), where))
    if len(found) != result.n:
        raise ResultError(f"{path} has {len(found)} clips, and {RESULT_FILE} counts {result.n}")
    return found


def _digests(folder: Path) -> Mapping[str, str]:
    file = folder / DIGESTS_FILE
    where = str(file)
    return values({"digests": parse_object(read_text(file), where)}, "digests", str, where)
