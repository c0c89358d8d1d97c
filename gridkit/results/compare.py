"""Paired comparison of results that answer the same question: docs/protocol.md section 6.

Results are comparable when the scored ids, the corpus hash, the protocol and the task agree.
Pairs are compared by t-test: with 4 or more speakers over the speakers' mean differences, else
over clips. A clip's own value stands for it, of wer and cer its own rate; a failed clip has the
value that the headline counts it with. p is adjusted by Holm over the pairs named.
Ranks take the p of each pair as it is (`gridkit.results.ranks`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy import special

from gridkit.corpus.codes import split_id
from gridkit.errors import ResultError
from gridkit.results.files import Scored
from gridkit.results.ranks import rankable, ranks
from gridkit.results.records import NORMALISER_KEY, Estimate, Result, recogniser_key
from gridkit.results.recount import counted_again
from gridkit.results.statistics import CONFIDENCE, MIN_SPEAKERS_FOR_T
from gridkit.results.wording import describe, recogniser_of


@dataclass(frozen=True)
class Pair:
    """One result against another on one metric."""

    first: int
    second: int
    """Positions of the two in the results given."""
    difference: float
    """First minus second, mean over the units of the test."""
    low: float
    high: float
    p: float
    """Two-sided, of the paired t-test; 1 where all differences are 0."""
    p_holm: float
    """The same, adjusted over the pairs."""


@dataclass(frozen=True)
class Comparison:
    """Results side by side on one metric."""

    metric: str
    results: tuple[Result, ...]
    estimates: tuple[Estimate, ...]
    pairs: tuple[Pair, ...]
    ranks: tuple[int | None, ...]
    """None: not ranked (a control, over 5 % failed, clips of the split missing, or a metric that
    is not the track's headline)."""
    clips: int
    speakers: int

    @property
    def over_speakers(self) -> bool:
        """Tell whether speakers are the units of the test, else clips are."""
        return self.speakers >= MIN_SPEAKERS_FOR_T


def compare(results: Sequence[Scored], metric: str | None = None) -> Comparison:
    """Compare results pair by pair, and rank them.

    Args:
        results: two or more, on the same clips.
        metric: a metric that all have; the track's headline metric if not given.

    Raises:
        ResultError: they are not comparable, and why; or one lacks the metric, or says something
            else than its clips.
    """
    check_comparable(results)
    counted = [counted_again(scored) for scored in results]
    metric = metric or results[0].result.rank_metric
    ids, values = _paired_values(results, metric)
    speakers = np.array([split_id(clip)[0] for clip in ids])
    tests = {
        (one, two): paired_test(values[:, one] - values[:, two], speakers)
        for one, two in combinations(range(len(results)), 2)
    }
    adjusted = holm([p for *_, p in tests.values()])
    pairs = tuple(
        Pair(one, two, difference, low, high, p, p_holm)
        for ((one, two), (difference, low, high, p)), p_holm in zip(
            tests.items(), adjusted, strict=True
        )
    )
    plain = tuple(scored.result for scored in results)
    estimates = tuple(figures[metric] for figures in counted)
    return Comparison(
        metric=metric,
        results=plain,
        estimates=estimates,
        pairs=pairs,
        ranks=ranks(
            [estimate.value for estimate in estimates],
            [rankable(result) and metric == result.rank_metric for result in plain],
            {pair: (difference, p) for pair, (difference, _, _, p) in tests.items()},
            lower_is_better=describe(metric).better == "down",
        ),
        clips=len(ids),
        speakers=len(set(speakers)),
    )


def check_comparable(results: Sequence[Scored]) -> None:
    """Refuse results that do not answer the same question.

    Raises:
        ResultError: fewer than two, or the message says which two differ in what.
    """
    if len(results) < 2:
        raise ResultError("a comparison takes two results or more; name another RESULT folder")
    first = results[0]
    wanted = _question(first)
    for other in results[1:]:
        differing = [name for name, value in _question(other).items() if value != wanted[name]]
        differing += _other_recognisers(first.result, other.result)
        if differing:
            raise ResultError(
                f"{first.folder} and {other.folder} cannot be compared: they differ in "
                f"{', '.join(differing)}; evaluate both on the same corpus and split"
            )


def paired_test(differences: np.ndarray, speakers: np.ndarray) -> tuple[float, float, float, float]:
    """Test whether paired differences are 0 in the mean.

    Args:
        differences: one value per clip, (n,).
        speakers: the speaker of each clip, str (n,).

    Returns:
        Mean over the units (clips, or the speakers' means), its 95 % interval (low, high), and
        the two-sided p. One unit tells nothing: the interval is infinite and p is 1.
    """
    mean, half, p = (float(found[0]) for found in paired_tests(differences[None], speakers))
    return mean, mean - half, mean + half, p


def paired_tests(
    differences: np.ndarray, speakers: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Test many series of paired differences at once, as `paired_test` does one.

    Args:
        differences: a series in each row, (k, n).
        speakers: the speaker of each clip, str (n,).

    Returns:
        Of each series the mean over the units, half its 95 % interval, and p; each (k,).
    """
    names = np.unique(speakers)
    units = differences
    if len(names) >= MIN_SPEAKERS_FOR_T:
        units = np.stack([differences[:, speakers == name].mean(axis=1) for name in names], axis=1)
    count = units.shape[1]
    # that of what is tested: over clips it may point the other way, where speakers are unequal
    mean = units.mean(axis=1)
    none = ~units.any(axis=1)
    if count < 2:
        half, p = np.full(len(units), np.inf), np.ones(len(units))
    else:
        error = np.std(units, axis=1, ddof=1) / np.sqrt(count)
        half = special.stdtrit(count - 1, (1 + CONFIDENCE) / 2) * error
        # units that all differ by the same amount have no spread: nothing is left to chance
        spread = np.ptp(units, axis=1) > 0
        size = np.divide(np.abs(mean), error, out=np.full(len(units), np.inf), where=spread)
        p = 2 * special.stdtr(count - 1, -size)
    return np.where(none, 0.0, mean), np.where(none, 0.0, half), np.where(none, 1.0, p)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted by Holm's step-down method, in the order given.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    steps = np.asarray(p_values)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return [float(p) for p in adjusted]


def _question(scored: Scored) -> dict[str, object]:
    result = scored.result
    return {
        "protocol": result.protocol,
        "task": result.task,
        "corpus hash": result.corpus_sha256,
        "scored ids": scored.table.ids,
    }


def _other_recognisers(first: Result, second: Result) -> list[str]:
    """Return the recognisers, and the normaliser, of which the two results used two versions."""
    names = {recogniser_of(metric) for metric in first.metrics.keys() & second.metrics.keys()}
    keys = [NORMALISER_KEY, *(recogniser_key(name) for name in sorted(filter(None, names)))]
    # results of before these versions were written are not refused
    return [
        key
        for key in keys
        if key in first.versions
        and key in second.versions
        and first.versions[key] != second.versions[key]
    ]


def _paired_values(results: Sequence[Scored], metric: str) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the ids that count in all, and each result's value of them, (n, results)."""
    columns = []
    for scored in results:
        if metric not in scored.result.metrics:
            known = ", ".join(sorted(scored.result.metrics))
            raise ResultError(f"{scored.folder} has no {metric}; it has {known}")
        columns.append(scored.table.column(metric))
    values = np.column_stack(columns)
    counted = np.isfinite(values).all(axis=1)
    ids = tuple(clip for clip, keep in zip(results[0].table.ids, counted, strict=True) if keep)
    return ids, values[counted]
