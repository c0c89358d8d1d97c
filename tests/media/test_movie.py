"""A movie has its sound and its pictures at their times, in their colours, whole or not at all."""

from pathlib import Path

import av
import numpy as np
import pytest

from gridkit.errors import DiskFullError, EnvironmentProblem
from gridkit.media import movie
from gridkit.media.movie import SAMPLES_PER_PICTURE, Moment, write_movie

SIZE = (64, 96)
FRAMES = 50


def grown(frames=FRAMES):
    """Noise that is low-passed, so that AAC keeps it, and a picture that flashes at frame 20."""
    rng = np.random.default_rng(0)
    noise = np.convolve(rng.normal(0, 9000, frames * SAMPLES_PER_PICTURE), np.ones(8) / 8, "same")
    sound = noise.astype(np.int16)
    pictures = [np.full((*SIZE, 3), (200, 60, 20), np.uint8) for _ in range(frames)]
    if frames > 20:
        pictures[20][:] = 255
    return pictures, sound


def moments_of(pictures, sound):
    for picture, samples in zip(pictures, np.split(sound, len(pictures)), strict=True):
        yield Moment(picture, samples)


def heard(path, rate_hz=48_000):
    """Samples of the sound, each frame at its time, float (N,)."""
    track = np.zeros(20 * rate_hz)
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            start = round(frame.time * rate_hz)
            track[start : start + frame.samples] = frame.to_ndarray()[0]
    return track


@pytest.fixture
def written(tmp_path):
    pictures, sound = grown()
    write_movie(moments_of(pictures, sound), tmp_path / "a.mp4")
    return tmp_path / "a.mp4"


def test_any_player_takes_it(written):
    with av.open(str(written)) as container:
        video, sound = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (sound.codec_context.name, sound.rate) == ("aac", 48_000)
        assert video.average_rate == 25
        assert (video.width, video.height) == SIZE[::-1]
        assert float(video.duration * video.time_base) == pytest.approx(FRAMES / 25)
        assert float(sound.duration * sound.time_base) == pytest.approx(FRAMES / 25, abs=0.03)
    content = written.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


def test_sound_is_in_step_with_the_pictures(written):
    _, sound = grown()
    spread = np.interp(np.arange(3 * len(sound)) / 3, np.arange(len(sound)), sound / 32768)
    track = heard(written)[: len(spread)]
    shifts = range(-480, 481, 48)  # up to 10 ms
    alike = [np.corrcoef(np.roll(spread, shift), track)[0, 1] for shift in shifts]
    assert alike[10] > 0.98
    assert np.argmax(alike) == 10
    with av.open(str(written)) as container:
        bright = [frame.to_ndarray(format="gray").mean() for frame in container.decode(video=0)]
    assert len(bright) == FRAMES
    assert np.argmax(bright) == 20


def test_colours_are_kept(written):
    with av.open(str(written)) as container:
        frame = next(container.decode(video=0))
    assert (frame.colorspace, frame.color_range) == (1, 1)  # BT.709, 16 to 235
    shown = frame.to_ndarray(format="rgb24")[10, 10].astype(int)
    assert np.abs(shown - (200, 60, 20)).max() <= 3


def test_the_same_moments_are_the_same_bytes(written, tmp_path):
    write_movie(moments_of(*grown()), tmp_path / "b.mp4")
    assert written.read_bytes() == (tmp_path / "b.mp4").read_bytes()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_movie_that_was_stopped_is_not_there(tmp_path, error):
    def broken():
        yield from moments_of(*grown())
        raise error

    (tmp_path / "a.mp4").write_text("an older one")
    with pytest.raises(error):
        write_movie(broken(), tmp_path / "a.mp4")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    assert (tmp_path / "a.mp4").read_text() == "an older one"


def test_moments_are_taken_one_at_a_time(tmp_path):
    taken, done = [], []

    def counted():
        for moment in moments_of(*grown()):
            taken.append(len(done))
            yield moment

    write_movie(counted(), tmp_path / "a.mp4", lambda: done.append(None))
    assert taken == list(range(FRAMES))


def test_what_keeps_it_from_being_written_is_said(tmp_path):
    with pytest.raises(EnvironmentProblem, match=r"cannot write .*: the folder .*none does not"):
        write_movie(moments_of(*grown(2)), tmp_path / "none" / "a.mp4")


def test_a_folder_that_is_there_is_not_said_to_be_missing(tmp_path):
    (tmp_path / ".a.mp4.part").symlink_to(tmp_path / "none" / "a.mp4")
    with pytest.raises(EnvironmentProblem, match=r"cannot write .*a\.mp4: No such file or dir"):
        write_movie(moments_of(*grown(2)), tmp_path / "a.mp4")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk(tmp_path, monkeypatch):
    opened = av.open
    monkeypatch.setattr(
        movie.av, "open", lambda _, *rest, **more: opened("/dev/full", *rest, **more)
    )
    with pytest.raises(DiskFullError, match="no space left for"):
        write_movie(moments_of(*grown()), tmp_path / "a.mp4")
