"""Load the system and answer requests, inside its process, locked in.

The clock is bound here, before the system is loaded. It runs around the call alone: frames in
host memory to answer in host memory, the device synchronised at both ends.
"""

import faulthandler
import time
import traceback
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from gridkit.errors import EnvironmentProblem, GridkitError, MissingExtraError
from gridkit.evaluation.sandbox.channel import Channel, ChannelClosedError, Header
from gridkit.evaluation.sandbox.guest.device_clock import Device, open_device
from gridkit.evaluation.sandbox.guest.load import load_system
from gridkit.evaluation.systems.call import describe_answer, describe_exception, facts_of
from gridkit.evaluation.systems.contract import System

MAX_REQUEST_BYTES = 1 << 32
_clock_ns = time.perf_counter_ns

Question = TypeVar("Question")
Result = TypeVar("Result")


def serve(channel: Channel, setup: Header, isolation: str) -> None:
    """Load what `setup` names, then answer until the other end closes the pipe."""
    faulthandler.enable(file=2)
    try:
        kind, path, factory, device_name = (
            str(setup.pop(key)) for key in ("kind", "path", "factory", "device")
        )
        decoding = setup.pop("decoding")
        device = open_device(device_name)
        # before anything of the system runs, so this is gridkit's word
        channel.send({"kind": "ready", "isolation": isolation, "hardware": device.hardware()})
        system = load_system(kind, path, factory, device_name, str(decoding) if decoding else None)
        facts: Header = {"kind": "loaded"} | facts_of(system)
    except BaseException as error:  # sys.exit() of a system, too
        channel.send(_load_error(error))
        return
    channel.send(facts)
    while True:
        try:
            request, payload = channel.receive(max_payload_bytes=MAX_REQUEST_BYTES)
        except ChannelClosedError:
            return
        if request["ask"] == "settings":
            channel.send({"kind": "settings", "settings": device.settings()})
        else:
            _answer(channel, system, device, request, payload)


def _answer(
    channel: Channel, system: System, device: Device, request: Header, payload: bytearray
) -> None:
    try:
        frames = _arrays(request["shapes"], np.dtype(str(request["dtype"])), payload)
        if request["ask"] == "batch":
            # a generator would do its work when it is read
            def batch(clips: list[np.ndarray]) -> list[object]:
                return list(system.batch(clips))  # type: ignore[attr-defined]

            answers, elapsed_ns = timed_call(batch, frames, device, _clock_ns)
        else:
            answer, elapsed_ns = timed_call(system, frames[0], device, _clock_ns)
            answers = [answer]
        described = [describe_answer(one) for one in answers]
        reply = {"kind": "answers", "elapsed_ns": elapsed_ns} | device.figures()
    except BaseException as error:
        traceback.print_exc()
        channel.send({"kind": "failure"} | describe_exception(error))
        return
    headers = [header for header, _ in described]
    channel.send(reply | {"answers": headers}, [content for _, content in described])


def timed_call(
    function: Callable[[Question], Result],
    question: Question,
    device: Device,
    clock_ns: Callable[[], int],
) -> tuple[Result, int]:
    """Return what a function answers, and how long it took in nanoseconds."""
    device.begin()
    start_ns = clock_ns()
    answer = function(question)
    device.finish()
    return answer, clock_ns() - start_ns


def _arrays(shapes: object, dtype: np.dtype, payload: bytearray) -> list[np.ndarray]:
    """Return the clips asked about: frames, or the samples of sound."""
    assert isinstance(shapes, list)
    values, arrays, start = np.frombuffer(payload, dtype), [], 0
    for shape in shapes:
        end = start + int(np.prod(shape))
        arrays.append(values[start:end].reshape(shape))
        start = end
    return arrays


def _load_error(error: BaseException) -> Header:
    # of gridkit's own words, where they come from helps nobody
    if not isinstance(error, GridkitError) or error.__cause__ is not None:
        traceback.print_exc()
    if isinstance(error, GridkitError):
        extra, environment = MissingExtraError, EnvironmentProblem
        kinds = ((extra, "extra"), (environment, "environment"), (GridkitError, "system"))
        kind = next(name for which, name in kinds if isinstance(error, which))
        return {"kind": "load-error", "class": kind, "detail": str(error)}
    return {"kind": "load-error", "class": "crash"} | describe_exception(error)
