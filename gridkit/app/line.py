"""Who waits for whom: so many clips are worked on at once, the others wait in order."""

import asyncio
from collections.abc import AsyncIterator

from gridkit.errors import UsageError

LONGEST = 20
"""So many may wait."""


class LineFullError(UsageError):
    """Too many wait already."""


class Line:
    """A waiting line, for one event loop.

    Args:
        at_once: so many have their turn at the same time.
    """

    def __init__(self, at_once: int):
        self._at_once = at_once
        self._tickets: list[object] = []
        self._moved = asyncio.Event()

    async def turn(self, ticket: object) -> AsyncIterator[int]:
        """Yield how many are ahead, each time that it changes; end when it is this one's turn.

        Args:
            ticket: of whoever waits; must be given to `leave`, whatever happens.

        Raises:
            LineFullError: too many wait already.
        """
        if len(self._tickets) >= self._at_once + LONGEST:
            raise LineFullError(f"{LONGEST} others wait already; try again in a few minutes")
        self._tickets.append(ticket)
        told = 0
        while (ahead := self._tickets.index(ticket) - self._at_once + 1) > 0:
            if ahead != told:
                told = ahead
                yield ahead
            else:
                await self._moved.wait()

    def leave(self, ticket: object) -> None:
        """Let the next one come."""
        if ticket in self._tickets:
            self._tickets.remove(ticket)
            self._moved.set()
            self._moved = asyncio.Event()
