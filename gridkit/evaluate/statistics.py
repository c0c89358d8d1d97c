"""From the scores of clips to headline figures with intervals: protocol `gridkit-1`, sections 4, 6.

Every figure but the median lag is a ratio of two sums over clips: a mean has 1 below the line,
a pooled error rate has errors above and lengths below. Clips are rows, figures are columns, so
that means, speakers and resamples are each one matrix product.

A failed clip counts as the floor, or as the system's own worst scored clip in that metric where
that is worse. A metric without a floor (lag) does not count where a clip has none.

With 4 or more speakers an interval is the headline +- t(.975, S-1) * sd / sqrt(S) over the
speakers' own values; with fewer it is a percentile bootstrap over clips, and speaks for these
speakers only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy import stats

from gridkit.corpus.codes import speaker_order, split_id
from gridkit.corpus.grammar import SLOT_NAMES, text_of
from gridkit.errors import ResultError
from gridkit.evaluate.catalogue import LAG, LAG_SIZE, POOLED, describe, recogniser_of
from gridkit.evaluate.records import ClipScore, Estimate

MIN_SPEAKERS_FOR_T = 4
RESAMPLES = 2_000
CONFIDENCE = 0.95
_DRAWS_AT_ONCE = 2_000_000


@dataclass(frozen=True)
class Sums:
    """Scores of n clips as a table, sorted by id; a figure is sum(above) / sum(below).

    `below` is 0 where a clip does not count (it has no lag).
    """

    names: tuple[str, ...]
    ids: tuple[str, ...]
    above: np.ndarray
    """float64 (n, figures)."""
    below: np.ndarray
    """float64 (n, figures)."""

    @property
    def values(self) -> np.ndarray:
        """Return each clip's own figures, (n, figures); NaN where it does not count."""
        return _ratio(self.above, self.below)

    @property
    def speakers(self) -> np.ndarray:
        """Return the speaker of each clip, str (n,)."""
        return np.array([split_id(clip)[0] for clip in self.ids])


def tabulate(scores: Sequence[ClipScore], expected: Sequence[str] = ()) -> Sums:
    """Return the table of clip scores, failed clips filled in by the rule of floors.

    Args:
        scores: the clips of one result, in any order.
        expected: figures that must be there even where every clip failed.

    Raises:
        ResultError: an id appears twice, or a scored clip lacks a figure that another has.
    """
    clips = sorted(scores, key=lambda score: score.id)
    ids = tuple(clip.id for clip in clips)
    for one, two in pairwise(ids):
        if one == two:
            raise ResultError(f"clip {one} is scored twice; remove one of its lines in clips.jsonl")
    names = sorted({name for clip in clips for name in _figures(clip)} | set(expected))
    above = np.full((len(clips), len(names)), np.nan)
    below = np.ones_like(above)
    for row, clip in enumerate(clips):
        figures = _figures(clip) if clip.status == "scored" else {}
        for column, name in enumerate(names):
            pair = figures[name] if name in figures else _missing(clip, name)
            above[row, column], below[row, column] = pair
    _fill_failed(names, above, below)
    return _with_lag_size(Sums(tuple(names), ids, above, below))


def estimates(
    scores: Sequence[ClipScore],
    true_audio: Sequence[ClipScore] = (),
    expected: Sequence[str] = (),
) -> dict[str, Estimate]:
    """Return the headline figures of one result, each with its 95 % interval.

    Args:
        scores: the clips of one result; failed ones count.
        true_audio: the same clips scored on their true sound, for recognisers' own figures.
        expected: figures that must be there even where every clip failed.

    Returns:
        Figure to estimate: means over clips; wer and cer pooled; `lag_ms` the median and
        `lag_ms_abs` the mean size over the clips where a lag was found. A figure in which
        no clip counts is left out.

    Raises:
        ResultError: the scores contradict themselves (see `tabulate`).
    """
    sums = tabulate(scores, expected)
    if not sums.ids:
        return {}
    values = _headline(sums, np.ones((1, len(sums.ids))))[0]
    low, high = _intervals(sums, values)
    counted = (sums.below > 0).sum(axis=0)
    found = {
        name: Estimate(float(values[i]), float(low[i]), float(high[i]), int(counted[i]))
        for i, name in enumerate(sums.names)
        if counted[i]
    }
    true = _true_audio(sums.ids, true_audio)
    return {
        name: replace(estimate, true_audio=true[name]) if name in true else estimate
        for name, estimate in found.items()
    }


def per_speaker(
    scores: Sequence[ClipScore], expected: Sequence[str] = ()
) -> dict[str, dict[str, float]]:
    """Return each speaker's own figures (wer and cer pooled within the speaker).

    A figure that none of a speaker's clips has (lag) is left out.
    """
    sums = tabulate(scores, expected)
    speakers, values = _by_speaker(sums)
    return {
        speaker: {
            name: float(value)
            for name, value in zip(sums.names, values[list(speakers).index(speaker)], strict=True)
            if np.isfinite(value)
        }
        for speaker in sorted(speakers, key=speaker_order)
    }


def per_slot(scores: Sequence[ClipScore]) -> dict[str, dict[str, float]]:
    """Return the accuracy of each slot, `slot` or `slot_R` first; a failed clip has none right."""
    names = sorted({name for score in scores for name in score.slots})
    wrong = (0,) * len(SLOT_NAMES)
    return {
        name: {
            slot: float(accuracy)
            for slot, accuracy in zip(
                SLOT_NAMES,
                np.mean([s.slots[name] if s.status == "scored" else wrong for s in scores], axis=0),
                strict=True,
            )
        }
        for name in names
    }


def t_half_width(speaker_values: np.ndarray) -> np.ndarray:
    """Return half the 95 % interval of a mean over speakers.

    Args:
        speaker_values: (speakers, figures); NaN where a speaker has no value.

    Returns:
        (figures,); NaN where fewer than two speakers have one.
    """
    counts = np.isfinite(speaker_values).sum(axis=0)
    enough = counts > 1
    spread = np.full(counts.shape, np.nan)
    spread[enough] = np.nanstd(speaker_values[:, enough], axis=0, ddof=1)
    degrees = np.maximum(counts - 1, 1)
    return stats.t.ppf((1 + CONFIDENCE) / 2, degrees) * spread / np.sqrt(np.maximum(counts, 1))


def _figures(clip: ClipScore) -> dict[str, tuple[float, float]]:
    """Return what a clip adds above and below the line of each figure."""
    means = {name: (float(value), 1.0) for name, value in clip.metrics.items()}
    pooled = {name: (float(errors), float(size)) for name, (errors, size) in clip.counts.items()}
    slots = {name: (sum(right) / len(right), 1.0) for name, right in clip.slots.items()}
    return means | pooled | slots


def _missing(clip: ClipScore, name: str) -> tuple[float, float]:
    """Return what stands for a figure that is not there; NaN is filled in later."""
    if describe(name).floor is None:
        return 0.0, 0.0
    if clip.status == "scored":
        raise ResultError(
            f"clip {clip.id} is scored but has no {name}; score it again, or mark it failed"
        )
    return np.nan, _reference_length(clip, name)


def _reference_length(clip: ClipScore, name: str) -> float:
    if name.split("_")[0] not in POOLED:
        return 1.0
    if name in clip.counts:
        return float(clip.counts[name][1])
    sentence = text_of(split_id(clip.id)[1])
    return float(len(sentence) if name.startswith("cer") else len(sentence.split()))


def _fill_failed(names: Sequence[str], above: np.ndarray, below: np.ndarray) -> None:
    """Fill the NaN of failed clips, in place, with the worse of the floor and the worst clip."""
    values = _ratio(above, below)
    for column, name in enumerate(names):
        facts = describe(name)
        failed = np.isnan(above[:, column])
        if failed.any():
            candidates = [*values[~failed, column], facts.floor]
            worst = max(candidates) if facts.better == "down" else min(candidates)
            above[failed, column] = worst * below[failed, column]


def _with_lag_size(sums: Sums) -> Sums:
    if LAG not in sums.names:
        return sums
    lag = sums.names.index(LAG)
    return replace(
        sums,
        names=(*sums.names, LAG_SIZE),
        above=np.column_stack([sums.above, np.abs(sums.above[:, lag])]),
        below=np.column_stack([sums.below, sums.below[:, lag]]),
    )


def _headline(sums: Sums, weights: np.ndarray) -> np.ndarray:
    """Return the figures of weighted sets of clips.

    Args:
        sums: n clips.
        weights: how often each set holds each clip, float64 (sets, n).

    Returns:
        (sets, figures); NaN where a set holds no clip that counts.
    """
    values = _ratio(weights @ sums.above, weights @ sums.below)
    if LAG in sums.names:
        lag = sums.names.index(LAG)
        counted = sums.below[:, lag] > 0
        values[:, lag] = _weighted_median(sums.above[counted, lag], weights[:, counted])
    return values


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the median of n values for each row of whole-number weights, (sets,)."""
    if not values.size:
        return np.full(len(weights), np.nan)
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[:, order], axis=1)
    total = reached[:, -1:]
    lower = values[order][np.argmax(reached >= np.floor((total + 1) / 2), axis=1)]
    upper = values[order][np.argmax(reached >= np.floor(total / 2) + 1, axis=1)]
    return np.where(total[:, 0] > 0, (lower + upper) / 2, np.nan)


def _by_speaker(sums: Sums) -> tuple[np.ndarray, np.ndarray]:
    """Return the speakers and their own figures, (speakers, figures)."""
    speakers, index = np.unique(sums.speakers, return_inverse=True)
    membership = (index == np.arange(len(speakers))[:, None]).astype(float)
    return speakers, _headline(sums, membership)


def _intervals(sums: Sums, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    _, speaker_values = _by_speaker(sums)
    enough = np.isfinite(speaker_values).sum(axis=0) >= MIN_SPEAKERS_FOR_T
    half = t_half_width(speaker_values)
    low, high = values - half, values + half
    if enough.all():
        return low, high
    drawn_low, drawn_high = _bootstrap(sums)
    return np.where(enough, low, drawn_low), np.where(enough, high, drawn_high)


def _bootstrap(sums: Sums) -> tuple[np.ndarray, np.ndarray]:
    """Return the percentile interval over clips, drawn in parts so that memory stays small."""
    n = len(sums.ids)
    generator = np.random.default_rng(0)
    drawn = []
    for start in range(0, RESAMPLES, rows := max(1, _DRAWS_AT_ONCE // n)):
        sets = min(rows, RESAMPLES - start)
        drawn.append(_headline(sums, _draw_counts(generator, sets, n)))
    tail = 100 * (1 - CONFIDENCE) / 2
    resampled = np.concatenate(drawn)
    low, high = (_percentile(resampled, at) for at in (tail, 100 - tail))
    return low, high


def _draw_counts(generator: np.random.Generator, sets: int, n: int) -> np.ndarray:
    """Return how often each of n clips is drawn, float64 (sets, n).

    Parts of any size, one after another, are the same stream as one draw of (RESAMPLES, n).
    """
    indices = generator.integers(0, n, (sets, n))
    indices += np.arange(sets)[:, None] * n
    return np.bincount(indices.ravel(), minlength=sets * n).reshape(sets, n).astype(float)


def _percentile(resampled: np.ndarray, at: float) -> np.ndarray:
    known = np.isfinite(resampled).any(axis=0)
    result = np.full(resampled.shape[1], np.nan)
    result[known] = np.nanpercentile(resampled[:, known], at, axis=0)
    return result


def _true_audio(ids: Sequence[str], true_audio: Sequence[ClipScore]) -> Mapping[str, float]:
    """Return the recognisers' own figures on the true sound of these clips."""
    wanted = set(ids)
    sums = tabulate([score for score in true_audio if score.id in wanted])
    if not sums.ids:
        return {}
    if len(sums.ids) != len(wanted):
        absent = min(wanted - set(sums.ids))
        raise ResultError(
            f"the recogniser has not heard the true sound of {absent}; score it on every clip"
        )
    values = _headline(sums, np.ones((1, len(sums.ids))))[0]
    return {
        name: float(value)
        for name, value in zip(sums.names, values, strict=True)
        if recogniser_of(name)
    }


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(below > 0, above / below, np.nan)
