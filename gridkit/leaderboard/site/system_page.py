"""What the page of one row shows, gathered into a record for its template."""

from collections.abc import Sequence
from dataclasses import dataclass

from gridkit.evaluation.report.cards import Card, Sound, clip_figures, clip_transcripts
from gridkit.evaluation.report.charts import Axis
from gridkit.evaluation.report.latency import Latency, latency_of
from gridkit.evaluation.report.page import (
    TASK_TITLES,
    SpeakerBar,
    TableView,
    fact_pairs,
    speaker_bars,
    table_view,
)
from gridkit.leaderboard.audits import (
    DOUBTED_FINE,
    DOUBTED_MEL,
    DOUBTED_WAVE,
    REJECTED_EXCESS,
)
from gridkit.leaderboard.board import MAINTAINERS, BoardRow, Event
from gridkit.leaderboard.samples import Sample
from gridkit.leaderboard.site.entries import Entry, entry_of
from gridkit.leaderboard.verdict import LOST, MEANINGS
from gridkit.results.caveats import result_caveats, timing_caveats
from gridkit.results.files import Scored
from gridkit.results.records import ClipScore
from gridkit.results.rows import Cell, Row, cell, columns, interval_note, timed_row
from gridkit.results.wording import MetricFacts, describe, recogniser_of

MEDIA = "media"


@dataclass(frozen=True)
class Evidence:
    """A likeness to the recordings that was measured, beside what chance gives."""

    what: str
    measured: float
    by_chance: float
    rule: str
    """From where on it is doubted."""


@dataclass(frozen=True)
class SystemPage:
    """Everything the template prints."""

    row: BoardRow
    entry: Entry
    task: str
    meaning: str
    interval_note: str
    notes: tuple[str, ...]
    headline: MetricFacts
    hero: tuple[tuple[MetricFacts, Cell], ...]
    card: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    """What a link leads to, and an https address."""
    evidence: tuple[Evidence, ...]
    losses: tuple[tuple[str, str], ...]
    """A change of the frames, and by how much the headline is worse then."""
    table: TableView
    small_print: TableView
    cards: tuple[Card, ...]
    speaker_axis: Axis
    zero: float
    speakers: tuple[SpeakerBar, ...]
    slots: tuple[tuple[str, tuple[tuple[str, float], ...]], ...]
    """Who transcribed, and the share of words right by slot."""
    latency: Latency | None
    """By the clock that the entry names."""
    claimed: Latency | None
    """What its people say, where the latency is a maintainer's."""
    failures: tuple[tuple[str, int], ...]
    facts: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    history: tuple[Event, ...]


def build_system_page(
    row: BoardRow,
    scored: Scored,
    clips: Sequence[ClipScore],
    samples: Sequence[Sample],
    controls: Sequence[Row],
    history: Sequence[Event],
) -> SystemPage:
    """Return what the page of a row shows.

    Args:
        row: the row.
        scored: the same with its clips.
        clips: those that are among the samples.
        samples: its clips to listen to.
        controls: the rows to compare with.
        history: the events of the row, oldest first.
    """
    result = row.result
    headline = describe(result.rank_metric)
    timing = row.shown_timing
    rows = [timed_row("system", result, timing), *controls]
    main, small = columns(rows)
    axis, speakers = speaker_bars(scored)
    found = {clip.id: clip for clip in clips}
    return SystemPage(
        row=row,
        entry=entry_of(row),
        task=TASK_TITLES[result.task],
        meaning=MEANINGS[row.verdict.status],
        interval_note=interval_note(result),
        notes=tuple(
            caveat.sentence for caveat in (*result_caveats(result), *timing_caveats(timing))
        ),
        headline=headline,
        hero=tuple(
            (describe(name), cell(name, result.metrics)) for name in main if name in result.metrics
        ),
        card=_card(row),
        links=tuple(
            (what, link)
            for what, link in (("Paper", row.card.paper), ("Code", row.card.code))
            if link.startswith("https://")
        ),
        evidence=_evidence(row),
        losses=tuple(
            (name.removeprefix(LOST), headline.text(value))
            for name, value in row.verdict.evidence.items()
            if name.startswith(LOST)
        ),
        table=table_view(rows, main),
        small_print=table_view(rows, small),
        cards=tuple(
            _sample_card(sample, found[sample.id], result.rank_metric)
            for sample in samples
            if sample.id in found
        ),
        speaker_axis=axis,
        zero=axis.percent(0.0),
        speakers=speakers,
        slots=tuple(
            (recogniser_of(name) or "the system", tuple(right.items()))
            for name, right in sorted(result.slots.items())
        ),
        latency=latency_of(timing),
        claimed=latency_of(row.timing) if row.clock == MAINTAINERS else None,
        failures=tuple(sorted(result.failed.items(), key=lambda item: (-item[1], item[0]))),
        facts=_facts(row),
        history=tuple(history),
    )


def media_path(name: str) -> str:
    """Return where a page of a row finds a sample's file."""
    return f"../{MEDIA}/{name}"


def _card(row: BoardRow) -> tuple[tuple[str, str], ...]:
    card, address = row.card, row.path.split("/")
    speakers = card.training_speakers
    known: dict[str, object] = {
        "Authors": ", ".join(card.authors),
        "Submitted by": address[0].split("__")[0],
        "Revision": address[1],
        "Licence": card.licence,
        "Parameters": f"{card.parameters:,}" if card.parameters is not None else "not said",
        "Decoding": card.decoding,
        "Trained on": (
            "speakers not known" if speakers is None else ", ".join(speakers) or "none of GRID"
        ),
        "Other data": card.extra_data or "none",
        "Given sound of the speaker": card.uses_speaker_audio,
        "Given the sentence": card.uses_text,
    }
    return fact_pairs(known)


def _evidence(row: BoardRow) -> tuple[Evidence, ...]:
    measured = row.verdict.evidence
    excess = "doubted from {} over chance, rejected from {}"
    rules = (
        ("wave", "Wave form", excess.format(DOUBTED_WAVE, REJECTED_EXCESS)),
        ("fine", "Pitch and fine structure", excess.format(DOUBTED_FINE, REJECTED_EXCESS)),
        ("mel", "Log-mel spectrogram", f"doubted from {DOUBTED_MEL}"),
    )
    return tuple(
        Evidence(what, measured[name], measured[f"{name}_shuffled"], rule)
        for name, what, rule in rules
        if name in measured and f"{name}_shuffled" in measured
    )


def _sample_card(sample: Sample, clip: ClipScore, metric: str) -> Card:
    sounds = [
        Sound("Reference", media_path(sample.reference), media_path(sample.reference_picture))
    ]
    if sample.system is not None and sample.system_picture is not None:
        sounds.append(Sound("System", media_path(sample.system), media_path(sample.system_picture)))
    return Card(
        place=sample.place,
        id=sample.id,
        figures=clip_figures(clip, metric),
        sounds=tuple(sounds),
        video=media_path(sample.video) if sample.video else None,
        transcripts=clip_transcripts(clip),
    )


def _facts(row: BoardRow) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    result = row.result
    latency = latency_of(row.shown_timing)
    groups = [
        ("Split", fact_pairs(result.split)),
        ("Corpus", fact_pairs(result.corpus)),
        ("Versions", fact_pairs(result.versions)),
        ("Timing", latency.conditions if latency else ()),
    ]
    return tuple((heading, pairs) for heading, pairs in groups if pairs)
