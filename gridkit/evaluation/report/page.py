"""What the report shows, gathered into one record for the template."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from gridkit.corpus.tasks import TEXT_TASKS
from gridkit.evaluation.report.cards import Card, best_median_worst, make_card, most_errors
from gridkit.evaluation.report.charts import Axis, nice_axis, thin
from gridkit.evaluation.report.confusion import Confusion, confusions
from gridkit.evaluation.report.latency import Latency, latency_of
from gridkit.evaluation.report.media import MediaOf
from gridkit.results.caveats import caveats
from gridkit.results.files import Scored
from gridkit.results.records import PROTOCOL, ClipScore, Estimate, Result
from gridkit.results.rows import (
    Cell,
    Row,
    cell,
    columns,
    interval_note,
    latency_text,
    ordered,
    row_of,
)
from gridkit.results.statistics import per_speaker
from gridkit.results.wording import MetricFacts, describe, recogniser_of

TASK_TITLES = {
    "v2s": "Video to speech",
    "lipreading": "Lipreading",
    "recognition": "Speech recognition",
}
DEFAULT_RECOGNISER = "pocketsphinx"
FAILURE_MEANINGS = {
    "crash": "the system raised an error, or its process ended",
    "hang": "no answer within the time limit",
    "out-of-memory": "the system asked for more memory than there is",
    "type": "the answer was of the wrong type",
    "nan": "the answer held values that are not finite",
    "length": "the answer was too short or too long",
    "channels": "the answer was not mono",
}


@dataclass(frozen=True)
class Point:
    """A figure with its interval on an axis, in percent of the width."""

    name: str
    kind: str
    at: float
    low: float
    high: float
    text: Cell


@dataclass(frozen=True)
class SpeakerBar:
    """One speaker's own value, and the clips it is made of."""

    speaker: str
    at: float
    text: str
    clips: tuple[float, ...]
    """Percent of the width; at most 200, evenly over their order."""
    n: int


@dataclass(frozen=True)
class TableRow:
    """One system of a table."""

    row: Row
    cells: tuple[Cell, ...]
    latency: str


@dataclass(frozen=True)
class TableView:
    """A table of systems."""

    columns: tuple[MetricFacts, ...]
    rows: tuple[TableRow, ...]


@dataclass(frozen=True)
class Page:
    """Everything the template prints."""

    result: Result
    title: str
    task: str
    interval_note: str
    notes: tuple[str, ...]
    headline: MetricFacts
    hero: tuple[tuple[MetricFacts, Cell], ...]
    """The figures on top, the headline first."""
    failed: int
    latency: Latency | None
    table: TableView
    small_print: TableView
    axis: Axis
    points: tuple[Point, ...]
    cards: tuple[Card, ...]
    sentences: tuple[Card, ...]
    speaker_axis: Axis
    zero: float
    """Where 0 stands on the speakers' axis, in percent."""
    speakers: tuple[SpeakerBar, ...]
    transcriber: str | None
    confusions: tuple[Confusion, ...]
    slots: tuple[tuple[str, float], ...]
    """Slot to the share of its words that are right."""
    failures: tuple[tuple[str, int, str], ...]
    facts: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


def build_page(scored: Scored, others: Sequence[Row], media: MediaOf | None) -> Page:
    """Return what the report of one result shows.

    Args:
        scored: the result.
        others: controls and reference systems.
        media: gives sound and pictures of a clip; None: no players.
    """
    result = scored.result
    latency = latency_of(scored.timing)
    rows = ordered([row_of("system", scored), *others])
    main, small = columns(rows)
    headline = describe(result.rank_metric)
    axis, points = interval_points(rows, result.rank_metric)
    speaker_axis, speakers = speaker_bars(scored)
    transcriber = _main_transcriber(scored)
    chosen = best_median_worst(scored)
    wrong = most_errors(scored) if result.task in TEXT_TASKS else []
    shown: dict[str, ClipScore] = {}
    clips = _keeping(scored.clips, {*wrong, *(clip for _, clip in chosen)}, shown)
    maps = confusions(clips, transcriber)  # goes through the clips once
    sentences = [make_card(shown[clip], result.rank_metric) for clip in wrong]
    return Page(
        result=result,
        title=result.name,
        task=TASK_TITLES[result.task],
        interval_note=interval_note(result),
        notes=tuple(caveat.sentence for caveat in caveats(scored)),
        headline=headline,
        hero=tuple(
            (describe(name), cell(name, result.metrics)) for name in main if name in result.metrics
        ),
        failed=sum(result.failed.values()),
        latency=latency,
        table=table_view(rows, main),
        small_print=table_view(rows, small),
        axis=axis,
        points=points,
        cards=tuple(
            make_card(shown[clip], result.rank_metric, place, media(clip) if media else None)
            for place, clip in chosen
        ),
        sentences=tuple(
            card for card in sentences if any(text.errors for text in card.transcripts)
        ),
        speaker_axis=speaker_axis,
        zero=speaker_axis.percent(0.0),
        speakers=speakers,
        transcriber=transcriber,
        confusions=maps if transcriber else (),
        slots=tuple((one.slot, one.accuracy) for one in maps) if transcriber else (),
        failures=tuple(
            (reason, count, _failure_meaning(reason))
            for reason, count in sorted(result.failed.items(), key=lambda item: -item[1])
        ),
        facts=_facts(result, latency),
    )


def _keeping(
    clips: Iterable[ClipScore], wanted: Collection[str], kept: dict[str, ClipScore]
) -> Iterator[ClipScore]:
    """Yield all clips; those that are wanted are kept by id."""
    for clip in clips:
        if clip.id in wanted:
            kept[clip.id] = clip
        yield clip


def table_view(rows: Sequence[Row], names: Sequence[str]) -> TableView:
    """Return rows as a table with these metrics."""
    protocol = rows[0].result.protocol
    return TableView(
        tuple(_as_counted(describe(name), protocol) for name in names),
        tuple(
            TableRow(
                row,
                tuple(cell(name, row.result.metrics) for name in names),
                latency_text(row.latency_ms),
            )
            for row in rows
        ),
    )


def _as_counted(facts: MetricFacts, protocol: str) -> MetricFacts:
    """Return a recogniser's figure in the words of an older protocol, where it is one's."""
    recogniser = recogniser_of(facts.name)
    if protocol == PROTOCOL or recogniser is None:
        return facts
    counted = f"Word errors over the words that {recogniser} transcribes, averaged over clips"
    return replace(facts, meaning=f"{counted}, as {protocol} counts.")


def interval_points(rows: Sequence[Row], metric: str) -> tuple[Axis, tuple[Point, ...]]:
    """Return the axis and the figures of rows with their intervals, in percent of the width."""
    shown = [(row, row.result.metrics[metric]) for row in rows if metric in row.result.metrics]
    axis = nice_axis(
        [edge for _, found in shown for edge in _edges(found)],
        in_percent=describe(metric).percent,
    )
    points = []
    for row, found in shown:
        low, high = _edges(found)
        points.append(
            Point(
                row.name,
                row.kind,
                axis.percent(found.value),
                axis.percent(low),
                axis.percent(high),
                cell(metric, row.result.metrics),
            )
        )
    return axis, tuple(points)


def _edges(found: Estimate) -> tuple[float, float]:
    """Return the ends of an interval; of a figure without one the figure itself."""
    if found.low is None or found.high is None:
        return found.value, found.value
    return found.low, found.high


def speaker_bars(scored: Scored) -> tuple[Axis, tuple[SpeakerBar, ...]]:
    """Return the axis, and each speaker's own headline beside those of the speaker's clips."""
    metric = scored.result.rank_metric
    values, of_speaker = scored.table.column(metric), scored.table.speakers
    axis = nice_axis([float(value) for value in values], in_percent=describe(metric).percent)
    bars = []
    for speaker, own in per_speaker(scored.table).items():
        clips = values[of_speaker == speaker]
        ticks = tuple(axis.percent(value) for value in thin(clips))
        text = describe(metric).text(own[metric])
        bars.append(SpeakerBar(speaker, axis.percent(own[metric]), text, ticks, len(clips)))
    return axis, tuple(bars)


def _main_transcriber(scored: Scored) -> str | None:
    """Return whose text the confusions show: the system's own, else the default recogniser's."""
    known = sorted(scored.table.transcribers)
    preferred = ("system", DEFAULT_RECOGNISER, *known)
    return next((name for name in preferred if name in known), None)


def _failure_meaning(reason: str) -> str:
    if reason.startswith("metric:"):
        return f"{describe(reason.removeprefix('metric:')).label} could not be computed"
    return FAILURE_MEANINGS.get(reason, "")


def _facts(
    result: Result, latency: Latency | None
) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    groups = [
        ("System", fact_pairs(result.system.entries())),
        ("Split", fact_pairs(result.split)),
        ("Corpus", fact_pairs(result.corpus)),
        ("Versions", fact_pairs(result.versions)),
    ]
    if latency:
        groups.append(("Timing", latency.conditions))
    return tuple((heading, pairs) for heading, pairs in groups if pairs)


def fact_pairs(values: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Return what is known, as text by name."""
    return tuple((key, _plain(value)) for key, value in values.items() if value is not None)


def _plain(value: object) -> str:
    """Return a value as a person would write it."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
