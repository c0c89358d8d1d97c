"""Ranks of results on the same clips: docs/protocol.md section 6.

The rank takes the p of each pair as it is: it is not adjusted by the size of the table, so that a
new row cannot merge others.
"""

from collections.abc import Mapping, Sequence

from gridkit.results.caveats import result_caveats
from gridkit.results.records import Result

RANK_P = 0.01


def rankable(result: Result) -> bool:
    """Tell whether a result may be ranked: it is not a control, and no caveat bars a rank."""
    return not result.is_control and not any(one.bars_rank for one in result_caveats(result))


def ranks(
    values: Sequence[float],
    ranked: Sequence[bool],
    tests: Mapping[tuple[int, int], tuple[float, float]],
    *,
    lower_is_better: bool,
) -> tuple[int | None, ...]:
    """Return the rank of each row.

    Taken in order of the headline, a row's rank is the larger of the rank of the row above, and
    1 + the number of rows above that are better with p < 0.01.

    Args:
        values: the headline of each row.
        ranked: whether the row counts.
        tests: for rows (i, j) with i < j, the difference i - j and its unadjusted p.
        lower_is_better: whether a small value leads.
    """
    sign = -1 if lower_is_better else 1
    order = sorted(
        (row for row in range(len(values)) if ranked[row]), key=lambda row: -sign * values[row]
    )

    def beats(above: int, row: int) -> bool:
        difference, p = tests[min(above, row), max(above, row)]
        towards = difference if above < row else -difference
        return p < RANK_P and sign * towards > 0

    found: list[int | None] = [None] * len(values)
    rank = 1
    for place, row in enumerate(order):
        rank = max(rank, 1 + sum(beats(above, row) for above in order[:place]))
        found[row] = rank
    return tuple(found)
