"""Fixtures that every test folder shares."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

# one thread for numerical libraries, which read this when they are imported: sums are the same on
# every machine, and tests that run side by side do not wait for each other's threads
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

import av  # noqa: E402
import numpy as np  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

pytest_plugins = [
    "support.app",
    "support.archive_server",
    "support.hub.fixture",
    "support.s3",
    "support.signals",
    "support.small_corpus",
    "support.synthetic",
]

os.environ["HF_HUB_OFFLINE"] = "1"  # read when datasets is imported, which happens late
# how long an example takes depends on what else the machine does
settings.register_profile("gridkit", deadline=None)
settings.load_profile("gridkit")
# a run in the background of a shell starts with Ctrl-C ignored, and its children would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)

collect_ignore = ["evaluation/sandbox/guest/hunter.py"]  # a system, nothing to import here
collect_ignore_glob = ["scale/ray_*.py"]  # scripts that need Ray
REPOSITORY = Path(__file__).parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests come first, so that at the end no process works on one while others idle."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """A cache of the tests' own, one for all folders: their tests run in turn in one process."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRIDKIT_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def grid_dir() -> Path:
    """The folder with real GRID clips; the test is skipped where there is none."""
    folder = Path(os.environ.get("GRIDKIT_GRID", REPOSITORY / "../shared/grid")).resolve()
    if not (folder / "alignments.zip").is_file():
        pytest.skip(f"no real GRID clips at {folder}; set GRIDKIT_GRID to a folder with some")
    return folder


def write_clip(
    path,
    *,
    frames=75,
    rate_fps=25,
    size=(64, 48),
    sound=None,
    sound_rate_hz=16000,
    sound_start_s=0.0,
    layout="mono",
    format=None,
):
    """Write a small clip: a gray ramp over the frames, and the given int16 sound (N, channels)."""
    with av.open(str(path), "w", format=format) as container:
        video = container.add_stream("mpeg4", rate=rate_fps)
        video.width, video.height = size
        video.pix_fmt = "yuv420p"
        audio = None
        if sound is not None:
            audio = container.add_stream("flac", rate=sound_rate_hz, layout=layout)
        for index in range(frames):
            picture = np.full((size[1], size[0], 3), 40 + 2 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture)
            frame.pts = index
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        if audio is not None:
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(sound.reshape(1, -1)), format="s16", layout=layout
            )
            frame.sample_rate = sound_rate_hz
            frame.pts = round(sound_start_s * sound_rate_hz)
            container.mux(audio.encode(frame))
            container.mux(audio.encode(None))
    return path


@pytest.fixture(scope="session")
def make_clip() -> Callable[..., Path]:
    """Writes a small clip without a face (see `write_clip`)."""
    return write_clip
