"""A call in a process with limits: what it says, how it ends, and what it cannot take."""

import signal

import psutil
import pytest

from gridkit.compute.limited import LimitedCall, Limits

PRELOAD = "support.limited_work"
MB = 1 << 20


@pytest.fixture
def call():
    """Starts a call of a function of `support.limited_work`."""
    calls = []

    def start(function, *arguments, memory_bytes=512 * MB, processor_s=60, file_bytes=MB):
        limits = Limits(memory_bytes, processor_s, file_bytes)
        calls.append(LimitedCall(f"{PRELOAD}:{function}", arguments, limits, PRELOAD))
        calls[-1].start()
        return calls[-1]

    yield start
    for one in calls:
        one.end()


def test_what_it_says_comes_in_order_then_its_end(call):
    counting = call("count")
    said = [counting.receive() for _ in range(4)]
    assert [message.get("done_s") for message in said] == [0, 1, 2, None]
    assert counting.receive() is None
    assert counting.end() == 0


def test_a_status_is_told(call):
    leaving = call("leave", 7)
    assert leaving.receive() == {"kind": "leaving"}
    assert leaving.receive() is None
    assert leaving.end() == 7
    assert leaving.end() == 7


@pytest.mark.parametrize(("size_mb", "said"), [(100, "filled"), (400, "full")])
def test_memory_ends_at_the_limit(call, size_mb, said):
    assert call("fill", size_mb * MB, memory_bytes=300 * MB).receive()["kind"] == said


def test_a_file_ends_at_the_limit(call, tmp_path):
    path = tmp_path / "file"
    assert call("write", path, 2 * MB).receive() == {"kind": "stopped", "why": "File too large"}
    assert path.stat().st_size == MB


def test_the_processor_is_taken_away_at_the_limit(call):
    computing = call("compute", processor_s=1)
    assert computing.receive() == {"kind": "computing"}
    assert computing.receive() is None
    assert computing.end() == -signal.SIGXCPU


def test_it_is_killed_where_nobody_waits(call):
    sleeping = call("sleep")
    process = psutil.Process(sleeping.receive()["process"])
    assert sleeping.end() == -signal.SIGKILL
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
