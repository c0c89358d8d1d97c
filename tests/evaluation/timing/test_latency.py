"""The clock is checked against known delays; figures are compared within one run, never as such."""

import json
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from gridkit.compute.local import own_cores
from gridkit.errors import SystemFailedError
from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.sandbox.guest.device_clock import Cuda
from gridkit.evaluation.sandbox.guest.serve import timed_call
from gridkit.evaluation.sandbox.worker import Answer, Worker
from gridkit.evaluation.systems.answers import Checked
from gridkit.evaluation.systems.spec import parse_model
from gridkit.evaluation.timing import latency as timing
from gridkit.evaluation.timing import machine
from gridkit.evaluation.timing.latency import (
    changed,
    clock_is_disputed,
    time_system,
    timed_calls,
    warm_up_calls,
)
from gridkit.evaluation.timing.machine import Load, machine_facts, machine_load
from gridkit.media.samples import to_int16
from gridkit.results.caveats import timing_caveats
from gridkit.results.timing import WarmUp, percentiles, timing_to_json

CLIPS = [np.full((75, 16, 16), value, np.uint8) for value in (0, 100, 255)]
SILENT = Prediction("s1/bbaf2n", samples=np.zeros(48_000, np.int16))
SCORED = [(clip, SILENT) for clip in CLIPS]
SYSTEM = """
import time
import numpy as np
clock = time.perf_counter
SILENCE = np.zeros(48_000, np.float32)
class System:
    task, crop, sample_rate = "v2s", "mouth96", 16_000
    def __call__(self, frames):
        {body}
        return SILENCE
def spin(seconds):
    end = clock() + seconds
    while clock() < end:
        pass
def load(device): return System()
"""


@pytest.fixture
def quick(monkeypatch):
    """A short warm-up: what it does is tested by itself."""
    monkeypatch.setattr(timing, "WARM_UP_S", 0.0)
    monkeypatch.setattr(timing, "WARM_UP_MAX_S", 1.0)
    monkeypatch.setattr(machine, "LOAD_WINDOW_S", 0.05)


@pytest.fixture
def timed(tmp_path, quick):
    def run(body, calls=40, extra="", system=SYSTEM, scored=SCORED, **settings):
        path = tmp_path / "model.py"
        path.write_text(system.format(body=body, answer="sound(frames)") + extra)
        with Worker(parse_model(str(path)), **settings) as worker:
            return time_system(worker, scored, calls=calls)

    return run


def test_a_known_delay_is_measured_within_two_percent_and_gridkits_share_is_below_one(timed):
    """The fastest calls are those that nothing else on the machine disturbed."""
    result = timed("spin(0.010)")
    samples_ms = np.sort(result.samples_ms)
    assert samples_ms[0] >= 10
    assert samples_ms[: len(samples_ms) // 4].mean() == pytest.approx(10, rel=0.01)
    assert result.latency_ms.p50 == pytest.approx(10, rel=0.02) or result.noisy
    assert result.latency_ms.n == 40
    assert result.real_time_factor == pytest.approx(result.latency_ms.p50 / 3_000)


def test_an_honest_clock_is_not_disputed(timed):
    """Ten tries: on a machine that is busy now and then, single calls are held up outside."""
    assert not all(timed("spin(0.010)").clock_disputed for _ in range(10))


def test_a_patched_clock_is_disputed(timed):
    """The clock of the process is found and replaced; the parent's own cannot be."""
    extra = (
        "import sys\n"
        "ticks = iter(range(10**9))\n"
        "def patch():\n"
        "    serving = sys.modules['gridkit.evaluation.sandbox.guest.serve']\n"
        "    serving._clock_ns = lambda: next(ticks) * 1_000_000\n"
    )
    result = timed("spin(0.03); patch()", extra=extra)
    assert result.latency_ms.p50 == 1.0
    assert result.clock_disputed


def test_patching_the_time_module_changes_nothing(timed):
    extra = "time.perf_counter_ns = time.perf_counter = time.monotonic = lambda: 0\n"
    result = timed("spin(0.010)", calls=20, extra=extra)
    assert min(result.samples_ms) >= 10


def test_a_system_that_remembers_frames_is_asked_for_none_twice(timed):
    """Were a clip ever given again, the call would be quick."""
    extra = "seen = set()\n"
    body = (
        "key = frames.tobytes()\n"
        "        if key in seen: return SILENCE\n"
        "        seen.add(key); spin(0.003)"
    )
    result = timed(body, calls=60, extra=extra)
    assert min(result.samples_ms) >= 3


@pytest.mark.parametrize(
    ("failing", "reasons"), [("frames.max() < 2", {"type": 1}), ("calls.count == 17", {"type": 1})]
)
def test_a_call_that_fails_is_counted_and_the_others_are_timed(timed, failing, reasons):
    """A clip that always fails, and a call that fails once in all the processes."""
    extra = (
        "import os, pathlib\n"
        "class Calls:\n"
        "    path = pathlib.Path(__file__).with_name('calls')\n"
        "    @property\n"
        "    def count(self):\n"
        "        with open(self.path, 'a') as file: file.write('.')\n"
        "        return os.path.getsize(self.path)\n"
        "calls = Calls()\n"
    )
    body = f"if {failing}: return 'bin blue'\n        spin(0.003)"
    result = timed(body, calls=20, extra=extra, isolate=False)
    assert result.failed == reasons
    assert len(result.samples_ms) == 20
    assert min(result.samples_ms) >= 3
    assert json.loads(timing_to_json(result))["failed"] == reasons


def test_a_system_that_fails_is_not_timed(timed):
    with pytest.raises(
        SystemFailedError, match=r"model\.py failed while it was timed: type: .*str"
    ):
        timed("return 'bin blue'")


def test_frames_change_by_one_at_random_pixels_and_stay_in_range():
    generator = np.random.default_rng(0)
    for value in (0, 1, 128, 255):
        frames = np.full((75, 20, 20), value, np.uint8)
        once, again = changed(frames, generator), changed(frames, generator)
        step = once.astype(int) - value
        assert set(np.unique(step)) <= {-1, 0, 1}
        assert 0.5 < np.mean(step != 0) < 0.8
        assert not np.array_equal(once, again)


def test_sound_changes_by_one_at_random_samples():
    sound = np.array([-32768, -1, 0, 32767] * 500, np.int16)
    once = changed(sound, np.random.default_rng(0))
    assert once.dtype == np.int16
    step = once.astype(int) - sound
    assert set(np.unique(step)) == {-1, 0, 1}
    assert (step[::4] >= 0).all()
    assert (step[3::4] <= 0).all()


class Script:
    """Calls that take what they are told to, on a clock of their own."""

    def __init__(self, elapsed_s):
        self.elapsed_s, self.now_s, self.calls = iter(elapsed_s), 0.0, 0

    def __call__(self):
        took_s = next(self.elapsed_s)
        self.now_s += took_s
        self.calls += 1
        return Answer((Checked(),), took_s, took_s)

    def clock(self):
        return self.now_s


def test_the_warm_up_takes_ten_calls_and_two_seconds_at_least():
    steady = Script([0.001] * 10_000)
    first, warm_up = warm_up_calls(steady, steady.clock)
    assert first.elapsed_s == 0.001
    assert warm_up.calls == steady.calls == pytest.approx(2000, abs=5)
    slow = Script([1.0] * 100)
    assert warm_up_calls(slow, slow.clock)[1] == WarmUp(calls=10, seconds=10.0, settled=True)


def test_the_warm_up_goes_on_until_two_blocks_agree_and_ends_at_sixty_seconds():
    settling = Script([0.9] * 5 + [0.5] * 5 + [0.4] * 5 + [0.39] * 5 + [0.1] * 100)
    assert warm_up_calls(settling, settling.clock)[1].calls == 20
    never = Script([1.0 if call // 5 % 2 else 2.0 for call in range(1000)])
    _, warm_up = warm_up_calls(never, never.clock)
    assert warm_up.settled is False
    assert 60 <= warm_up.seconds < 62


@pytest.mark.parametrize(
    ("call_s", "calls", "expected"),
    [(0.1, None, 100), (1.0, None, 60), (10.0, None, 20), (10.0, 30, 30), (0.001, 1_000, 1_000)],
)
def test_a_hundred_calls_or_sixty_seconds_once_twenty_are_done(call_s, calls, expected):
    script = Script([call_s] * 2_000)
    assert len(timed_calls(script, script.clock, calls=calls)) == expected


@pytest.mark.parametrize(("extra_ms", "disputed"), [(0.0, False), (2.4, False), (2.6, True)])
def test_a_round_trip_may_take_the_transports_99th_percentile_and_5_percent_more(
    extra_ms, disputed
):
    own = np.full(100, 0.010)
    transport_s = [0.0019] * 98 + [0.002, 0.1]
    round_trip = percentiles(own + extra_ms / 1e3)
    assert clock_is_disputed(percentiles(own), round_trip, transport_s) is disputed


def test_over_half_the_cores_busy_is_noisy():
    assert Load(1.1, 2).noisy
    assert not Load(1.0, 2).noisy


def test_the_load_is_that_of_the_cores_that_gridkit_may_use(monkeypatch):
    monkeypatch.setattr(machine.psutil, "cpu_percent", lambda _s, percpu: [100.0, 7.0, 50.0])
    monkeypatch.setattr(machine, "own_cores", lambda: {0, 2})
    assert machine_load() == Load(1.5, 2)
    monkeypatch.setattr(machine, "own_cores", set)
    assert machine_load() == Load(1.57, 3)


def test_a_core_that_another_process_uses_is_busy(monkeypatch):
    core = min(own_cores())
    other = subprocess.Popen(
        [sys.executable, "-c", f"import os; os.sched_setaffinity(0, {{{core}}})\nwhile True: pass"]
    )
    monkeypatch.setattr(machine, "own_cores", lambda: {core})
    try:
        assert any(machine_load().noisy for _ in range(20))  # until it has started
    finally:
        other.kill()
        other.wait()


def test_a_time_says_what_it_was_measured_on(timed):
    result = timed("spin(0.001)", calls=20, extra="import torch\ntorch.set_num_threads(1)\n")
    facts = result.environment
    assert facts["threads"] == 1
    assert facts["dtype"] == "float32"
    assert {"device", "torch", "python", "load_before", "cores"} <= facts.keys()
    assert machine_facts("cuda", {"device_uuid": "GPU; rm -rf"})["device"]
    assert json.loads(timing_to_json(result))["schema"] == 1


def test_threads_are_those_given_where_there_is_no_torch(timed):
    facts = timed("spin(0.001)", calls=20, threads=3).environment
    assert facts["threads"] == 3
    assert "torch" not in facts


def test_what_is_imported_in_the_first_call_is_recorded(timed):
    body = "import torch; torch.set_num_threads(2)"
    facts = timed(body, calls=20, threads=1).environment
    assert (facts["threads"], facts["dtype"]) == (2, "float32")
    assert facts["torch"]


def test_a_process_that_does_not_tell_its_settings_costs_no_timing(timed):
    extra = (
        "import sys\n"
        "def tamper():\n"
        "    clock = sys.modules['gridkit.evaluation.sandbox.guest.device_clock']\n"
        "    clock.Cpu.settings = lambda self: 1 / 0\n"
    )
    result = timed("spin(0.001); tamper()", calls=20, extra=extra, threads=3)
    assert (result.latency_ms.n, result.environment["threads"]) == (20, 3)


def test_clocks_are_read_after_the_timed_calls_and_before_anything_else(timed, monkeypatch):
    """A GPU lowers them when it has nothing to do, and a batch may run at others."""
    steps = []

    def noted(name):
        function = getattr(timing, name)

        def call(*arguments, **settings):
            steps.append(name)
            return function(*arguments, **settings)

        monkeypatch.setattr(timing, name, call)

    for name in ("timed_calls", "machine_facts", "_transport", "_throughput"):
        noted(name)
    timed("spin(0.001)", calls=20)
    assert steps == ["_transport", "timed_calls", "machine_facts", "_transport", "_throughput"]


class FakeCuda:
    """torch.cuda with a clock of its own: work is queued, and done when waited for."""

    def __init__(self):
        self.now_ns, self.queued_ns, self.synchronized = 0, 0, 0
        self.Event = lambda enable_timing: _Event(self)

    def synchronize(self, index):
        self.now_ns += self.queued_ns
        self.queued_ns = 0
        self.synchronized += 1

    def device(self, index):
        return _Nothing()

    def current_stream(self, index):
        return None

    def reset_peak_memory_stats(self, index):
        self.peak = 0

    def max_memory_allocated(self, index):
        return self.peak


class _Nothing:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


class _Event:
    def __init__(self, cuda):
        self.cuda = cuda

    def record(self, stream):
        self.at_ns = self.cuda.now_ns + self.cuda.queued_ns

    def elapsed_time(self, end):
        return (end.at_ns - self.at_ns) / 1e6


def test_on_cuda_earlier_work_is_not_billed_and_queued_work_is():
    cuda = FakeCuda()
    device = Cuda(SimpleNamespace(cuda=cuda), 0)

    def call(frames):
        cuda.now_ns += 1_000_000  # on the host
        cuda.queued_ns += 7_000_000  # on the device
        cuda.peak = 512
        return frames

    cuda.queued_ns = 50_000_000  # left over from before
    answer, elapsed_ns = timed_call(call, "frames", device, lambda: cuda.now_ns)
    assert answer == "frames"
    assert elapsed_ns == 8_000_000
    assert device.figures() == {"device_ms": 8.0, "peak_memory_bytes": 512}


def test_throughput_is_clips_over_the_median_of_a_batch():
    class Batcher:
        spec = parse_model("control:none")

        def start(self):
            return SimpleNamespace(has_batch=True)

        def ask_batch(self, batch):
            took_s = 0.5 + 0.01 * len(batch)
            return Answer((Checked(SILENT.samples),) * len(batch), took_s, took_s + outside_s)

    outside_s = 0.0
    batches = timing._throughput(Batcher(), SCORED, [0.001])
    assert batches.rates == pytest.approx({"1": 1 / 0.51, "8": 8 / 0.58, "32": 32 / 0.82})
    assert {size: len(pairs) for size, pairs in batches.compared.items()} == {
        "1": 5, "8": 10, "32": 10
    }  # fmt: skip
    assert not batches.disputed
    outside_s = 0.1
    assert timing._throughput(Batcher(), SCORED, [0.001]).disputed


def test_a_batch_that_would_take_more_than_a_minute_is_left_out():
    class Slow:
        spec = parse_model("control:none")

        def start(self):
            return SimpleNamespace(has_batch=True)

        def ask_batch(self, batch):
            answers = (Checked(SILENT.samples),) * len(batch)
            return Answer(answers, 1.0 * len(batch), 1.0 * len(batch))

    assert timing._throughput(Slow(), SCORED, [0.0]).rates == {"1": 1.0, "8": 1.0}


def test_a_batch_is_answered_clip_by_clip(tmp_path):
    path = tmp_path / "model.py"
    batch = "    def batch(self, clips): return [SILENCE + float(c.mean()) / 256 for c in clips]"
    path.write_text(SYSTEM.format(body="pass").replace("def spin", f"{batch}\ndef spin"))
    with Worker(parse_model(str(path))) as worker:
        assert worker.start().has_batch
        answer = worker.ask_batch(CLIPS)
    assert [clip.samples[0] for clip in answer.clips] == [0, 12_800, 32_640]


CHEAP = """
def sound(frames):
    time_s = np.arange(48_000) / 16_000
    pitch_hz = 100 + 50 * round(frames.astype(int).mean() / 50)
    return (0.3 * np.sin(6.28 * pitch_hz * time_s) * np.sin(9 * time_s)).astype(np.float32)
"""


@pytest.mark.parametrize(
    ("batch", "apart"),
    [
        ("[sound(c) for c in clips]", 0),
        ("[SILENCE for c in clips]", 1),
        ("(sound(c) for c in clips)", 0),
        ("(spin(0.002) or sound(c) for c in clips)", 0),
    ],
)
def test_batches_are_held_to_the_scored_answers_and_made_whole_inside_the_clock(
    timed, batch, apart
):
    """The system answers single calls as it did when it was scored."""
    batched = f"    def batch(self, clips): return {batch}\n"
    with_batch = SYSTEM.replace("def spin", f"{batched}def spin").replace("SILENCE\n", "{answer}\n")
    scored = [(clip, Prediction("s1/bbaf2n", samples=_sound(clip))) for clip in CLIPS]
    result = timed("pass", calls=20, extra=CHEAP, system=with_batch, scored=scored)
    assert result.answers_apart == apart
    assert result.clock_disputed or not apart
    if "spin" in batch:
        assert result.throughput["8"] < 500


def test_cheap_answers_to_timed_calls_are_disputed(timed):
    """It was scored with another sound than the silence that it is quick to give now."""
    scored = [(clip, Prediction("s1/bbaf2n", samples=_sound(clip))) for clip in CLIPS]
    result = timed("pass", calls=20, scored=scored)
    assert result.answers_apart == 1
    assert result.clock_disputed
    assert "100 % of the timed answers" in timing_caveats(result)[-1].sentence


def test_an_answer_that_does_its_work_when_it_is_read_is_not_taken(tmp_path):
    path = tmp_path / "model.py"
    lazy = "class Lazy(np.ndarray): pass\n"
    path.write_text(SYSTEM.format(body="return SILENCE.view(Lazy)") + lazy)
    with Worker(parse_model(str(path))) as worker:
        failed = worker.ask(CLIPS[0]).checked
    assert (failed.failure, failed.detail[:27]) == ("type", "the system returned Lazy; v")


def _sound(frames):
    names = {"np": np}
    exec(CHEAP, names)  # the same arithmetic as in the process
    return to_int16(names["sound"](frames).astype(float))
