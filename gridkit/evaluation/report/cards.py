"""The clips that a report shows: which ones, with their sound, pictures and words."""

import base64
from dataclasses import dataclass

import numpy as np

from gridkit.corpus.codes import split_id
from gridkit.corpus.grammar import text_of
from gridkit.evaluation.report.confusion import WordPair, align_sentence
from gridkit.evaluation.report.media import ClipMedia
from gridkit.evaluation.report.spectrogram import spectrogram_png
from gridkit.media.codecs import decode_crop, encode_crop, encode_flac
from gridkit.metrics.registry import ALIGNED
from gridkit.results.files import Scored
from gridkit.results.records import ClipScore
from gridkit.results.rows import SMALL_PRINT
from gridkit.results.wording import describe, order_key

WORST_SENTENCES = 12


@dataclass(frozen=True)
class Sound:
    """A player with its picture, as data URIs."""

    label: str
    audio: str
    spectrogram: str


@dataclass(frozen=True)
class Transcript:
    """A sentence word by word, as one recogniser, or the system, transcribed it."""

    transcriber: str
    words: tuple[WordPair, ...]

    @property
    def errors(self) -> int:
        """Return how many words are wrong, missing or too many."""
        return sum(not word.right for word in self.words)


@dataclass(frozen=True)
class Card:
    """One clip of the report."""

    place: str
    """`Best`, `Median` or `Worst`; empty in the list of sentences."""
    id: str
    figures: tuple[tuple[str, str], ...]
    """Label and text, the headline first."""
    sounds: tuple[Sound, ...]
    video: str | None
    """Data URI of an MP4."""
    transcripts: tuple[Transcript, ...]


def best_median_worst(scored: Scored) -> list[tuple[str, str]]:
    """Return place and id of three scored clips by the headline; fewer where fewer are."""
    ordered = by_score(scored)
    places = {0: "Best", (len(ordered) - 1) // 2: "Median", len(ordered) - 1: "Worst"}
    if len(ordered) == 2:
        places = {0: "Best", 1: "Worst"}
    return [(places[at], ordered[at]) for at in sorted(places) if ordered]


def most_errors(scored: Scored) -> list[str]:
    """Return the ids of the clips with the highest error rates, worst first."""
    return by_score(scored)[::-1][:WORST_SENTENCES]


def by_score(scored: Scored) -> list[str]:
    """Return the ids of the scored clips from best to worst by the headline; equals by id."""
    table, metric = scored.table, scored.result.rank_metric
    sign = 1 if describe(metric).better == "down" else -1
    order = np.argsort(sign * table.column(metric), kind="stable")
    return [table.ids[row] for row in order if table.scored[row]]


def make_card(
    clip: ClipScore, metric: str, place: str = "", media: ClipMedia | None = None
) -> Card:
    """Return what the report shows of a clip.

    Args:
        clip: its scores.
        metric: the headline, whose figure comes first.
        place: `Best`, `Median` or `Worst`.
        media: its sounds and crop; None: no players.
    """
    return Card(
        place=place,
        id=clip.id,
        figures=clip_figures(clip, metric),
        sounds=_sounds(media) if media else (),
        video=data_uri(playable_crop(media.crop_mp4), "video/mp4")
        if media and media.crop_mp4
        else None,
        transcripts=clip_transcripts(clip),
    )


def data_uri(content: bytes, kind: str) -> str:
    """Return a file as a `data:` address.

    >>> data_uri(b"abc", "text/plain")
    'data:text/plain;base64,YWJj'
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def clip_figures(clip: ClipScore, metric: str) -> tuple[tuple[str, str], ...]:
    """Return the figures of a clip as label and text, in the order of tables.

    Args:
        clip: its scores.
        metric: the headline, which comes first.
    """
    values = dict(clip.metrics) | {
        name: errors / size for name, (errors, size) in clip.counts.items() if size
    }
    shown = [
        name
        for name in sorted(values, key=order_key)
        if not (name.endswith(ALIGNED) or name.startswith(SMALL_PRINT))
    ]
    shown.sort(key=lambda name: name != metric)
    return tuple((describe(name).label, describe(name).text(values[name])) for name in shown)


def clip_transcripts(clip: ClipScore) -> tuple[Transcript, ...]:
    """Return what was transcribed of a clip beside what was said, by transcriber."""
    said = text_of(split_id(clip.id)[1])
    return tuple(
        Transcript(transcriber, align_sentence(said, text))
        for transcriber, text in sorted(clip.text.items())
    )


def _sounds(media: ClipMedia) -> tuple[Sound, ...]:
    sounds = [("Reference", media.reference), ("System", media.prediction)]
    return tuple(
        Sound(
            label,
            data_uri(encode_flac(samples), "audio/flac"),
            data_uri(spectrogram_png(samples), "image/png"),
        )
        for label, samples in sounds
        if samples is not None
    )


def playable_crop(mp4: bytes) -> bytes:
    """Return a crop as H.264: a lossless one (FFV1) is what no browser plays."""
    return encode_crop(decode_crop(mp4)) if b"FFV1" in mp4 else mp4
