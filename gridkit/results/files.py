"""Results on disk: `result.json`, `clips.jsonl` and `timing.json` of a RESULT folder.

`result.json` has one key order and one layout, so that the same result is the same bytes.
Reading is strict: a key that is missing, unknown or of the wrong type is an error that names
it, and a file of a newer schema is refused rather than guessed at.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from pathlib import Path

from gridkit.corpus.grammar import SLOT_NAMES
from gridkit.corpus.tasks import TASKS
from gridkit.errors import ResultError, printable
from gridkit.results.clip_table import ClipTable, tabulate
from gridkit.results.records import ClipScore, Estimate, Result
from gridkit.results.strict_json import (
    as_object,
    check_keys,
    check_schema,
    decode,
    dump,
    mapping,
    optional,
    parse_object,
    printable_values,
    read_text,
    typed,
    unreadable,
    values,
    whole_numbers,
)
from gridkit.results.system_card import card_of_entries
from gridkit.results.timing import FailedTiming, Timing, read_timing
from gridkit.store.files import sha256_of, write_file

SCHEMA = 1
RESULT_FILE = "result.json"
CLIPS_FILE = "clips.jsonl"
REPORT_FILE = "report.html"
LOG_FILE = "system.log"
"""The end of what the system printed."""
STATUSES = ("scored", "failed")

_OPTIONAL = ("missing", "speakers", "slots", "sound", "sha256")
_CLIP_KEYS = tuple(entry.name for entry in fields(ClipScore))


@dataclass(frozen=True)
class ClipsFile:
    """The clips of a `clips.jsonl`, read from the disk at each iteration.

    A line that is damaged or does not end is a `ResultError`, which gives its number.
    """

    path: Path

    def __iter__(self) -> Iterator[ClipScore]:
        """Yield the clips in the order of the lines."""
        for number, line in enumerate(self._lines(), 1):
            where = f"{self.path}, line {number}"
            if not line.endswith(b"\n"):
                raise ResultError(f"{where} does not end; run `gridkit evaluate` again to resume")
            yield clip_from_line(decode(line, where), where)

    def __len__(self) -> int:
        """Return the number of lines."""
        return sum(1 for _ in self._lines())

    def _lines(self) -> Iterator[bytes]:
        try:
            with self.path.open("rb") as file:
                yield from file
        except OSError as error:
            raise unreadable(self.path, error) from error


@dataclass(frozen=True)
class Scored:
    """A RESULT folder, read."""

    folder: Path
    result: Result
    clips: Iterable[ClipScore]
    """Those of a folder are read from the disk at each iteration."""
    timing: Timing | FailedTiming | None
    """What `timing.json` holds; None where the system was not timed."""
    known_table: ClipTable | None = field(default=None, compare=False, repr=False)
    """The clips' figures, where a run has just made them."""

    @cached_property
    def table(self) -> ClipTable:
        """The clips' figures; those of the result are there even where every clip failed."""
        if self.known_table is not None:
            return self.known_table
        return tabulate(self.clips, expected=[self.result.rank_metric, *self.result.metrics])


def read_scored(folder: Path) -> Scored:
    """Read a RESULT folder.

    Args:
        folder: the folder that `gridkit evaluate --out` wrote, or the result.json in it.

    Raises:
        ResultError: a file is missing, damaged or too new, or the clips are not as many as were
            counted. Damage within `clips.jsonl` is found when the clips are read.
    """
    if folder.name == RESULT_FILE:
        folder = folder.parent
    result = read_result(folder)
    clips = ClipsFile(folder / CLIPS_FILE)
    if len(clips) != result.n:
        raise ResultError(
            f"{folder} is not finished: {CLIPS_FILE} has {len(clips)} clips and {RESULT_FILE} "
            f"counts {result.n}; run `gridkit evaluate` again to resume"
        )
    return Scored(folder, result, clips, read_timing(folder))


def read_result(folder: Path) -> Result:
    """Read the `result.json` of a folder.

    Raises:
        ResultError: it is missing, damaged or too new.
    """
    path = folder / RESULT_FILE
    return result_from_json(read_text(path), str(path))


def clips_sha256(folder: Path) -> str:
    """Return the SHA-256 of the `clips.jsonl` of a folder.

    Raises:
        ResultError: it is missing or cannot be read.
    """
    path = folder / CLIPS_FILE
    try:
        return sha256_of(path)
    except OSError as error:
        raise unreadable(path, error) from error


def write_result(folder: Path, result: Result) -> Path:
    """Write `result.json`, whole or not at all, and return its path."""
    path = folder / RESULT_FILE
    write_file(path, result_to_json(result).encode())
    return path


def result_to_json(result: Result) -> str:
    """Return a result as the text of `result.json`: names sorted."""
    content = {"schema": SCHEMA} | asdict(result)
    content["system"] = result.system.entries()
    content["metrics"] = {
        name: {key: value for key, value in asdict(estimate).items() if value is not None}
        for name, estimate in sorted(result.metrics.items())
    }
    for key in ("failed", "versions", "slots", "sha256"):
        content[key] = dict(sorted(content[key].items()))
    for key in ("sound", "sha256"):
        if not content[key]:
            del content[key]
    return dump(content, RESULT_FILE, indent=2) + "\n"


def result_from_json(text: str, where: str = RESULT_FILE) -> Result:
    """Return the result that a `result.json` holds.

    Args:
        text: the content of the file.
        where: its name, for messages.

    Raises:
        ResultError: it is not JSON, of a newer schema, or has a key missing, unknown or wrong.
    """
    content = as_object(printable_values(parse_object(text, where)), where)
    check_schema(content, SCHEMA, where)
    known = [entry.name for entry in fields(Result)]
    check_keys(content, ["schema", *known], ["schema", *known][: -len(_OPTIONAL)], where)
    task = typed(content, "task", str, where)
    if task not in TASKS:
        raise ResultError(f"{where}: task is {task!r}, not one of {', '.join(TASKS)}")
    metrics = mapping(content, "metrics", where)
    return Result(
        protocol=typed(content, "protocol", str, where),
        task=task,
        system=card_of_entries(mapping(content, "system", where), f"{where}: system"),
        corpus=mapping(content, "corpus", where),
        split=mapping(content, "split", where),
        n=typed(content, "n", int, where),
        failed=values(content, "failed", int, where),
        rank_metric=typed(content, "rank_metric", str, where),
        metrics={
            name: _estimate(value, f"{where}: metrics.{name}") for name, value in metrics.items()
        },
        versions=values(content, "versions", str, where),
        missing=typed(content, "missing", int, where) if "missing" in content else 0,
        speakers=_nested(content, "speakers", where),
        slots=_nested(content, "slots", where),
        sound=_sound_of(content, where) if "sound" in content else {},
        sha256=values(content, "sha256", str, where) if "sha256" in content else {},
    )


def _sound_of(content: Mapping[str, object], where: str) -> dict[str, float]:
    """Return shares as they are, and counts of clips as whole numbers."""
    numbers = values(content, "sound", float, where)
    return {
        name: int(number) if name.endswith("_clips") else number for name, number in numbers.items()
    }


def clip_to_line(clip: ClipScore) -> str:
    """Return one clip as a line of `clips.jsonl`, ending in a line feed.

    >>> clip_to_line(ClipScore("s1/bbaf2n", "failed", "hang"))
    '{"id": "s1/bbaf2n", "status": "failed", "reason": "hang"}\\n'
    """
    content = {"id": clip.id, "status": clip.status, "reason": clip.reason} | {
        key: value for key, value in asdict(clip).items() if value
    }
    return dump(content, clip.id) + "\n"


def clip_from_line(line: str, where: str = CLIPS_FILE) -> ClipScore:
    """Return the clip that a line of `clips.jsonl` holds.

    Raises:
        ResultError: it is not JSON, or has a key missing, unknown or wrong.
    """
    content = parse_object(line, where)
    check_keys(content, _CLIP_KEYS, ("id", "status"), where)
    status = typed(content, "status", str, where)
    reason = optional(content, "reason", str, where)
    if status not in STATUSES or (status == "failed") != (reason is not None):
        raise ResultError(
            f"{where}: status {status!r} with reason {reason!r}; a clip is scored, or failed "
            "with a reason"
        )
    return ClipScore(
        id=printable(typed(content, "id", str, where)),
        status=status,
        reason=printable(reason) if reason else reason,
        detail=printable(typed(content, "detail", str, where)) if content.get("detail") else None,
        metrics=values(content, "metrics", float, where),
        counts={
            name: (pair[0], pair[1])
            for name, pair in whole_numbers(content, "counts", 2, where).items()
        },
        slots=whole_numbers(content, "slots", len(SLOT_NAMES), where),
        text=values(content, "text", str, where),
        raw_text=values(content, "raw_text", str, where),
        sound=values(content, "sound", float, where),
    )


def _estimate(value: object, where: str) -> Estimate:
    content = as_object(value, where)
    check_keys(content, [f.name for f in fields(Estimate)], ("value", "n"), where)
    true_audio = typed(content, "true_audio", float, where) if "true_audio" in content else None
    value, n = typed(content, "value", float, where), typed(content, "n", int, where)
    # a single clip has no interval
    required = n > 1 or "low" in content or "high" in content
    low, high = (typed(content, key, float, where) if required else None for key in ("low", "high"))
    return Estimate(value, low, high, n, true_audio)


def _nested(content: Mapping[str, object], key: str, where: str) -> dict[str, dict[str, float]]:
    outer = mapping(content, key, where)
    return {name: values(outer, name, float, f"{where}: {key}") for name in outer}
