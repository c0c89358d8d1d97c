"""Score lists of pairs: each pair's own score, and the means with their intervals."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import numpy as np

from gridkit.api.pairs import name_types, score_sound_pair, score_text_pair
from gridkit.api.scores import PairScores, SoundScore
from gridkit.corpus.codes import split_id
from gridkit.corpus.grammar import SLOT_NAMES
from gridkit.errors import MetricError, PairError
from gridkit.evaluation.scoring.score_clip import figures_of
from gridkit.metrics.registry import plug_ins
from gridkit.metrics.wer import TextScore
from gridkit.results.clip_table import ClipTable, tabulate
from gridkit.results.records import PROTOCOL, ClipScore
from gridkit.results.statistics import MIN_SPEAKERS_FOR_T, estimates
from gridkit.results.wording import order_key

Score = TypeVar("Score", SoundScore, TextScore)
Pairs = Sequence[tuple[object, object]]

_UNNAMED = "pair"
"""The speaker of pairs without ids: one, so that intervals are over pairs."""


def score_pairs(
    references: object, predictions: object, rates_hz: tuple[int, int], ids: Sequence[str] | None
) -> PairScores[SoundScore] | PairScores[TextScore]:
    """Score pairs of one kind.

    Args:
        references: a list or tuple of sounds, or of texts.
        predictions: the same, as many.
        rates_hz: of the references and of the predictions, where they are sounds.
        ids: of the clips, as many; None: they have none.

    Raises:
        PairError: a pair cannot be scored, or these are not as many of each.
    """
    if not (isinstance(references, list | tuple) and isinstance(predictions, list | tuple)):
        raise PairError(f"{name_types(references, predictions)}; give two lists, or one pair")
    if len(references) != len(predictions) or not references:
        raise PairError(
            f"{len(references)} references and {len(predictions)} predictions; give as many of "
            "each, at least one"
        )
    clips = _numbered(len(references)) if ids is None else _checked(ids, len(references))
    pairs = list(zip(references, predictions, strict=True))
    if any(isinstance(one, str) for pair in pairs for one in pair):
        return _text_scores(clips, pairs)
    return _sound_scores(clips, pairs, rates_hz)


def _sound_scores(
    clips: Sequence[str], pairs: Pairs, rates_hz: tuple[int, int]
) -> PairScores[SoundScore]:
    scores = list(_each(clips, pairs, lambda x, y: score_sound_pair(x, y, rates_hz)))
    rows = [
        ClipScore(clip, "failed", f"metric:{score.metric}", str(score))
        if isinstance(score, MetricError)
        else ClipScore(clip, "scored", metrics=score.figures)
        for clip, score in zip(clips, scores, strict=True)
    ]
    table = tabulate(rows, figures_of("v2s", PROTOCOL, (), plug_ins()))
    return _summed_up(clips, scores, table)


def _text_scores(clips: Sequence[str], pairs: Pairs) -> PairScores[TextScore]:
    scores = list(_each(clips, pairs, score_text_pair))
    texts = [score for score in scores if isinstance(score, TextScore)]
    # other sentences have other slots, which cannot be counted together
    is_grid = all(len(text.slots) == len(SLOT_NAMES) for text in texts)
    rows = [
        ClipScore(
            clip,
            "scored",
            metrics={"ser": float(text.sentence_error)},
            counts={
                "wer": (text.word_errors, text.words),
                "cer": (text.character_errors, text.characters),
            },
            slots={"slot": text.slots} if is_grid else {},
        )
        for clip, text in zip(clips, texts, strict=True)
    ]
    return _summed_up(clips, scores, tabulate(rows))


def _each(
    clips: Sequence[str], pairs: Pairs, score: Callable[[object, object], Score]
) -> Iterator[Score | MetricError]:
    """Yield each pair's score, or why a metric could not be computed for it."""
    for place, (clip, pair) in enumerate(zip(clips, pairs, strict=True)):
        try:
            yield score(*pair)
        except MetricError as error:
            yield error
        except PairError as error:
            name = "" if clip.startswith(f"{_UNNAMED}/") else f" ({clip})"
            raise PairError(f"pair {place}{name}: {error}") from error


def _summed_up(
    clips: Sequence[str], scores: Sequence[Score | MetricError], table: ClipTable
) -> PairScores[Score]:
    found = estimates(table)
    return PairScores(
        ids=tuple(clips),
        pairs=tuple(None if isinstance(score, MetricError) else score for score in scores),
        metrics={name: found[name] for name in sorted(found, key=order_key)},
        failed={
            clip: str(score)
            for clip, score in zip(clips, scores, strict=True)
            if isinstance(score, MetricError)
        },
        interval_note=_interval_note(table),
        table=table,
    )


def _interval_note(table: ClipTable) -> str:
    speakers = list(np.unique(table.speakers))
    if len(speakers) >= MIN_SPEAKERS_FOR_T:
        return f"95 % intervals over {len(speakers)} speakers"
    over = "95 % intervals over pairs"
    return (
        over if speakers == [_UNNAMED] else f"{over}: these speakers only ({', '.join(speakers)})"
    )


def _numbered(count: int) -> list[str]:
    """Return ids that sort in the order of the list."""
    return [f"{_UNNAMED}/{place:09d}" for place in range(count)]


def _checked(ids: Sequence[str], count: int) -> list[str]:
    if len(ids) != count or len(set(ids)) != count:
        raise PairError(f"{len(set(ids))} different ids for {count} pairs; give one for each pair")
    for clip in ids:
        if not all(split_id(clip)):
            raise PairError(f"{clip!r} is not an id; it names speaker and clip, as s1/bbaf2n")
    return list(ids)
