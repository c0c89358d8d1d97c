"""How long a system takes for a clip, as docs/protocol.md section 7 says.

Latency is the call alone, batch 1, frames in host memory to answer in host memory, by a clock
bound in the system's process before the system is loaded. The clock here times each round trip
too, so that a system that tampers with the other clock is found. Times are in milliseconds.

What is answered is compared with what was scored, once all calls are done (`likeness.py`).

A call that fails ends the system's process, and what a new one takes for its first calls is
not a latency: the measurement starts again, warm-up included, without the clip that failed.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice

import numpy as np

from gridkit.corpus.records import CLIP_S
from gridkit.errors import SystemFailedError
from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.sandbox.worker import Answer, Worker
from gridkit.evaluation.systems.answers import Checked
from gridkit.evaluation.systems.spec import ModelSpec
from gridkit.evaluation.timing.likeness import COMPARED, MOST_APART, Pair, drawn, share_apart
from gridkit.evaluation.timing.machine import machine_facts, machine_load
from gridkit.results.timing import Percentiles, Timing, WarmUp, percentiles

CALLS = 100
MIN_CALLS = 20
MAX_S = 60.0
WARM_UP_CALLS = 10
WARM_UP_S = 2.0
WARM_UP_MAX_S = 60.0
BLOCK = 5
SETTLED = 0.05
DISPUTED = 0.05
TRANSPORT_CALLS = 100
"""Before the system is timed, and as many after."""
BATCHES = (1, 8, 32)
BATCH_CALLS = 5
MOST_FAILURES = 5
"""Failed calls after which a system is not timed."""
BATCH_MAX_S = 60.0

TimedClip = tuple[np.ndarray, Prediction]
"""The input of a clip, and what the system gave for it when it was scored."""
Ask = Callable[[], Answer]
Clock = Callable[[], float]


def time_system(worker: Worker, clips: Sequence[TimedClip], *, calls: int | None = None) -> Timing:
    """Time a system over different clips in a fixed order.

    Args:
        worker: of the system; a new process is started for it.
        clips: frames, uint8, with the scored answers; each is changed a little at every call, so
            that nothing is asked twice.
        calls: exactly so many; None: 100, or what 60 s allow once 20 are done.

    Raises:
        SystemLoadError: the system cannot be loaded.
        SystemFailedError: it failed on every clip, or five times.
    """
    worker.stop()
    load = machine_load()
    task = worker.start().task
    with Worker(ModelSpec("transport", "transport", name=task), isolate=False) as echo:
        inputs = [frames for frames, _ in clips]
        transport = _transport(echo, inputs)
        left, failed = list(clips), Counter[str]()
        while True:
            caller = _Caller(worker, [frames for frames, _ in left])
            try:
                first, warm_up = warm_up_calls(caller, time.monotonic)
                timed = timed_calls(caller, time.monotonic, calls=calls)
                break
            except _CallFailedError as failure:
                del left[failure.place]
                failed[failure.reason] += 1
                if not left or failed.total() == MOST_FAILURES:
                    raise SystemFailedError(str(failure)) from failure
        # at once: a GPU that has nothing to do lowers its clocks, and a batch has other ones
        environment = machine_facts(worker.device, worker.environment()) | load.facts()
        # before and after: the machine may have become busy in between
        transport += _transport(echo, inputs)
    batches = _throughput(worker, left, transport)
    answered = [left[place][1] for place in caller.places[-len(timed) :]]
    pairs = drawn(zip(answered, [answer.checked for answer in timed], strict=True), COMPARED)
    apart = max(share_apart(compared) for compared in [pairs, *batches.compared.values()])
    return _summary(
        first,
        warm_up,
        timed,
        transport,
        noisy=load.noisy,
        batches=batches,
        apart=apart,
        failed=dict(failed),
        environment=environment,
    )


def changed(frames: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return frames with 1 added to or taken from random pixels; of sound, random samples.

    >>> frames = np.array([0, 255, 7] * 100, np.uint8)
    >>> np.unique(changed(frames, np.random.default_rng(0)))
    array([  0,   1,   6,   7,   8, 254, 255], dtype=uint8)
    """
    step = generator.integers(-1, 2, frames.shape, np.int8)
    # at the ends of the scale there is one way to go
    scale = np.iinfo(frames.dtype)
    step = np.where(frames == scale.min, np.abs(step), step)
    step = np.where(frames == scale.max, -np.abs(step), step)
    return frames + step.astype(frames.dtype)


def warm_up_calls(ask: Ask, clock: Clock) -> tuple[Answer, WarmUp]:
    """Call until the time settles; return the first answer and what the warm-up took.

    At least 10 calls and 2 s, until two successive blocks of 5 differ by less than 5 %; at most
    60 s.

    Args:
        ask: one call of the system.
        clock: seconds.
    """
    start_s, elapsed = clock(), []
    first = ask()
    elapsed.append(first.elapsed_s)
    while True:
        took_s = clock() - start_s
        settled = len(elapsed) % BLOCK == 0 and _is_settled(elapsed)
        enough = len(elapsed) >= WARM_UP_CALLS and took_s >= WARM_UP_S
        if (enough and settled) or took_s >= WARM_UP_MAX_S:
            return first, WarmUp(len(elapsed), took_s, settled)
        elapsed.append(ask().elapsed_s)


def timed_calls(ask: Ask, clock: Clock, *, calls: int | None = None) -> list[Answer]:
    """Return the answers of 100 calls, or of what 60 s allow once 20 are done.

    Args:
        ask: one call of the system.
        clock: seconds.
        calls: exactly so many, however long they take.
    """
    start_s = clock()
    answers: list[Answer] = []
    while len(answers) < (calls or CALLS):
        if calls is None and len(answers) >= MIN_CALLS and clock() - start_s >= MAX_S:
            break
        answers.append(ask())
    return answers


def clock_is_disputed(
    elapsed: Percentiles, round_trip: Percentiles, transport_s: Sequence[float]
) -> bool:
    """Return whether round trips took longer than the process's own clock explains.

    That is, in the median or the 90th percentile, by more than the transport's 99th percentile
    and 5 %.
    """
    transport_ms = _transport_p99_ms(transport_s)
    return any(
        _is_longer(there_and_back, own, transport_ms)
        for own, there_and_back in (
            (elapsed.p50, round_trip.p50),
            (elapsed.p90, round_trip.p90),
        )
    )


def _is_longer(round_trip_ms: float, own_ms: float, transport_ms: float) -> bool:
    return round_trip_ms > own_ms * (1 + DISPUTED) + transport_ms


def _transport_p99_ms(transport_s: Sequence[float]) -> float:
    return 1e3 * float(np.percentile(transport_s, 99, method="inverted_cdf"))


def _is_settled(elapsed: Sequence[float]) -> bool:
    if len(elapsed) < 2 * BLOCK:
        return False
    before, after = sum(elapsed[-2 * BLOCK : -BLOCK]), sum(elapsed[-BLOCK:])
    return abs(after - before) < SETTLED * max(before, after, math.ulp(0.0))


class _CallFailedError(Exception):
    """A call failed."""

    def __init__(self, system: str, place: int, failure: Checked):
        super().__init__(f"{system} failed while it was timed: {failure.failure}: {failure.detail}")
        self.place = place
        """Of the clip among those that are asked about."""
        self.reason = str(failure.failure)


class _Caller:
    """Asks a system about clips in turn, each a little changed; notes which it was."""

    def __init__(self, worker: Worker, clips: Sequence[np.ndarray]):
        self.places: list[int] = []
        self._worker, self._coming = worker, cycle(enumerate(clips))
        self._generator = np.random.default_rng()

    def __call__(self) -> Answer:
        """Return the answer about the next clip.

        Raises:
            _CallFailedError: it is a failure.
        """
        place, clip = next(self._coming)
        answer = self._worker.ask(changed(clip, self._generator))
        if answer.checked.failure:
            raise _CallFailedError(self._worker.spec.text, place, answer.checked)
        self.places.append(place)
        return answer


def _transport(echo: Worker, clips: Sequence[np.ndarray]) -> list[float]:
    """Return what round trips take besides the call, in seconds, after a few more to warm up."""
    caller = _Caller(echo, clips)
    answers = [caller() for _ in range(WARM_UP_CALLS + TRANSPORT_CALLS)][WARM_UP_CALLS:]
    return [answer.round_trip_s - answer.elapsed_s for answer in answers]


@dataclass(frozen=True)
class _Batches:
    """What the calls of `batch` came to, by size."""

    rates: Mapping[str, float] = field(default_factory=dict)
    """Clips per second."""
    compared: Mapping[str, Sequence[Pair]] = field(default_factory=dict)
    disputed: bool = False
    """Whether round trips took longer than the process's own clock explains."""


def _throughput(
    worker: Worker, clips: Sequence[TimedClip], transport_s: Sequence[float]
) -> _Batches:
    """Time batches of each size: clips a second by the median of a few calls after one more.

    A batch that would take more than a minute, to judge by the one before it, is left out, and so
    is one that fails, as where it does not fit into memory.
    """
    if not worker.start().has_batch:
        return _Batches()
    generator = np.random.default_rng()
    rates: dict[str, float] = {}
    compared: dict[str, Sequence[Pair]] = {}
    disputed = False
    for size in BATCHES:
        if any((1 + BATCH_CALLS) * size / rate > BATCH_MAX_S for rate in list(rates.values())[-1:]):
            break
        answers, given = [], list(islice(cycle(clips), size))
        for _ in range(1 + BATCH_CALLS):
            answer = worker.ask_batch([changed(frames, generator) for frames, _ in given])
            if any(clip.failure for clip in answer.clips):
                return _Batches(rates, compared, disputed)
            answers.append(answer)
        timed = answers[1:]
        own, round_trip = (
            percentiles([getattr(answer, clock) for answer in timed])
            for clock in ("elapsed_s", "round_trip_s")
        )
        rates[str(size)] = 1e3 * size / own.p50
        # a batch carries as much through the pipe as so many clips
        transport_ms = size * _transport_p99_ms(transport_s)
        disputed |= _is_longer(round_trip.p50, own.p50, transport_ms)
        pairs = [
            (saved, checked)
            for answer in timed
            for (_, saved), checked in zip(given, answer.clips, strict=True)
        ]
        compared[str(size)] = drawn(pairs, COMPARED // len(BATCHES))
    return _Batches(rates, compared, disputed)


def _summary(
    first: Answer,
    warm_up: WarmUp,
    timed: Sequence[Answer],
    transport_s: Sequence[float],
    *,
    noisy: bool,
    batches: _Batches,
    apart: float,
    failed: Mapping[str, int],
    environment: Mapping[str, object],
) -> Timing:
    latency = percentiles([answer.elapsed_s for answer in timed])
    round_trip = percentiles([answer.round_trip_s for answer in timed])
    on_device = [answer.device_ms / 1e3 for answer in timed if answer.device_ms is not None]
    peaks = [a.peak_memory_bytes for a in timed if a.peak_memory_bytes is not None]
    return Timing(
        latency_ms=latency,
        first_call_ms=first.elapsed_s * 1e3,
        real_time_factor=latency.p50 / 1e3 / CLIP_S,
        clock_disputed=clock_is_disputed(latency, round_trip, transport_s)
        or batches.disputed
        or apart > MOST_APART,
        noisy=noisy,
        warm_up=warm_up,
        round_trip_ms=round_trip,
        transport_ms=percentiles(transport_s),
        samples_ms=tuple(answer.elapsed_s * 1e3 for answer in timed),
        round_trip_samples_ms=tuple(answer.round_trip_s * 1e3 for answer in timed),
        environment=environment,
        device_ms=percentiles(on_device) if on_device else None,
        peak_memory_bytes=max(peaks) if peaks else None,
        throughput=batches.rates,
        answers_apart=apart,
        failed=failed,
    )
