"""Where work runs: the one interface behind which local processes, Ray and Slurm stand.

An item is done by a function of a module, called with the item and with what counts its steps
(clips of a batch, say). Nothing but the item goes to the worker and nothing but the result comes
back, so both are small: what is large is read and written by the worker.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

CountSteps = Callable[[int], None]
"""Called with how many more steps are done; a negative number takes those of a loss back."""
Work = Callable[[Item, CountSteps], Result]
"""What is done with an item, in a worker; a function that can be imported there."""
Retry = Callable[[Item, int], Item | None]
"""An item that was lost, and how often by now, to what is done instead; None: nothing more."""


@dataclass(frozen=True)
class Crashed:
    """What comes back for an item whose worker died, or that failed, as often as it was tried."""

    detail: str


class Executor(Protocol):
    """Runs work over items."""

    @property
    def is_local(self) -> bool:
        """Whether workers are processes of this machine, which share its disks."""

    @property
    def workers(self) -> int:
        """How many items are under way at a time."""

    def run(
        self,
        work: Work[Item, Result],
        items: Iterable[Item],
        count_steps: CountSteps,
        retry: Retry[Item],
    ) -> Generator[tuple[Item, Result | Crashed], None, None]:
        """Yield each item with its result, as they come.

        Items are taken as workers get free, so that any number of them takes the same memory. Where
        the generator is closed, the work that is under way is ended.

        Args:
            work: what is done with each item.
            items: what it is done with; can be pickled.
            count_steps: called with the steps of items that are under way.
            retry: what is done where an item is lost; where a worker did something else instead of
                an item, this stands beside the result.

        Raises:
            Exception: what `work` raised for an item; it ends the run.
            EnvironmentProblem: no worker can be started.
        """


def retry_once(item: Item, losses: int) -> Item | None:
    """Do an item again where its worker died, and give it up where that dies too."""
    return item if losses == 1 else None


def count_nothing(_steps: int) -> None:
    """Stand for what counts steps where nobody asks."""


def in_order(
    items: Iterable[Item], runs: Iterable[tuple[Item, Result]]
) -> Iterator[tuple[Item, Result]]:
    """Yield items with their results in the order of the items, whatever order these come in.

    Args:
        items: all of them, none changed by a retry.
        runs: from `Executor.run`.
    """
    early: dict[int, Result] = {}
    coming = iter(runs)
    for item in items:
        while id(item) not in early:
            done, result = next(coming)
            early[id(done)] = result
        yield item, early.pop(id(item))
