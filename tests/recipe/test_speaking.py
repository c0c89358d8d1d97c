"""The sound of mouths that come piece by piece: whole, without clicks, silent without a face."""

import tracemalloc
from itertools import pairwise

import numpy as np
import pytest

from gridkit.media.mouths import Mouths
from gridkit.recipe.speaking import FADE_IN, FADE_SAMPLES, SoundStream, loudness, sound_of

RATE_HZ = 16_000


class Level:
    """Each frame sounds as loud as it is bright."""

    crop = "mouth96"

    def __init__(self):
        self.lengths = []

    def __call__(self, frames):
        assert 25 <= len(frames) <= 75
        self.lengths.append(len(frames))
        return np.repeat(frames[:, 0, 0] / 255, 640).astype(np.float32)


class Place:
    """Each frame says how far from the nearer end of the window it is."""

    crop = "mouth96"

    def __call__(self, frames):
        place = np.arange(len(frames))
        return np.repeat(np.minimum(place, place[::-1]), 640).astype(np.float32)


class Tone:
    """A tone that begins with another phase in each window."""

    crop = "mouth96"

    def __init__(self):
        self.phase = np.random.default_rng(0)

    def __call__(self, frames):
        time_s = np.arange(640 * len(frames)) / RATE_HZ
        phase = self.phase.uniform(0, 2 * np.pi)
        return np.sin(2 * np.pi * 200 * time_s + phase).astype(np.float32)


def mouths_of(levels, missing=None):
    frames = np.tile(np.asarray(levels, np.uint8)[:, None, None], (1, 4, 4))
    return Mouths(frames, np.zeros(len(levels), bool) if missing is None else missing)


def streamed(mouths, voice, pieces=1):
    """The sound of mouths that come in pieces."""
    stream = SoundStream(voice)
    cuts = np.linspace(0, len(mouths), pieces + 1).astype(int)
    made = [stream.add(mouths[a:b]) for a, b in pairwise(cuts)]
    return np.concatenate([*made, stream.rest()])


COUNTS = [1, 2, 3, 24, 25, 74, 75, 76, 99, 100, 101, 124, 125, 126, 400]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("pieces", [1, 7])
def test_every_frame_sounds_once_in_its_place(count, pieces):
    levels = np.random.default_rng(count).integers(1, 256, count)
    sound = streamed(mouths_of(levels), Level(), pieces)
    assert sound.dtype == np.float32
    assert np.allclose(sound, np.repeat(levels / 255, 640), atol=1e-6)


@pytest.mark.parametrize("count", COUNTS)
def test_frames_are_used_where_the_model_sees_what_is_around_them(count):
    used = streamed(mouths_of(np.ones(count)), Place(), 5)[320::640]  # away from the joins
    frame = np.arange(count)
    from_the_end = np.minimum(frame, frame[::-1])
    if count <= 75:
        assert (used == (from_the_end if count >= 25 else frame.clip(max=24 - frame))).all()
    else:
        assert (used >= np.minimum(from_the_end, 25 - 1)).all()


def test_a_clip_of_grid_is_one_question():
    voice = Level()
    streamed(mouths_of(np.ones(75)), voice, 3)
    assert voice.lengths == [75]


def test_no_click_is_heard_where_windows_meet():
    sound = streamed(mouths_of(np.ones(1000)), Tone(), 9).astype(float)
    steepest = 2 * np.pi * 200 / RATE_HZ  # of the tone itself
    fading = 2 * np.pi / 2 / FADE_SAMPLES  # of a cross-fade between opposite tones
    assert np.abs(np.diff(sound)).max() < steepest + fading
    assert np.abs(sound).max() <= 1 + 1e-6


def test_a_fade_and_its_mirror_image_add_up():
    assert np.allclose(FADE_IN + FADE_IN[::-1], 1)
    assert len(FADE_IN) / RATE_HZ == 0.020


def test_frames_without_a_face_are_silent_and_not_seen():
    levels = np.full(300, 200)
    missing = np.zeros(300, bool)
    missing[[*range(40, 60), 110, *range(290, 300)]] = True
    levels[missing] = 7  # what is there instead
    voice = Level()
    sound = streamed(mouths_of(levels, missing), voice, 4).reshape(300, 640)
    assert not sound[missing].any()
    loud = ~missing
    loud[[39, 60, 109, 111, 289]] = False  # they fade
    assert np.allclose(sound[loud], 200 / 255, atol=1e-6)
    assert sound[39, 0] == pytest.approx(200 / 255)
    assert (np.diff(sound[39, 320:]) < 0).all()
    assert (np.diff(sound[60, :320]) > 0).all()


def test_a_window_without_a_face_is_not_asked_for():
    voice = Level()
    missing = np.ones(500, bool)
    assert not streamed(mouths_of(np.ones(500), missing), voice, 3).any()
    assert voice.lengths == []
    missing[:10] = False
    streamed(mouths_of(np.ones(500), missing), voice, 3)
    assert len(voice.lengths) == 1


def test_a_missing_frame_shows_the_nearest_face():
    seen = []

    class Watching(Level):
        def __call__(self, frames):
            seen.append(frames[:, 0, 0].tolist())
            return super().__call__(frames)

    missing = np.zeros(75, bool)
    missing[[0, 1, 30, 31, 32, 33, 74]] = True
    sound_of(mouths_of(np.arange(75), missing), Watching())
    wanted = list(range(75))
    wanted[:2], wanted[30:34], wanted[74] = [2, 2], [29, 29, 34, 34], 73
    assert seen == [wanted]


def test_a_frame_between_two_missing_ones_rises_and_falls():
    level = loudness(np.array([True, False, True])).reshape(3, 640)
    assert level[1].max() > 0.99
    assert np.allclose(level[1], level[1][::-1])
    assert not level[[0, 2]].any()


def peak_bytes(seconds):
    stream, piece = SoundStream(Level()), mouths_of(np.ones(100))
    tracemalloc.start()
    try:
        samples = sum(len(stream.add(piece)) for _ in range(seconds // 4)) + len(stream.rest())
        assert samples == RATE_HZ * seconds
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_an_hour_takes_the_memory_of_a_minute():
    assert peak_bytes(3600) < 1.2 * peak_bytes(60)
