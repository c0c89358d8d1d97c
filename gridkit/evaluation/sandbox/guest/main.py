"""The process that a system runs in: `python -m gridkit.evaluation.sandbox.guest.main`.

It gets its pipes as standard input and output, takes them away from the system, sets its
limits and locks itself in, before anything but the standard library is imported: threads that
numpy or torch start would stay outside the lock.
"""

import contextlib
import os
import resource
import signal
from importlib.machinery import PathFinder
from pathlib import Path

from gridkit.evaluation.sandbox.channel import Channel
from gridkit.evaluation.sandbox.guest.landlock import die_with_parent, lock_in

MAX_FILE_BYTES = 1 << 30
"""Of a file that the system writes, its log too."""


def main() -> None:
    """Set up, lock in, load, answer until the pipe closes."""
    channel = _take_pipes()
    setup, _ = channel.receive(max_payload_bytes=0)
    _set_limits()
    isolation, needs_lock = "none", setup.pop("needs_lock")
    if setup.pop("isolate"):
        read, devices = setup.pop("read"), setup.pop("devices")
        assert isinstance(read, list)
        assert isinstance(devices, list)
        # an import lists its folder; where a corpus lies in it, it cannot be listed any more
        PathFinder.find_spec("nothing", [str(Path(str(setup["path"])).parent)])
        isolation = lock_in(read, [str(Path.cwd())], devices)
    if needs_lock and isolation == "none":
        detail = "code from the Hub runs locked in only, and this kernel has no Landlock"
        channel.send({"kind": "load-error", "class": "environment", "detail": detail})
        return
    from gridkit.evaluation.sandbox.guest.serve import serve

    serve(channel, setup, isolation)


def _take_pipes() -> Channel:
    """Move the pipes off 0 and 1: what the system prints goes to its log, it reads nothing."""
    channel = Channel(os.dup(0), os.dup(1))
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return channel


def _set_limits() -> None:
    die_with_parent(signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MAX_FILE_BYTES, MAX_FILE_BYTES))
    # where memory runs out, the kernel ends this process, not gridkit
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    main()
