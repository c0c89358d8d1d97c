"""The clips that a report shows: which ones, with their sound, pictures and words."""

import base64
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from gridkit.corpus.codes import split_id
from gridkit.corpus.grammar import text_of
from gridkit.evaluate.report.confusion import HeardWord, align_sentence
from gridkit.evaluate.report.media import ClipMedia, MediaOf
from gridkit.evaluate.report.spectrogram import spectrogram_png
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
    """A sentence word beside word, as one recogniser, or the system, heard it."""

    heard_by: str
    words: tuple[HeardWord, ...]

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


def chosen_cards(scored: Scored, media: MediaOf | None) -> list[Card]:
    """Return the best, median and worst scored clip by the headline; fewer where fewer are."""
    ordered = by_score(scored)
    places = {0: "Best", (len(ordered) - 1) // 2: "Median", len(ordered) - 1: "Worst"}
    if len(ordered) == 2:
        places = {0: "Best", 1: "Worst"}
    chosen = [(places[at], ordered[at]) for at in sorted(places) if ordered]
    clips = _clips_of(scored, [clip for _, clip in chosen])
    return [
        _card(place, clips[clip], scored.result.rank_metric, media(clip) if media else None)
        for place, clip in chosen
    ]


def worst_sentences(scored: Scored) -> list[Card]:
    """Return the sentences that a lipreader got most wrong, worst first."""
    worst = by_score(scored)[::-1][:WORST_SENTENCES]
    clips = _clips_of(scored, worst)
    cards = [_card("", clips[clip], scored.result.rank_metric, None) for clip in worst]
    return [card for card in cards if any(text.errors for text in card.transcripts)]


def by_score(scored: Scored) -> list[str]:
    """Return the ids of the scored clips from best to worst by the headline; equals by id."""
    table, metric = scored.table, scored.result.rank_metric
    sign = 1 if describe(metric).better == "down" else -1
    order = np.argsort(sign * table.column(metric), kind="stable")
    return [table.ids[row] for row in order if table.scored[row]]


def _clips_of(scored: Scored, ids: Collection[str]) -> dict[str, ClipScore]:
    return {clip.id: clip for clip in scored.clips if clip.id in ids}


def data_uri(content: bytes, kind: str) -> str:
    """Return a file as a `data:` address.

    >>> data_uri(b"abc", "text/plain")
    'data:text/plain;base64,YWJj'
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _card(place: str, clip: ClipScore, metric: str, media: ClipMedia | None) -> Card:
    said = text_of(split_id(clip.id)[1])
    return Card(
        place=place,
        id=clip.id,
        figures=_figures(clip, metric),
        sounds=_sounds(media) if media else (),
        video=data_uri(_playable(media.crop_mp4), "video/mp4")
        if media and media.crop_mp4
        else None,
        transcripts=tuple(
            Transcript(heard_by, align_sentence(said, heard))
            for heard_by, heard in sorted(clip.text.items())
        ),
    )


def _figures(clip: ClipScore, metric: str) -> tuple[tuple[str, str], ...]:
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


def _playable(mp4: bytes) -> bytes:
    """Return a crop as H.264: a lossless one (FFV1) is what no browser plays."""
    return encode_crop(decode_crop(mp4)) if b"FFV1" in mp4 else mp4
