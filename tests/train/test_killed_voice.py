"""A voice's training that is killed goes on to the same bits: generator, critic, helpers."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from support.voice_training import VOICES, train_voice

pytestmark = pytest.mark.usefixtures("one_thread")
VICTIM = """
import sys, time, torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from support.voice_training import train_voice
train_voice(sys.argv[2], Path(sys.argv[3]), report=lambda progress: time.sleep(0.3))
"""


@pytest.mark.parametrize("kind", VOICES)
def test_a_killed_training_goes_on_to_the_same_bits(kind, tmp_path):
    whole = train_voice(kind, tmp_path / "whole")
    folder, tests = tmp_path / "killed", str(Path(__file__).parents[1])
    victim = subprocess.Popen([sys.executable, "-c", VICTIM, tests, kind, str(folder)])
    deadline_s = time.monotonic() + 120
    while not (folder / "checkpoint.json").is_file():
        assert victim.poll() is None
        assert time.monotonic() < deadline_s
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    assert json.loads((folder / "checkpoint.json").read_text())
    steps = []
    resumed = train_voice(kind, folder, report=lambda progress: steps.append(progress.step))
    assert 1 < steps[0] <= 6
    assert resumed.figures == whole.figures
    assert resumed.weights.keys() == whole.weights.keys()
    assert all(torch.equal(resumed.weights[name], whole.weights[name]) for name in whole.weights)
