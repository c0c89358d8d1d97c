"""What processes with limits are asked to do in tests."""

import os
import time


def count(say, to=3):
    for number in range(to):
        say({"kind": "progress", "done_s": number})
    say({"kind": "done"})


def fill(size_bytes, say):
    try:
        held = bytearray(size_bytes)
        say({"kind": "filled", "bytes": len(held)})
    except MemoryError:
        say({"kind": "full"})


def write(path, size_bytes, say):
    try:
        path.write_bytes(bytes(size_bytes))
        say({"kind": "written"})
    except OSError as error:
        say({"kind": "stopped", "why": error.strerror})


def leave(status, say):
    say({"kind": "leaving"})
    os._exit(status)


def compute(say):
    say({"kind": "computing"})
    while True:
        pass


def sleep(say):
    say({"kind": "sleeping", "process": os.getpid()})
    time.sleep(600)


def work_on(task, say):
    """Do the tasks of the page's tests."""
    {"sleep": sleep, "leave": lambda say: leave(7, say), "count": count}[task.kind](say)
