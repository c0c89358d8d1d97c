"""A system in a process of its own: its answers, its failures, its end."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from support.clip_systems import LIMITS, SYSTEM, clip

from gridkit.errors import SystemLoadError
from gridkit.evaluation.predictions.records import FAILURES
from gridkit.evaluation.sandbox.worker import Worker
from gridkit.evaluation.systems.spec import parse_model


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
    # a whole answer of another type or shape is no reason to load the system again
    whole = failure in ("type", "channels", "length") and "too large" not in says
    assert worker.starts == (1 if whole else 2)


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


def test_unlocked_what_left_its_process_group_ends_too(tmp_path):
    length = f"700.{os.getpid()}"
    body = f"import subprocess; subprocess.Popen(['sleep', '{length}'], start_new_session=True)"
    path = tmp_path / "model.py"
    path.write_text(SYSTEM.format(body=body, rate=16_000))
    with Worker(parse_model(str(path)), limits=LIMITS, isolate=False) as worker:
        worker.ask(clip(1))
        assert _becomes_true(lambda: _sleeping(length))
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


def test_a_system_that_hangs_while_it_is_loaded_is_an_error(tmp_path):
    (tmp_path / "slow.py").write_text("import time\ndef load(device): time.sleep(60)")
    worker = Worker(parse_model(str(tmp_path / "slow.py")), limits=replace(LIMITS, load_s=1))
    start_s = time.monotonic()
    with pytest.raises(SystemLoadError, match=r"slow.py failed while it was loaded: hang"):
        worker.start()
    assert time.monotonic() - start_s < 50  # it sleeps for 60


def test_the_process_dies_with_its_parent(tmp_path):
    """A killed run leaves no system behind."""
    (tmp_path / "model.py").write_text(SYSTEM.format(body="time.sleep(60)", rate=16_000))
    script = (
        "import sys, numpy as np\n"
        "from gridkit.evaluation.systems.spec import parse_model\n"
        "from gridkit.evaluation.sandbox.worker import Worker\n"
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
