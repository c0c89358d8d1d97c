"""What tables need of a row: an entry, kept in the row's data file so that it is made once.

    data/KEY.js   gridkitRow({"entry": {...}, "clips": FILE, "values": [...], "samples": [...]})

A script that a page loads, as a page that is opened from a disk may load no JSON. `values` are the
headline of each clip, in the order of the ids in the file of clips; null where a clip has none.
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from gridkit.errors import ResultError
from gridkit.leaderboard.board import BoardRow
from gridkit.leaderboard.samples import Sample
from gridkit.results.clip_table import ClipTable
from gridkit.results.ranks import rankable
from gridkit.results.records import Estimate, Result
from gridkit.results.rows import Row, timed_row
from gridkit.results.strict_json import dump
from gridkit.results.system_card import SystemCard
from gridkit.results.timing import Timing

_OPEN, _CLOSE = "gridkitRow(", ");\n"


@dataclass(frozen=True)
class Question:
    """What rows of one table have in common: their figures compare."""

    task: str
    split: str
    subset: str
    protocol: str
    corpus: str
    scored: str
    """Hash of the scored ids."""


@dataclass(frozen=True)
class Entry:
    """A row, as tables and lists show it."""

    path: str
    name: str
    status: str
    question: Question
    n: int
    failed: int
    rank_metric: str
    rankable: bool
    """Whether nothing but its status bars a rank."""
    metrics: Mapping[str, Estimate]
    speakers: tuple[str, ...]
    flags: tuple[str, ...]
    latency_ms: float | None
    device: str
    """What it was timed on, with the number of threads: its device class."""
    clock: str
    """Whose clock the latency is of; empty where there is none."""
    latency_flags: tuple[str, ...]
    reasons: tuple[str, ...]
    """Why it is not better than `unverified`, a word each."""

    @property
    def key(self) -> str:
        """Return the row's path as the name of a file; no part of a path has a `_` of its own."""
        return key_of(self.path)

    @property
    def org(self) -> str:
        """Return who submitted it."""
        return self.path.split("__")[0]

    @property
    def revision(self) -> str:
        """Return the revision."""
        return self.path.split("/")[1]

    @property
    def value(self) -> float:
        """Return the headline."""
        return self.metrics[self.rank_metric].value

    @property
    def row(self) -> Row:
        """Return the row as the tables of results take it."""
        asked = self.question
        result = Result(
            asked.protocol,
            asked.task,
            SystemCard(self.name),
            {"sha256": asked.corpus},
            {"name": asked.split, "subset": asked.subset, "scored_sha256": asked.scored},
            self.n,
            {"": self.failed} if self.failed else {},
            self.rank_metric,
            self.metrics,
            {},
            speakers={speaker: {} for speaker in self.speakers},
        )
        return Row("system", result, self.latency_ms, self.device, self.latency_flags)


@dataclass(frozen=True, eq=False)
class RowData:
    """What a data file holds."""

    entry: Entry
    clips: str
    """The file with the ids."""
    values: np.ndarray
    """float64 (n,): the headline of each clip; NaN where it has none."""
    samples: tuple[Sample, ...]


def key_of(path: str) -> str:
    """Return the path of a row as one name.

    >>> key_of("lab__gan/v1/v2s-s1")
    'lab__gan__v1__v2s-s1'
    """
    return path.replace("/", "__")


def question_of(result: Result) -> Question:
    """Return which question a result answers."""
    return Question(
        result.task,
        str(result.split_name),
        str(result.subset_name),
        result.protocol,
        str(result.corpus_sha256),
        str(result.scored_sha256),
    )


def entry_of(row: BoardRow) -> Entry:
    """Return what tables need of a row.

    Raises:
        ResultError: its result has no headline.
    """
    result = row.result
    if result.rank_metric not in result.metrics:
        raise ResultError(f"{row.folder} has no {result.rank_metric}, which heads the table")
    timing = row.shown_timing
    timed = timed_row("system", result, timing)
    return Entry(
        path=row.path,
        name=result.name,
        status=row.verdict.status,
        question=question_of(result),
        n=result.n,
        failed=timed.failed,
        rank_metric=result.rank_metric,
        rankable=rankable(result),
        metrics=result.metrics,
        speakers=tuple(result.speakers),
        flags=timed.flags,
        latency_ms=timed.latency_ms,
        device=_device_class(timing) if isinstance(timing, Timing) else "",
        clock=row.clock,
        latency_flags=timed.latency_flags,
        reasons=tuple(dict.fromkeys(finding.code for finding in row.verdict.findings)),
    )


def row_data(row: BoardRow, table: ClipTable, samples: Sequence[Sample], clips: str) -> RowData:
    """Return what the data file of a row holds.

    Args:
        row: the row.
        table: its clips.
        samples: its clips to listen to.
        clips: the file with the ids.
    """
    return RowData(entry_of(row), clips, table.column(row.result.rank_metric), tuple(samples))


def data_to_script(data: RowData) -> str:
    """Return the text of a data file."""
    content = {
        "entry": asdict(data.entry),
        "clips": data.clips,
        "values": [value if math.isfinite(value) else None for value in data.values.tolist()],
        "samples": [asdict(sample) for sample in data.samples],
    }
    return script(_OPEN, content, data.entry.path)


def data_from_script(text: str, where: str) -> RowData:
    """Return what a data file holds that this very gridkit wrote.

    Raises:
        ResultError: it is damaged.
    """
    try:
        content = json.loads(text.removeprefix(_OPEN).removesuffix(_CLOSE))
        entry = content["entry"]
        listed = {
            name: tuple(entry[name]) for name in ("speakers", "flags", "latency_flags", "reasons")
        }
        metrics = {name: Estimate(**one) for name, one in entry["metrics"].items()}
        question = Question(**entry["question"])
        made = Entry(**(entry | listed | {"metrics": metrics, "question": question}))
        values = np.array([np.nan if one is None else one for one in content["values"]], float)
        samples = tuple(Sample(**one) for one in content["samples"])
        return RowData(made, content["clips"], values, samples)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ResultError(f"{where} is damaged: {error}; remove the site and build it") from error


def script(call: str, content: object, where: str) -> str:
    """Return a script that hands over a value: JSON, with no `<` that a page could take for a tag.

    >>> script("take(", {"name": "</script>"}, "")
    'take({"name": "\\\\u003c/script>"});\\n'
    """
    return call + dump(content, where).replace("<", "\\u003c") + _CLOSE


def _device_class(timing: Timing) -> str:
    threads = timing.threads
    count = f", {threads} {'thread' if threads == 1 else 'threads'}" if threads else ""
    return f"{timing.device or 'a device that is not named'}{count}"
