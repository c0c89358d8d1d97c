"""From the scores of clips to headline figures with intervals: docs/protocol.md sections 4 and 6.

With 4 or more speakers an interval is the headline +- t(.975, S-1) * sd / sqrt(S) over the
speakers' own values; with fewer it is a percentile bootstrap over clips, and speaks for these
speakers only.
"""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from scipy import stats

from gridkit.corpus.codes import speaker_order
from gridkit.corpus.grammar import SLOT_NAMES
from gridkit.errors import ResultError
from gridkit.results.clip_table import ClipTable, ratio
from gridkit.results.records import Estimate
from gridkit.results.wording import LAG, recogniser_of

MIN_SPEAKERS_FOR_T = 4
RESAMPLES = 2_000
CONFIDENCE = 0.95
_DRAWS_AT_ONCE = 500_000
"""Clips drawn in one go, over all resamples of it: bounds the memory to some 20 MB."""


def estimates(table: ClipTable, true_audio: ClipTable | None = None) -> dict[str, Estimate]:
    """Return the headline figures of one result, each with its 95 % interval.

    Args:
        table: the clips of one result; failed ones count.
        true_audio: the same clips scored on their reference audio, for recognisers' own figures.

    Returns:
        Figure to estimate: means over clips; wer and cer pooled; `lag_ms` the median and
        `lag_ms_abs` the mean size over the clips where a lag was found. A figure in which
        no clip counts is left out.

    Raises:
        ResultError: the recogniser did not transcribe the reference audio of every clip.
    """
    if not table.ids:
        return {}
    values = _headline(table, np.ones((1, len(table.ids))))[0]
    low, high = _intervals(table, values)
    counted = (table.below > 0).sum(axis=0)
    found = {
        name: Estimate(
            float(values[i]),
            float(low[i]) if counted[i] > 1 else None,
            float(high[i]) if counted[i] > 1 else None,
            int(counted[i]),
        )
        for i, name in enumerate(table.names)
        if counted[i]
    }
    true = _true_audio(table.ids, true_audio) if true_audio else {}
    return {
        name: replace(estimate, true_audio=true[name]) if name in true else estimate
        for name, estimate in found.items()
    }


def per_speaker(table: ClipTable) -> dict[str, dict[str, float]]:
    """Return each speaker's own figures (wer and cer pooled within the speaker).

    A figure that none of a speaker's clips has (lag) is left out.
    """
    speakers, values = _by_speaker(table)
    return {
        speaker: {
            name: float(value)
            for name, value in zip(table.names, values[list(speakers).index(speaker)], strict=True)
            if np.isfinite(value)
        }
        for speaker in sorted(speakers, key=speaker_order)
    }


def per_slot(table: ClipTable) -> dict[str, dict[str, float]]:
    """Return the accuracy of each slot, `slot` or `slot_R` first; a failed clip has none right."""
    return {
        name: dict(zip(SLOT_NAMES, (right / len(table.ids)).tolist(), strict=True))
        for name, right in sorted(table.slots.items())
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


def _headline(table: ClipTable, weights: np.ndarray) -> np.ndarray:
    """Return the figures of weighted sets of clips.

    Args:
        table: n clips.
        weights: how often each set holds each clip, float64 (sets, n).

    Returns:
        (sets, figures); NaN where a set holds no clip that counts.
    """
    values = ratio(weights @ table.above, weights @ table.below)
    if LAG in table.names:
        lag = table.names.index(LAG)
        counted = table.below[:, lag] > 0
        values[:, lag] = _weighted_median(table.above[counted, lag], weights[:, counted])
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


def _by_speaker(table: ClipTable) -> tuple[np.ndarray, np.ndarray]:
    """Return the speakers and their own figures, (speakers, figures)."""
    speakers, index = np.unique(table.speakers, return_inverse=True)
    membership = (index == np.arange(len(speakers))[:, None]).astype(float)
    return speakers, _headline(table, membership)


def _intervals(table: ClipTable, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    _, speaker_values = _by_speaker(table)
    enough = np.isfinite(speaker_values).sum(axis=0) >= MIN_SPEAKERS_FOR_T
    half = t_half_width(speaker_values)
    low, high = values - half, values + half
    if enough.all():
        return low, high
    drawn_low, drawn_high = _bootstrap(table)
    return np.where(enough, low, drawn_low), np.where(enough, high, drawn_high)


def _bootstrap(table: ClipTable) -> tuple[np.ndarray, np.ndarray]:
    """Return the percentile interval over clips, drawn in parts so that memory stays small."""
    n = len(table.ids)
    generator = np.random.default_rng(0)
    drawn = []
    for start in range(0, RESAMPLES, rows := max(1, _DRAWS_AT_ONCE // n)):
        sets = min(rows, RESAMPLES - start)
        drawn.append(_headline(table, _draw_counts(generator, sets, n)))
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


def _true_audio(ids: tuple[str, ...], true_audio: ClipTable) -> Mapping[str, float]:
    """Return the recognisers' own figures on the reference audio of these clips."""
    same = true_audio.only(ids)
    if len(same.ids) != len(ids):
        absent = min(set(ids) - set(same.ids))
        raise ResultError(
            f"the recogniser did not transcribe the reference audio of {absent}; score every clip"
        )
    values = _headline(same, np.ones((1, len(ids))))[0]
    return {
        name: float(value)
        for name, value in zip(same.names, values, strict=True)
        if recogniser_of(name)
    }
