"""Time stamps that start again, are missing or damaged, made into times that go on.

MPEG files joined end to end start again at 0 with each part; a transmission leaps by hours; a
damaged stamp says anything. Pure: items in, items with their times out.
"""

from collections.abc import Iterable, Iterator
from itertools import chain, islice, pairwise
from typing import Any, TypeVar

LONGEST_STILL_S = 10.0
"""A picture that seems to stay longer has a damaged time stamp after it."""
REORDERED_S = 0.25
"""Time stamps that go back by less are out of order; by more, they started again."""
UNSTAMPED = 64
"""As many items without a time stamp may come before the first one that has one."""

END: Any = (None, None)

Item = TypeVar("Item")


class Timeline:
    """Lays items out in time: from 0 on, never backwards, and on where it stood after a leap.

    Args:
        step_s: how long an item stays where no time stamp says it.
    """

    def __init__(self, step_s: float):
        self._step_s = step_s
        self.offsets_s: list[float] = []
        """What was taken off the time stamps, since the start and since each leap. The first one
        is the time stamp of time 0."""

    def times(self, stamped: Iterable[tuple[Item, float | None]]) -> Iterator[tuple[Item, float]]:
        """Yield items with their times in seconds.

        Args:
            stamped: items, each with its time stamp in seconds, or None.
        """
        items = iter(stamped)
        start = list(_until_stamped(islice(items, UNSTAMPED)))
        first_s = start[-1][1] if start else None
        # items before the first time stamp lead up to it
        lead_s = (len(start) - 1) * self._step_s
        self.offsets_s.append(0.0 if first_s is None else first_s - lead_s)
        latest_s, next_s = 0.0, 0.0
        for (item, stamp_s), following in pairwise(chain(start, items, [END])):
            latest_s = self._time_s(stamp_s, following[1], latest_s, next_s)
            next_s = latest_s + self._step_s
            yield item, latest_s

    def _time_s(
        self, stamp_s: float | None, following_s: float | None, latest_s: float, next_s: float
    ) -> float:
        """Return the time of an item.

        Args:
            stamp_s: its time stamp.
            following_s: that of the item after it.
            latest_s: time of the item before it.
            next_s: when that one ends.
        """
        if stamp_s is None:
            return next_s

        def goes_on(time_s: float) -> bool:
            return latest_s - 1e-9 <= time_s <= next_s + LONGEST_STILL_S

        offset_s = self.offsets_s[-1]
        time_s = stamp_s - offset_s
        if following_s is not None and goes_on(following_s - offset_s):
            after_s = following_s - offset_s
            if after_s < time_s or not goes_on(time_s):
                return max(latest_s, min(next_s, after_s))  # this one alone is damaged
        if goes_on(time_s):
            return max(latest_s, time_s)
        if latest_s - REORDERED_S <= time_s < latest_s:
            return latest_s
        self.offsets_s.append(stamp_s - next_s)
        return next_s


def _until_stamped(
    items: Iterable[tuple[Item, float | None]],
) -> Iterator[tuple[Item, float | None]]:
    """Yield items up to the first with a time stamp."""
    for item, stamp_s in items:
        yield item, stamp_s
        if stamp_s is not None:
            return
