"""Ask a system about every clip, blind: fresh random order, some clips twice.

The order comes from the operating system's randomness, so that a system cannot foresee it; it
is recorded afterwards. A clip that is asked twice and answered differently is flagged stateful.
"""

import random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gridkit.errors import SystemFailedError
from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.sandbox.facts import SystemFacts
from gridkit.evaluation.sandbox.worker import Worker
from gridkit.evaluation.systems.answers import Checked
from gridkit.evaluation.systems.in_process import InProcess

ASKED_TWICE = 5
FULL_SCALE = 32_767


def fresh_order(
    ids: Iterable[str], *, done: Collection[str] = (), twice: int = ASKED_TWICE
) -> tuple[str, ...]:
    """Return the ids in a new random order, some of them twice.

    Args:
        ids: of the clips to be asked about.
        done: predicted by an earlier run: left out.
        twice: number of clips that come twice (all, where there are fewer).
    """
    chance = random.SystemRandom()
    left = sorted(set(ids) - set(done))
    order = left + chance.sample(left, min(twice, len(left)))
    chance.shuffle(order)
    return tuple(order)


def predict(
    worker: Worker | InProcess, order: Iterable[str], frames_of: Callable[[str], np.ndarray]
) -> Iterator[Prediction]:
    """Yield a prediction for each clip, as soon as it is settled.

    A clip that comes twice in the order is settled at the second time.

    Args:
        worker: of the system; a process is started where that is not done.
        order: from `fresh_order`.
        frames_of: id to frames, uint8 (T, H, W) or (T, H, W, 3); called in another thread, for
            the next clip while the system works on this one.

    Raises:
        SystemLoadError: the system cannot be loaded, or not again after a failure.
    """
    order = tuple(order)
    times = Counter(order)
    first: dict[str, tuple[int, Checked]] = {}
    for place, (clip_id, frames) in enumerate(_read_ahead(order, frames_of), 1):
        answer = worker.ask(frames).checked
        if times[clip_id] == 2 and clip_id not in first:
            first[clip_id] = place, answer
            continue
        earlier_place, earlier = first.pop(clip_id, (place, answer))
        yield Prediction(
            clip_id,
            earlier.samples,
            earlier.text,
            earlier.failure,
            earlier.detail,
            stateful=not earlier.same_as(answer),
            asked=tuple(sorted({earlier_place, place})),
        )


@dataclass(frozen=True)
class DryRun:
    """What a system says of itself, and what of its sound would be lost."""

    facts: SystemFacts
    clipped: float
    """Largest share of a clip's samples at full scale: beyond [-1, 1] they are cut off."""


def dry_run(worker: Worker, clips: Iterable[np.ndarray]) -> DryRun:
    """Check a system on a few clips without scoring.

    Raises:
        SystemLoadError: it cannot be loaded or breaks the contract.
        SystemFailedError: it gave no usable answer for a clip.
    """
    facts, clipped = worker.start(), 0.0
    for number, frames in enumerate(clips, 1):
        answer = worker.ask(frames).checked
        if answer.samples is not None:
            clipped = max(clipped, float((np.abs(answer.samples.astype(int)) >= FULL_SCALE).mean()))
        if answer.failure:
            raise SystemFailedError(
                f"{worker.spec.text} failed on clip {number} ({frames.shape}, uint8): "
                f"{answer.failure}: {answer.detail}"
            )
    return DryRun(facts, clipped)


def _read_ahead(
    order: tuple[str, ...], frames_of: Callable[[str], np.ndarray]
) -> Iterator[tuple[str, np.ndarray]]:
    if not order:
        return
    with ThreadPoolExecutor(1) as reader:
        coming = reader.submit(frames_of, order[0])
        for clip_id, following in pairwise(order):
            frames, coming = coming.result(), reader.submit(frames_of, following)
            yield clip_id, frames
        yield order[-1], coming.result()
