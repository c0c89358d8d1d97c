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
from gridkit.evaluation.predictions.records import CONTRACT_FAILURES, Prediction
from gridkit.evaluation.sandbox.facts import SystemFacts
from gridkit.evaluation.sandbox.worker import Worker
from gridkit.evaluation.systems.answers import Checked
from gridkit.evaluation.systems.contract import EXPORTED_KINDS
from gridkit.evaluation.systems.in_process import InProcess
from gridkit.results.sound_levels import SoundLevels, sound_levels

ASKED_TWICE = 5
OTHER_LENGTHS = (40, 200)
"""Frames of a clip, where an exported network is tried on other lengths than the 75 of GRID."""
ALIKE_AT_START = 5
"""Clips that fail alike at the start, and end the run."""


def fresh_order(
    ids: Iterable[str], *, done: Collection[str] = (), twice: int = ASKED_TWICE
) -> tuple[str, ...]:
    """Return the ids in a new random order, then some of them again in another.

    Args:
        ids: of the clips to be asked about.
        done: predicted by an earlier run: left out.
        twice: number of clips that come twice (all, where there are fewer).
    """
    chance = random.SystemRandom()
    left = sorted(set(ids) - set(done))
    chance.shuffle(left)
    return (*left, *chance.sample(left, min(twice, len(left))))


def predict(
    worker: Worker | InProcess, order: Iterable[str], frames_of: Callable[[str], np.ndarray]
) -> Iterator[Prediction]:
    """Yield a prediction for each clip, as soon as it is settled.

    A clip that comes twice in the order is settled at the second time. From the first clip on
    that comes again, a fresh process answers: what a system kept of the first round is gone. A
    failure in either asking is the clip's failure.

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
    is_second_round = False
    for place, (clip_id, frames) in enumerate(_read_ahead(order, frames_of), 1):
        if clip_id in first and not is_second_round:
            worker.stop()
            is_second_round = True
        answer = worker.ask(frames).checked
        if times[clip_id] == 2 and clip_id not in first:
            first[clip_id] = place, answer
            continue
        earlier_place, earlier = first.pop(clip_id, (place, answer))
        kept = answer if answer.failure and not earlier.failure else earlier
        yield Prediction(
            clip_id,
            kept.samples,
            kept.text,
            kept.failure,
            kept.detail,
            stateful=not (earlier.failure or answer.failure or earlier.same_as(answer)),
            asked=tuple(sorted({earlier_place, place})),
        )


def check_first_answers(predictions: Iterable[Prediction]) -> Iterator[Prediction]:
    """Pass predictions on, unless a system's first five answers break the contract in one way.

    Then the other answers would, too: the run ends, and none is kept.

    Raises:
        SystemFailedError: the first five failed alike; the message says how.
    """
    coming = iter(predictions)
    held: list[Prediction] = []
    for prediction in coming:
        held.append(prediction)
        says = {(one.failure, one.detail) for one in held}
        if prediction.failure not in CONTRACT_FAILURES or len(says) > 1:
            break
        if len(held) == ALIKE_AT_START:
            raise SystemFailedError(
                f"the first {ALIKE_AT_START} clips failed alike, so the run ends: "
                f"{prediction.failure}: {prediction.detail}"
            )
    yield from held
    yield from coming


@dataclass(frozen=True)
class DryRun:
    """What a system says of itself, and what of its sound would be lost."""

    facts: SystemFacts
    levels: tuple[SoundLevels, ...] = ()
    """Of the sound of each clip."""
    other_length: str = ""
    """Of an exported network: how it fails on a clip of another length than GRID's; empty where it
    does not."""


def dry_run(worker: Worker, clips: Iterable[np.ndarray]) -> DryRun:
    """Check a system on a few clips without scoring.

    Raises:
        SystemLoadError: it cannot be loaded or breaks the contract.
        SystemFailedError: it gave no usable answer for a clip.
    """
    facts, levels = worker.start(), []
    for number, frames in enumerate(clips, 1):
        answer = worker.ask(frames).checked
        if answer.samples is not None:
            levels.append(sound_levels(answer.samples))
        if answer.failure:
            raise SystemFailedError(
                f"{worker.spec.text} failed on clip {number} ({frames.shape}, uint8): "
                f"{answer.failure}: {answer.detail}"
            )
    is_exported = worker.spec.kind in EXPORTED_KINDS
    return DryRun(facts, tuple(levels), _other_length(worker, frames) if is_exported else "")


def _other_length(worker: Worker, frames: np.ndarray) -> str:
    """Return how a system fails on fewer or more frames; sound of their length is no failure."""
    for count in OTHER_LENGTHS:
        answer = worker.ask(frames[np.arange(count) % len(frames)]).checked
        if answer.failure and answer.failure != "length":
            return f"{count} frames: {answer.failure}: {answer.detail}"
    return ""


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
