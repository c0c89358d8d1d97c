"""Captions come and go at their times, and the sound stays where it was."""

from fractions import Fraction
from itertools import pairwise

import av
import numpy as np
import pytest

from gridkit.errors import MediaError
from gridkit.media.captions import SOUND_RATE_HZ, sound_frames, write_captioned
from gridkit.media.subtitles import Caption


def decoded(path):
    with av.open(str(path)) as container:
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
        rate = container.streams.video[0].average_rate
    return pictures, rate


def heard(path):
    """Samples from 0 s on, each frame at its time."""
    track = np.zeros(4 * SOUND_RATE_HZ)
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            start = max(0, round(frame.time * SOUND_RATE_HZ))
            samples = frame.to_ndarray().mean(axis=0)
            track[start : start + len(samples)] = samples
    return track


@pytest.mark.parametrize("sound_start_s", [0.0, 0.5])
def test_text_and_sound_are_in_their_places(make_clip, tmp_path, sound_start_s):
    sound = np.zeros((32_000, 1), np.int16)
    sound[8_000:9_600, 0] = 20_000 * np.sin(np.arange(1_600) / 4)  # from 0.5 to 0.6 s of it
    source = make_clip(
        tmp_path / "a.mkv", frames=90, rate_fps=30, size=(320, 240), sound=sound,
        sound_start_s=sound_start_s,
    )  # fmt: skip
    out = tmp_path / "out.mp4"
    captions = [Caption(1.0, 1.5, "bin"), Caption(1.5, 2.0, "bin blue")]
    done_s = []
    write_captioned(source, captions, out, done_s.append)
    pictures, rate = decoded(out)
    assert (len(pictures), rate) == (90, 30)
    assert pictures[0].shape == (240, 320)
    assert done_s[-1] == pytest.approx(3.0)
    white = np.array([(picture[-40:] > 245).sum() for picture in pictures])
    lit = white > 20
    assert lit.tolist() == [30 <= index < 60 for index in range(90)]
    assert white[50] > 1.5 * white[40]
    samples = np.abs(heard(out))
    loud = np.flatnonzero(samples > 0.3)
    assert loud[0] / SOUND_RATE_HZ == pytest.approx(0.5 + sound_start_s, abs=0.05)
    assert loud[-1] / SOUND_RATE_HZ == pytest.approx(0.6 + sound_start_s, abs=0.05)


def test_wide_pixels_are_written_square(tmp_path):
    source, out = tmp_path / "a.mp4", tmp_path / "out.mp4"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 96, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(2)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((96, 64, 3), np.uint8))))
        container.mux(stream.encode(None))
    write_captioned(source, [], out)
    with av.open(str(out)) as container:
        written = container.streams.video[0]
        assert (written.width, written.height) == (128, 96)
        assert written.sample_aspect_ratio in (None, 0, 1)


@pytest.mark.parametrize(("layout", "channels"), [("mono", 1), ("stereo", 2), ("5.1", 6)])
def test_sound_keeps_its_level(make_clip, tmp_path, layout, channels):
    tone = np.rint(32_700 * np.sin(2 * np.pi * 440 / 44_100 * np.arange(44_100)))
    sound = np.repeat(tone.astype(np.int16)[:, None], channels, axis=1)
    source = make_clip(
        tmp_path / "a.mkv", frames=25, sound=sound, sound_rate_hz=44_100, layout=layout
    )
    pieces = [frame.to_ndarray()[0] for frame in sound_frames(source, 0.0)]
    samples = np.concatenate(pieces)
    assert len(samples) == pytest.approx(SOUND_RATE_HZ, abs=50)
    assert np.abs(samples).max() <= 1
    loudness = np.sqrt(np.mean(samples[1000:-1000] ** 2))
    assert loudness == pytest.approx(32_700 / 32_768 / np.sqrt(2), rel=1e-3)


def test_what_was_heard_before_the_first_picture_is_left_out(make_clip, tmp_path):
    sound = np.ones((32_000, 1), np.int16)
    source = make_clip(tmp_path / "a.mkv", frames=10, sound=sound)
    whole = sum(frame.samples for frame in sound_frames(source, 0.0))
    cut = list(sound_frames(source, 1.0))
    assert sum(frame.samples for frame in cut) == pytest.approx(whole - SOUND_RATE_HZ, abs=9000)
    assert all(a.pts < b.pts for a, b in pairwise(cut))


def test_what_is_heard_after_the_last_picture_is_left_out(make_clip, tmp_path):
    sound = np.ones((64_000, 1), np.int16)
    out = tmp_path / "out.mp4"
    write_captioned(make_clip(tmp_path / "a.mkv", frames=25, sound=sound), [], out)
    with av.open(str(out)) as container:
        track = container.streams.audio[0]
        assert track.duration * track.time_base == pytest.approx(1, abs=0.03)


def test_a_clip_without_sound(make_clip, tmp_path):
    out = tmp_path / "out.mp4"
    write_captioned(make_clip(tmp_path / "a.mkv", frames=5), [], out)
    assert len(decoded(out)[0]) == 5


def test_a_file_that_could_not_be_finished_is_not_there(make_clip, tmp_path):
    def interrupted(done_s):
        if done_s > 3.5:  # not before the encoder has given its first packets
            raise KeyboardInterrupt

    source, out = make_clip(tmp_path / "a.mkv", frames=90), tmp_path / "out.mp4"
    out.write_bytes(b"an earlier one")
    with pytest.raises(KeyboardInterrupt):
        write_captioned(source, [], out, interrupted)
    assert out.read_bytes() == b"an earlier one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mkv", "out.mp4"]


def test_no_place_to_write_is_one_line(make_clip, tmp_path):
    source = make_clip(tmp_path / "a.mkv", frames=5)
    with pytest.raises(MediaError, match=r"cannot write .*nowhere"):
        write_captioned(source, [], tmp_path / "nowhere/out.mp4")
