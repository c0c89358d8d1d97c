import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gridkit.errors import SystemLoadError
from gridkit.evaluate.predictions.ask import fresh_order, predict
from gridkit.evaluate.predictions.records import FAILURES
from gridkit.evaluate.sandbox.channel import Channel, ChannelTimeoutError, MessageError
from gridkit.evaluate.sandbox.worker import Limits, Worker
from gridkit.evaluate.systems.answers import Checked, check_answer, check_sound
from gridkit.evaluate.systems.spec import parse_model

LIMITS = Limits(load_s=60, first_call_s=20, clip_s=3)
IDS = [f"s1/c{number:02}" for number in range(20)]
SYSTEM = """
import ctypes, os, sys, threading, time
import numpy as np
class System:
    task, crop, sample_rate = "v2s", "mouth96", {rate}
    def __call__(self, frames):
        clip = int(frames[0, 0, 0])
        {body}
        return np.full(48_000, clip / 256, np.float32)
def load(device): return System()
"""


def clip(number):
    frames = np.zeros((75, 8, 8), np.uint8)
    frames[0, 0, 0] = number
    return frames


def frames_of(clip_id):
    return clip(int(clip_id[-2:]))


@pytest.fixture
def worker_of(tmp_path):
    """A function that gives a worker of a system whose call begins with a line of Python."""
    workers = []

    def make(body="", rate=16_000, limits=LIMITS):
        path = tmp_path / "model.py"
        path.write_text(SYSTEM.format(body=body, rate=rate))
        workers.append(Worker(parse_model(str(path)), limits=limits))
        return workers[-1]

    yield make
    for worker in workers:
        worker.stop()


def test_a_system_that_fails_in_three_of_twenty_clips_leaves_seventeen_and_three_explained(
    worker_of,
):
    worker = worker_of(
        "if clip == 3: os._exit(7)\n"
        "        if clip == 8: time.sleep(60)\n"
        "        if clip == 14: return np.full(48_000, np.nan, np.float32)",
        limits=replace(LIMITS, first_call_s=3),
    )
    order = fresh_order(IDS, twice=0)
    predictions = {p.id: p for p in predict(worker, order, frames_of)}
    assert sorted(predictions) == IDS
    failures = {p.id: p.failure for p in predictions.values() if p.failure}
    assert failures == {IDS[3]: "crash", IDS[8]: "hang", IDS[14]: "nan"}
    assert "status 7" in predictions[IDS[3]].detail
    assert "3 s" in predictions[IDS[8]].detail
    assert "48000 of 48000" in predictions[IDS[14]].detail
    for number in set(range(20)) - {3, 8, 14}:
        samples = predictions[IDS[number]].samples
        assert samples.dtype == np.int16
        assert samples.shape == (48_000,)
        assert (samples == number * 128).all()


@pytest.mark.parametrize(
    ("body", "failure", "says"),
    [
        ("raise ValueError('no\\nmouth')", "crash", r"ValueError: no mouth \(model.py, line 8\)"),
        ("os.kill(os.getpid(), 11)", "crash", "killed by SIGSEGV(?!.*Extension modules)"),
        ("os.kill(os.getpid(), 9)", "crash", "killed by SIGKILL"),
        ("sys.exit('enough')", "crash", "SystemExit: enough"),
        ("print('last words', flush=True); os._exit(1)", "crash", "status 1; .*last words"),
        ("np.empty(2**46)", "out-of-memory", "MemoryError"),
        ("return 'bin blue'", "type", "returned str; v2s needs a numpy array of float32"),
        ("return np.zeros(48_000)", "type", "ndarray of float64"),
        ("return [0.0] * 48_000", "type", "list"),
        ("return None", "type", "NoneType"),
        ("return np.float32(0)", "type", "float32"),
        ("return np.zeros((1, 48_000), np.float32)", "channels", "one channel"),
        ("return np.zeros((48_000, 2), np.float32)", "channels", "one channel"),
        ("return np.zeros(46_000, np.float32)", "length", "2.875 s"),
        ("return np.zeros(2**24, np.float32)", "length", "too large"),
        ("return np.full(48_000, np.inf, np.float32)", "nan", "48000 of 48000"),
    ],
)
def test_every_way_to_fail_has_its_reason_and_the_next_clip_is_answered(
    worker_of, body, failure, says
):
    worker = worker_of(f"if clip == 1: {body}")
    bad = worker.ask(clip(1)).checked
    assert bad.failure == failure
    assert bad.failure in FAILURES
    assert "\n" not in bad.detail
    assert re.search(says, bad.detail)
    assert worker.ask(clip(2)).checked.samples[0] == 256
    assert worker.starts == 2


@pytest.mark.parametrize(
    "body",
    [
        # it knows its pipe and writes what is no message
        "[os.write(fd, b'x' * 4096) for fd in range(3, 12) if pipe(fd)]",
        # a header of 4 GB
        "[os.write(fd, bytes([255] * 12)) for fd in range(3, 12) if pipe(fd)]",
        # an answer whose shape does not fit its bytes
        "[os.write(fd, forged()) for fd in range(3, 12) if pipe(fd)]",
        "[os.close(fd) for fd in range(3, 12) if pipe(fd)]; time.sleep(60)",
    ],
)
def test_a_system_that_meddles_with_the_pipe_fails_that_clip_alone(worker_of, tmp_path, body):
    worker = worker_of(f"if clip == 1: from meddle import pipe, forged; {body}")
    (tmp_path / "meddle.py").write_text(
        "import json, os, stat, struct, fcntl\n"
        "def pipe(fd):\n"
        "    try:\n"
        "        mode = fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE\n"
        "        return stat.S_ISFIFO(os.fstat(fd).st_mode) and mode == os.O_WRONLY\n"
        "    except OSError: return False\n"
        "def forged():\n"
        "    answer = {'type': 'array', 'shape': [-1, 10**30], 'bytes': 4}\n"
        "    reply = {'kind': 'answers', 'elapsed_ns': 1, 'answers': [answer]}\n"
        "    header = json.dumps(reply).encode()\n"
        "    return struct.pack('<IQ', len(header), 4) + header + b'abcd'\n"
    )
    assert worker.ask(clip(1)).checked.failure in ("crash", "length", "hang")
    assert worker.ask(clip(2)).checked.samples[0] == 256


def test_what_a_system_prints_is_logged_and_does_no_harm(worker_of):
    worker = worker_of("print('hello', clip); sys.stderr.write('oops'); os.system('echo child')")
    assert worker.ask(clip(5)).checked.samples[0] == 640
    worker.stop()
    assert worker.log() == "hello 5\noopschild\n"


def test_a_system_ends_with_its_children(worker_of):
    length = f"600.{os.getpid()}"
    worker = worker_of(f"import subprocess; subprocess.Popen(['sleep', '{length}'])")
    worker.ask(clip(1))
    assert _becomes_true(lambda: _sleeping(length))
    worker.stop()
    assert _becomes_true(lambda: not _sleeping(length))


def _sleeping(length):
    pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [pid for pid in pids if _command(pid) == f"sleep\0{length}\0".encode()]


def _becomes_true(fact):
    deadline_s = time.monotonic() + 60
    while not fact() and time.monotonic() < deadline_s:
        time.sleep(0.02)
    return fact()


def _command(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def test_a_stateful_system_is_flagged_and_a_pure_one_is_not(worker_of):
    ids = IDS[:8]
    order = fresh_order(ids)
    assert len(order) == 13
    pure = list(predict(worker_of(), order, frames_of))
    assert sorted(p.id for p in pure) == ids
    assert not any(p.stateful for p in pure)
    assert [clip for _, clip in sorted((at, p.id) for p in pure for at in p.asked)] == list(order)
    assert sorted(at for p in pure for at in p.asked) == list(range(1, 14))
    counting = "self.n = getattr(self, 'n', 0) + 1; clip = self.n"
    counted = list(predict(worker_of(counting), order, frames_of))
    assert sum(p.stateful for p in counted) == 5


def test_the_words_of_a_failure_do_not_make_a_system_stateful(worker_of):
    """The address of an object, say, differs from one process to the next."""
    failing = worker_of("import time; raise ValueError(f'bad {time.time_ns()}')")
    found = list(predict(failing, fresh_order(IDS[:2]), frames_of))
    assert {p.failure for p in found} == {"crash"}
    assert not any(p.stateful for p in found)


def test_answers_are_the_same_by_sound_text_and_kind_of_failure():
    sound, other = Checked(samples=np.zeros(3, np.int16)), Checked(samples=np.ones(3, np.int16))
    answers = [sound, other, Checked(text="bin"), Checked(text="set"), Checked(failure="nan")]
    answers.append(Checked(failure="crash", detail="at 0x1"))
    again = [*answers[:-1], Checked(failure="crash", detail="at 0x2")]
    same = [[one.same_as(two) for two in again] for one in answers]
    assert np.array_equal(same, np.eye(len(answers), dtype=bool))


def test_the_order_is_new_each_time_and_leaves_out_what_is_done():
    ids = [f"s1/c{number:02}" for number in range(50)]
    orders = {fresh_order(ids) for _ in range(4)}
    assert len(orders) == 4
    assert all(len(order) == 55 and set(order) == set(ids) for order in orders)
    assert set(fresh_order(ids, done=ids[:49])) == {"s1/c49"}
    assert fresh_order(ids, done=ids) == ()
    assert list(predict(None, (), clip)) == []


@pytest.mark.parametrize(("length", "failure"), [(49_600, None), (49_601, "length")])
def test_a_length_may_be_off_by_a_tenth_of_a_second(length, failure):
    checked = check_sound(np.zeros(length, np.float32), 16_000)
    assert checked.failure == failure


def test_sound_is_resampled_clipped_and_cut():
    time_s = np.arange(66_150) / 22_050
    checked = check_sound((2 * np.sin(2 * np.pi * 200 * time_s)).astype(np.float32), 22_050)
    assert checked.samples.shape == (48_000,)
    assert checked.samples.max() == 32_767
    assert checked.samples.min() == -32_768
    expected = np.clip(2 * np.sin(2 * np.pi * 200 * np.arange(48_000) / 16_000), -1, 1)
    inside = np.abs(expected[500:-500]) < 0.99
    difference = checked.samples[500:-500] / 32_768 - expected[500:-500]
    assert np.abs(difference[inside]).max() < 1e-3


def test_lipreading_takes_text_alone():
    assert check_answer({"type": "text"}, b"bin blue", "lipreading", 0).text == "bin blue"
    sound = {"type": "array", "shape": [2]}
    assert check_answer(sound, bytes(8), "lipreading", 0).failure == "type"
    assert check_answer({"type": "text"}, b"a" * 1_001, "lipreading", 0).failure == "length"


def test_a_system_that_hangs_while_it_is_loaded_is_an_error(tmp_path):
    (tmp_path / "slow.py").write_text("import time\ndef load(device): time.sleep(60)")
    worker = Worker(parse_model(str(tmp_path / "slow.py")), limits=replace(LIMITS, load_s=1))
    start_s = time.monotonic()
    with pytest.raises(SystemLoadError, match=r"slow.py failed while it was loaded: hang"):
        worker.start()
    assert time.monotonic() - start_s < 50  # it sleeps for 60


def test_the_limits_are_those_of_the_protocol():
    assert Limits.for_device("cpu") == Limits(load_s=300, first_call_s=120, clip_s=60)
    assert Limits.for_device("cuda:1").clip_s == 30


def _pair():
    (a_read, b_write), (b_read, a_write) = os.pipe(), os.pipe()
    return Channel(a_read, a_write), Channel(b_read, b_write)


def test_a_message_comes_out_as_it_went_in():
    here, there = _pair()
    here.send({"a": [1, "ä"]}, [b"xy", bytes(300_000), b"z"])
    header, content = there.receive(max_payload_bytes=1 << 20)
    assert header == {"a": [1, "ä"]}
    assert bytes(content) == b"xy" + bytes(300_000) + b"z"


def test_nothing_is_read_beyond_what_is_allowed_and_no_one_waits_for_ever():
    here, there = _pair()
    with pytest.raises(ChannelTimeoutError):
        there.receive(max_payload_bytes=1, limit_s=0.2)
    with pytest.raises(ChannelTimeoutError):
        here.send({}, [bytes(64 << 20)], limit_s=0.2)
    here, there = _pair()
    here.send({}, [b"123"])
    with pytest.raises(MessageError, match="too large"):
        there.receive(max_payload_bytes=2)


def test_the_process_dies_with_its_parent(tmp_path):
    """A killed run leaves no system behind."""
    (tmp_path / "model.py").write_text(SYSTEM.format(body="time.sleep(60)", rate=16_000))
    script = (
        "import sys, numpy as np\n"
        "from gridkit.evaluate.systems.spec import parse_model\n"
        "from gridkit.evaluate.sandbox.worker import Worker\n"
        f"worker = Worker(parse_model({str(tmp_path / 'model.py')!r}))\n"
        "worker.start()\n"
        "print(worker._process._process.pid, flush=True)\n"
        "worker.ask(np.zeros((75, 8, 8), np.uint8))\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    pid = int(parent.stdout.readline())
    assert b"sandbox.guest.main" in _command(pid)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    assert _becomes_true(lambda: _command(pid) == b"")
