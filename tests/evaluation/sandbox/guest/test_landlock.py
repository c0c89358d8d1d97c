"""Locked in, a system finds nothing of the clips, of the machine and of other processes."""

import ctypes
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from multiprocessing import shared_memory
from pathlib import Path

import numpy as np
import pytest

from gridkit.errors import SystemLoadError
from gridkit.evaluation.sandbox.guest.landlock import landlock_abi
from gridkit.evaluation.sandbox.worker import Worker
from gridkit.evaluation.systems.spec import parse_model

FRAMES = np.zeros((75, 96, 96), np.uint8)
ID = "s9/lgwm5a"
HERE = Path(__file__).parent
NEVER = {"arguments", "environment", "stack", "objects", "open_files", "working_folder"}
"""Told to no system, locked in or not."""

ALL = set(re.findall(r"^def (\w+)\(\):", (HERE / "hunter.py").read_text(), re.MULTILINE))

needs_landlock = pytest.mark.skipif(landlock_abi() < 6, reason="this kernel has no Landlock ABI 6")
SHARING = """
import multiprocessing, os
from multiprocessing.shared_memory import SharedMemory
import numpy as np
from torch.utils.data import DataLoader
class System:
    task, crop = "lipreading", "mouth96"
    def __init__(self):
        self.queue = multiprocessing.Queue()
    def __call__(self, frames):
        shared = SharedMemory(create=True, size=8)
        print("seen:", sorted(os.listdir("/dev/shm")))
        shared.close()
        shared.unlink()
        with multiprocessing.Pool(2) as pool:
            assert pool.map(abs, [-1, 2]) == [1, 2]
        self.queue.put("from a queue")
        loaded = DataLoader(frames.astype(np.float32), batch_size=25, num_workers=2)
        return f"{sum(len(batch) for batch in loaded)} {self.queue.get()}"
def load(device): return System()
"""


def has_own_memory():
    """Tell whether this kernel gives a process a /dev/shm of its own."""
    mount = (
        "import ctypes; unshare = ctypes.CDLL(None).unshare\n"
        "raise SystemExit(unshare(0x48020000) and unshare(0x58020000))"
    )
    return subprocess.run([sys.executable, "-c", mount], check=False).returncode == 0


@pytest.fixture
def hunter(tmp_path, monkeypatch):
    """The hunting system, and all that it hunts for, in place."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    (corpus / "clip.flac").write_bytes(b"sound")
    (corpus / "s9-lgwm5a.txt").write_text(ID)
    monkeypatch.setenv("GRIDKIT_DATA", f"{corpus} {ID}")
    memory = ctypes.create_string_buffer(b"remember")
    shared = shared_memory.SharedMemory(create=True, size=16)
    shared.buf[0] = 1
    abstract = f"gridkit-{os.getpid()}"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as local:
        local.bind("\0" + abstract)
        local.listen()
        secrets = {
            "id": ID,
            "corpus": str(corpus),
            "port": str(server.getsockname()[1]),
            "shared": shared.name,
            "address": str(ctypes.addressof(memory)),
            "abstract": abstract,
        }
        folder = tmp_path / "system"
        folder.mkdir()
        shutil.copy(HERE / "hunter.py", folder)
        reversed_secrets = {name: value[::-1] for name, value in secrets.items()}
        (folder / "secrets.json").write_text(json.dumps(reversed_secrets))
        with (corpus / "s9-lgwm5a.txt").open():
            yield folder / "hunter.py", corpus
    shared.close()
    shared.unlink()


@needs_landlock
def test_weights_that_lie_elsewhere_are_explained(tmp_path):
    (tmp_path / "elsewhere").write_text("weights")
    (tmp_path / "mine").mkdir()
    model = tmp_path / "mine" / "model.py"
    model.write_text(f"def load(device): open({str(tmp_path / 'elsewhere')!r})")
    worker = Worker(parse_model(str(model)))
    with pytest.raises(
        SystemLoadError, match=r"Permission denied.*only its own folder: put the file"
    ):
        worker.start()


@needs_landlock
@pytest.mark.skipif(not has_own_memory(), reason="this kernel gives a process no memory of its own")
def test_workers_queues_and_shared_memory_work_in_memory_of_its_own(tmp_path):
    theirs = shared_memory.SharedMemory(create=True, size=8)
    try:
        (tmp_path / "model.py").write_text(SHARING)
        with Worker(parse_model(str(tmp_path / "model.py"))) as worker:
            answer = worker.ask(FRAMES).checked
        assert (answer.text, answer.failure, answer.detail) == ("75 from a queue", None, None)
        (seen,) = re.findall(r"seen: (.*)", worker.log())
        assert theirs.name not in seen
        assert "psm_" in seen
    finally:
        theirs.close()
        theirs.unlink()


@needs_landlock
@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no /dev/shm here")
def test_where_there_is_no_shared_memory_the_message_says_what_to_do(tmp_path):
    """A model that itself lies in /dev/shm: there, nothing can be put over it."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        model = Path(folder, "model.py")
        model.write_text(SHARING)
        with pytest.raises(SystemLoadError, match=r"line 9\); no shared memory.*num_workers=0"):
            Worker(parse_model(str(model))).start()
        model.write_text(SHARING.replace("multiprocessing.Queue()", "None"))
        with Worker(parse_model(str(model))) as worker:
            answer = worker.ask(FRAMES).checked
        assert answer.failure == "crash"
        assert re.search(r"model.py, line 11\); no shared memory.*num_workers=0", answer.detail)


@needs_landlock
def test_a_hunting_system_finds_nothing_where_landlock_is(hunter):
    path, corpus = hunter
    with Worker(parse_model(str(path)), hidden=[corpus]) as worker:
        assert worker.start().isolation == f"landlock-{landlock_abi()}"
        answer = worker.ask(FRAMES).checked
    assert answer.failure is None
    assert answer.text == ""


def test_unlocked_it_finds_what_the_kernel_shows_and_the_facts_say_so(hunter):
    """The hunts can succeed: what they find without the lock is what the lock keeps away."""
    path, corpus = hunter
    with Worker(parse_model(str(path)), hidden=[corpus], isolate=False) as worker:
        assert worker.start().isolation == "none"
        found = set(worker.ask(FRAMES).checked.text.split())
    assert not found & NEVER
    assert found == ALL - NEVER


@needs_landlock
def test_a_corpus_in_the_systems_own_folder_is_hidden_and_its_modules_are_not(tmp_path):
    (tmp_path / "helper.py").write_text("WORD = 'blue'")
    (tmp_path / "data" / "deep").mkdir(parents=True)
    (tmp_path / "data" / "clip.flac").write_text("sound")
    (tmp_path / "data" / "deep" / "weights.txt").write_text("red")
    (tmp_path / "model.py").write_text(
        "import os, pathlib\n"
        "from helper import WORD\n"
        "HERE = pathlib.Path(__file__).parent\n"
        "class Reader:\n"
        "    task, crop = 'lipreading', 'mouth96'\n"
        "    def __call__(self, frames):\n"
        "        for action in (os.listdir, os.scandir):\n"
        "            try:\n"
        "                return str(list(action(HERE / 'data')))\n"
        "            except PermissionError:\n"
        "                pass\n"
        "        return WORD\n"
        "def load(device): return Reader()\n"
    )
    spec = parse_model(str(tmp_path / "model.py"))
    with Worker(spec, hidden=[tmp_path / "data"]) as worker:
        assert worker.ask(FRAMES).checked.text == "blue"


@needs_landlock
def test_what_a_person_allows_can_be_read_and_not_written(tmp_path):
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra" / "words").write_text("bin blue")
    (tmp_path / "system").mkdir()
    (tmp_path / "system" / "model.py").write_text(
        "import pathlib\n"
        f"PATH = pathlib.Path({str(tmp_path / 'extra' / 'words')!r})\n"
        "class Reader:\n"
        "    task, crop = 'lipreading', 'mouth96'\n"
        "    def __call__(self, frames):\n"
        "        pathlib.Path('own').write_text('mine')\n"
        "        try:\n"
        "            PATH.write_text('changed')\n"
        "        except PermissionError:\n"
        "            return PATH.read_text()\n"
        "def load(device): return Reader()\n"
    )
    spec = parse_model(str(tmp_path / "system" / "model.py"))
    with Worker(spec, readable=[tmp_path / "extra"]) as worker:
        assert worker.ask(FRAMES).checked.text == "bin blue"


@needs_landlock
def test_corpora_and_results_beside_a_model_are_hidden(tmp_path):
    folder, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    secrets = [
        folder / "GRID/s1/align/bbaf2n.align",
        folder / "GRID/s1/bbaf2n.mpg",
        folder / "results/mine/clips.jsonl",
        folder / "results/mine/report.html",
        folder / "corpus/README.md",
        folder / "lgwm5a.mpg",
        elsewhere / "s9/lgwm5a.mpg",
    ]
    for path in (*secrets, folder / "results/mine/question.json", folder / "corpus/corpus.json"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("told")
    for path in (folder / "lib/words.txt", elsewhere / "weights.bin"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("needed")
    (folder / "link").symlink_to(elsewhere)
    names = [*map(str, secrets), f"{folder}/lib/words.txt", f"{folder}/link/weights.bin"]
    (folder / "model.py").write_text(
        "import pathlib\n"
        "class Reader:\n"
        "    task, crop = 'lipreading', 'mouth96'\n"
        "    def __call__(self, frames):\n"
        "        told = []\n"
        f"        for name in {names!r}:\n"
        "            try: told.append(pathlib.Path(name).read_text())\n"
        "            except PermissionError: pass\n"
        "        return ' '.join(told)\n"
        "def load(device): return Reader()\n"
    )
    with Worker(parse_model(str(folder / "model.py"))) as worker:
        assert worker.ask(FRAMES).checked.text == "needed"
    with Worker(parse_model(str(folder / "model.py")), follow_links=True) as worker:
        assert worker.ask(FRAMES).checked.text == "needed needed"


@needs_landlock
@pytest.mark.skipif(os.geteuid() != 0, reason="only root has capabilities to give up")
def test_root_gives_up_its_capabilities(tmp_path):
    (tmp_path / "model.py").write_text(
        "import os, pathlib\n"
        "class Reader:\n"
        "    task, crop = 'lipreading', 'mouth96'\n"
        "    def __call__(self, frames):\n"
        "        status = pathlib.Path('/proc/self/status').read_text()\n"
        "        lines = [line for line in status.splitlines() if line.startswith('CapEff')]\n"
        "        try: os.mknod('disk', 0o60600, os.makedev(254, 0))\n"
        "        except OSError: lines.append('refused')\n"
        "        os.mkfifo('pipe')\n"
        "        return ' '.join(lines)\n"
        "def load(device): return Reader()\n"
    )
    with Worker(parse_model(str(tmp_path / "model.py"))) as worker:
        said = worker.ask(FRAMES).checked.text
    assert said.split() == ["CapEff:", "0000000000000002", "refused"]
