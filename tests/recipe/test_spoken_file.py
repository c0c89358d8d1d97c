"""Sound for any video: as long as the pictures, in step with them, whole or not at all."""

import gc
import signal
import struct
import subprocess
import sys
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from gridkit.errors import EnvironmentProblem, MediaError
from gridkit.media import mouth_tracking
from gridkit.media.mouth_tracking import Piece, open_mouths
from gridkit.media.mouths import Mouths
from gridkit.models.alphabet import CLASSES, encode
from gridkit.models.decoding import greedy
from gridkit.recipe.spoken_file import SUFFIXES, write_spoken

BRIGHT = 150


class Level:
    """Each frame sounds as loud as it is bright, as a tone."""

    crop = "mouth96"

    def __call__(self, frames):
        tone = np.sin(np.arange(640 * len(frames)) * 2 * np.pi / 20)  # 800 Hz
        return (tone * np.repeat((frames[:, 0, 0] > BRIGHT) * 0.5, 640)).astype(np.float32)


class Parrot:
    """Reads "bin blue" in a clip of GRID's length, whatever it shows; it has another crop."""

    crop = "lipnet"

    def log_probs(self, clips):
        classes = np.zeros(len(clips[0]), np.uint8)
        classes[20:36] = np.repeat(encode("bin blue"), 2)
        return np.log(np.eye(CLASSES)[classes] + 1e-6)[None]

    def silence(self, frames):
        silent = np.ones(len(frames))
        silent[20:36] = 0
        return silent

    def decode(self, log_probs):
        return greedy(log_probs)


@pytest.fixture(autouse=True)
def faces(monkeypatch):
    """Every picture is a mouth of its brightness, but for black ones, which show no face."""

    def follow(pictures, crops, _):
        for picture in pictures:
            level = np.full((1, 4, 4), round(picture.luma.mean()), np.uint8)
            missing = np.array([level[0, 0, 0] < 30])
            yield Piece({crop: Mouths(level, missing) for crop in crops}, missing, faces=1)

    monkeypatch.setattr(mouth_tracking, "follow_mouth", follow)


@contextmanager
def no_bar(_label):
    yield lambda _: None


def speak(clip, out, voice=None, lipreader=None):
    mouths = open_mouths(clip, {"mouth96", "lipnet"})
    return write_spoken(clip, mouths, out, voice or Level(), lipreader, no_bar)


def write_video(path, times_ms, *, flash_ms, dark=(), turned=False, sound=None, rate=25):
    """Gray pictures at these times, white from a moment on for 200 ms."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        voice = sound and container.add_stream("aac", rate=48_000, layout=sound)
        for number, time_ms in enumerate(times_ms):
            level = 255 if flash_ms <= time_ms < flash_ms + 200 else 90
            picture = np.full((48, 64, 3), 0 if number in dark else level, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture)
            frame.pts = time_ms
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound:
            noise = np.random.default_rng(0).normal(0, 0.3, (6, 48_000)).astype(np.float32)
            frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout=sound)
            frame.sample_rate = 48_000
            container.mux(voice.encode(frame))
            container.mux(voice.encode(None))
    if turned:
        content = bytearray(path.read_bytes())
        place = content.index(b"tkhd") + 44
        matrix = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
        content[place : place + 36] = matrix
        path.write_bytes(content)
    return path


def at_fps(rate_fps, seconds):
    return [round(1000 * number / rate_fps) for number in range(round(rate_fps * seconds))]


def heard(path):
    """When the first loud sample is heard, and how many there are in all, at 16 kHz."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
        track = container.streams.audio[0]
        rate_hz, length = track.rate, track.duration
        samples = np.concatenate([frame.to_ndarray().mean(axis=0) for frame in frames])
        samples = samples / (32768 if frames[0].format.name.startswith("s16") else 1)
        count = len(samples) if length is None else length * track.time_base * rate_hz
    first_s = frames[0].time + np.flatnonzero(np.abs(samples) > 0.2)[0] / rate_hz
    return first_s, float(count) * 16_000 / rate_hz


CLIPS = {
    "25-fps": (at_fps(25, 4), {}),
    "30-fps": (at_fps(30, 4.1), {"rate": 30}),
    "12-fps": (at_fps(12, 4.25), {"rate": 12}),
    "60-fps": (at_fps(60, 3), {"rate": 60}),
    "varying": ([*at_fps(25, 1), 1400, 1460, *range(1500, 3500, 33)], {}),
    "late": ([700 + time_ms for time_ms in at_fps(25, 3)], {}),
    "three": ([0, 40, 80], {}),
    "turned": (at_fps(25, 3), {"turned": True}),
    "5.1": (at_fps(25, 3), {"sound": "5.1"}),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("name", CLIPS)
def test_sound_is_as_long_as_the_pictures_and_in_step(tmp_path, name, suffix):
    times_ms, kinds = CLIPS[name]
    clip, out = tmp_path / "clip.mp4", tmp_path / f"out{suffix}"
    flash_ms = next(t for t in times_ms if t >= times_ms[0] + (1450 if len(times_ms) > 3 else 40))
    write_video(clip, times_ms, flash_ms=flash_ms, **kinds)
    with av.open(str(clip)) as container:
        track = container.streams.video[0]
        length_s = float(track.duration * track.time_base)
    spoken = speak(clip, out)
    first_s, count = heard(out)
    assert spoken.speech.length_s == pytest.approx(length_s, abs=0.002)
    assert count == pytest.approx(
        16_000 * spoken.speech.length_s, abs=16 if suffix != ".wav" else 1
    )
    assert spoken.speech.face_share == 1
    flash_s = (flash_ms - times_ms[0]) / 1000
    assert first_s == pytest.approx(flash_s, abs=0.025)  # frames of the mouth are 40 ms long
    if suffix != ".wav":
        assert spoken.encoded is None
        with av.open(str(out)) as container:
            pictures = [(f.time, f.to_ndarray().mean()) for f in container.decode(video=0)]
        assert len(pictures) == len(times_ms)
        assert next(t for t, level in pictures if level > BRIGHT) == pytest.approx(
            flash_s, abs=0.002
        )


def test_frames_without_a_face_are_silent(tmp_path):
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.wav"
    write_video(clip, at_fps(25, 4), flash_ms=1000, dark=range(26, 46))
    spoken = speak(clip, out)
    assert spoken.speech.face_share == 0.8
    with av.open(str(out)) as container:
        frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
    samples = np.concatenate(frames).reshape(100, 640)
    assert samples[25].any()
    assert not samples[26:46].any()


@pytest.mark.parametrize(("suffix", "place"), [(".wav", "out.vtt"), (".mkv", "out.mkv")])
def test_the_text_is_beside_a_sound_and_inside_a_video(tmp_path, suffix, place):
    clip = write_video(tmp_path / "clip.mp4", at_fps(25, 3), flash_ms=0)
    spoken = speak(clip, tmp_path / f"out{suffix}", lipreader=Parrot())
    assert spoken.captions == tmp_path / place
    if suffix == ".wav":
        assert (tmp_path / place).read_text() == (
            "WEBVTT\n\n00:00:00.800 --> 00:00:02.440\nbin blue\n"
        )
        return
    with av.open(str(tmp_path / place)) as container:
        packet = next(container.demux(subtitles=0))
        assert bytes(packet) == b"bin blue"
        assert packet.pts * packet.time_base == Fraction(4, 5)
    assert not (tmp_path / "out.vtt").exists()


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_captions_do_not_make_the_video_longer(tmp_path, suffix):
    clip = write_video(tmp_path / "clip.mp4", at_fps(25, 2), flash_ms=0)
    out = tmp_path / f"out{suffix}"
    spoken = speak(clip, out, lipreader=Parrot())
    assert len(spoken.speech.reading.sentences) == 1
    with av.open(str(out)) as container:
        assert container.duration / av.time_base == pytest.approx(2, abs=0.002)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


class Interrupted(Level):
    def __call__(self, frames):
        raise KeyboardInterrupt


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_is_not_finished_is_not_there(tmp_path, suffix):
    clip, out = tmp_path / "clip.mp4", tmp_path / f"out{suffix}"
    write_video(clip, at_fps(25, 3), flash_ms=0)
    out.write_bytes(b"an earlier one")
    with pytest.raises(KeyboardInterrupt):
        speak(clip, out, Interrupted())
    assert out.read_bytes() == b"an earlier one"
    write_video(clip, at_fps(25, 3), flash_ms=0, dark=range(75))
    with pytest.raises(MediaError, match=r"no face found in any frame of .*clip\.mp4"):
        speak(clip, out)
    assert out.read_bytes() == b"an earlier one"
    assert names_in(tmp_path) == sorted(["clip.mp4", out.name])


KILLED = """
import os, signal, sys
from contextlib import contextmanager
from pathlib import Path
import numpy as np
from gridkit.media import mouth_tracking
from gridkit.media.mouths import Mouths
from gridkit.recipe.spoken_file import write_spoken

def follow(pictures, crops, _):
    for picture in pictures:
        level = np.full((1, 4, 4), 90, np.uint8)
        missing = np.array([False])
        yield mouth_tracking.Piece({crop: Mouths(level, missing) for crop in crops}, missing, 1)

class Killed:
    crop, calls = "mouth96", 0
    def __call__(self, frames):
        self.calls += 1
        if self.calls == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return np.zeros(640 * len(frames), np.float32)

@contextmanager
def no_bar(_):
    yield lambda _: None

mouth_tracking.follow_mouth = follow
clip = Path(sys.argv[1])
mouths = mouth_tracking.open_mouths(clip, ["mouth96"])
write_spoken(clip, mouths, Path(sys.argv[2]), Killed(), None, no_bar)
"""


def test_a_run_that_is_killed_leaves_nothing_under_the_name_and_the_next_one_works(tmp_path):
    clip, out = tmp_path / "clip.mp4", tmp_path / "out.mkv"
    write_video(clip, at_fps(25, 6), flash_ms=1000)
    done = subprocess.run([sys.executable, "-c", KILLED, clip, out], check=False)
    assert done.returncode == -signal.SIGKILL
    assert all(name.startswith(".out.mkv.") for name in names_in(tmp_path) if name != "clip.mp4")
    assert len(names_in(tmp_path)) > 1, "it was killed while it wrote"
    speak(clip, out)
    assert names_in(tmp_path) == ["clip.mp4", "out.mkv"]


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    clip = write_video(tmp_path / "clip.mp4", at_fps(25, 1), flash_ms=0)
    (tmp_path / "out.wav").mkdir()
    with pytest.raises(EnvironmentProblem, match=r"cannot write .*out\.wav: Is a directory"):
        speak(clip, tmp_path / "out.wav")


def test_a_place_without_a_folder_is_one_line_and_nothing_after_it(tmp_path, monkeypatch):
    clip = write_video(tmp_path / "clip.mp4", at_fps(25, 1), flash_ms=0)
    ignored = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    with pytest.raises(EnvironmentProblem, match=r"cannot write .*out\.wav: No such file"):
        speak(clip, tmp_path / "none" / "out.wav")
    gc.collect()
    assert ignored == []


def test_a_full_disk_is_one_line(tmp_path):
    clip = write_video(tmp_path / "clip.mp4", at_fps(25, 1), flash_ms=0)
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    (tmp_path / ".out.wav.part").symlink_to("/dev/full")
    with pytest.raises(EnvironmentProblem, match=r"no space left for .*out\.wav"):
        speak(clip, tmp_path / "out.wav")
