"""Tasks, each in a process of its own, a few at a time: what they say, as it comes."""

import asyncio
import signal
from collections.abc import AsyncIterator

from gridkit.app.line import Line, LineFullError
from gridkit.app.settings import Settings
from gridkit.app.task import Task
from gridkit.compute.limited import LimitedCall, Limits, Message

ENDS = ("done", "refused")
"""The kinds of a last message."""
PRELOAD = "gridkit.app.preload"
WORK = f"{PRELOAD}:work_on"
MEMORY_BYTES = 2 << 30
FILE_BYTES = 2 << 30
START_S = 60.0
"""What a task may take, whatever the clip."""
PER_S = 3.0
"""What it may take more for each second of a clip."""


class Jobs:
    """Runs tasks; for one event loop."""

    def __init__(self, settings: Settings):
        self._line = Line(settings.at_once)
        self._longest_s = settings.longest_s

    async def run(self, task: Task) -> AsyncIterator[Message]:
        """Yield what a task says; before it, how many are `ahead` while it waits.

        The last message is `done`, or `refused` with a text for the visitor. Where the iterator
        is left before that, the process is killed.
        """
        ticket = object()
        try:
            async for ahead in self._line.turn(ticket):
                yield {"kind": "waiting", "ahead": ahead}
            yield {"kind": "started"}
            async for message in self._work(task):
                yield message
        except LineFullError as error:
            yield _refused(str(error))
        finally:
            self._line.leave(ticket)

    async def _work(self, task: Task) -> AsyncIterator[Message]:
        loop = asyncio.get_running_loop()
        limit_s = START_S + PER_S * self._longest_s
        limits = Limits(MEMORY_BYTES, round(limit_s), FILE_BYTES)
        call = LimitedCall(WORK, (task,), limits, PRELOAD)
        started = loop.run_in_executor(None, call.start)
        last = None
        try:
            await asyncio.shield(started)
            async with asyncio.timeout(limit_s) as limit:
                async for message in _messages(call):
                    last = message["kind"]
                    if message.get("length_s"):
                        limit.reschedule(loop.time() + START_S + PER_S * message["length_s"])
                    yield message
            if last not in ENDS:
                yield _refused(f"{task.name} could not be read: {_death(call.end())}")
        except (EOFError, ConnectionError):
            yield _refused("the process that loads the recipes ended; the terminal may say why")
        except TimeoutError:
            yield _refused(f"{task.name} takes too long to be read here; cut out a part")
        finally:
            if started.done():
                call.end()
            else:
                started.add_done_callback(lambda _: call.end())


async def _messages(call: LimitedCall) -> AsyncIterator[Message]:
    """Yield what a process says, up to its last message or its end."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(call.fileno(), readable.set)
    try:
        message: Message | None = {}
        while message is not None and message.get("kind") not in ENDS:
            while not call.has_more():  # it may be set twice for one message
                readable.clear()
                await readable.wait()
            message = call.receive()
            if message is not None:
                yield message
    finally:
        loop.remove_reader(call.fileno())


def _refused(text: str) -> Message:
    return {"kind": "refused", "text": text}


def _death(status: int) -> str:
    """Say how a process ended that did not say so itself."""
    if status == -signal.SIGXCPU:
        return "it took too much of the processor's time"
    how = f"signal {-status}" if status < 0 else f"status {status}"
    return f"the process that worked on it ended ({how}); the terminal may say more"
