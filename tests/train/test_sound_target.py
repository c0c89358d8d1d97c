"""The target sound is in step with the frames: whatever happens to them, it happens to it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridkit.corpus.alignment import Word
from gridkit.train.augment import draw_times
from gridkit.train.batches import FrameBatches
from gridkit.train.clips import Label, TrainingClips
from gridkit.train.settings import AugmentationSettings
from gridkit.train.sound_target import FADE_SAMPLES, PIECE_SAMPLES, sound_target

FRAMES, SAMPLES = 75, 48_000
HERE = np.zeros(FRAMES, int)


def noise(clips: int = 1) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (clips, SAMPLES)).astype(np.float32)


def test_nothing_changes_where_no_frame_does():
    sound = noise()
    target = sound_target(sound, HERE, np.arange(FRAMES))
    assert target.dtype == np.float32
    assert (target == sound[0]).all()


@given(st.integers(0, 2**32), st.floats(0, 0.5))
@settings(max_examples=30, deadline=None)
def test_the_length_stays_and_each_piece_is_that_of_its_frame(seed, share):
    sound, times = noise(), draw_times(np.random.default_rng(seed), FRAMES, share)
    target = sound_target(sound, HERE, times)
    assert target.shape == (SAMPLES,)
    pieces, half = sound[0].reshape(FRAMES, -1), FADE_SAMPLES // 2
    middles = target.reshape(FRAMES, -1)[:, half:-half]
    assert (middles == pieces[times][:, half:-half]).all()


@pytest.mark.parametrize("dropped", [5, 20])
def test_a_click_lands_where_its_frame_lands(dropped):
    sound = np.zeros((1, SAMPLES), np.float32)
    sound[0, 40 * PIECE_SAMPLES + 300] = 1.0
    earlier = np.append(np.delete(np.arange(FRAMES), dropped), FRAMES - 1)
    assert sound_target(sound, HERE, earlier).argmax() == 39 * PIECE_SAMPLES + 300
    later = np.insert(np.arange(FRAMES), dropped, dropped)[:FRAMES]
    assert sound_target(sound, HERE, later).argmax() == 41 * PIECE_SAMPLES + 300


def test_a_cut_does_not_click():
    # a tone whose phase breaks at the cut; a jump would be up to 2
    tone = np.sin(2 * np.pi * 123.0 * np.arange(SAMPLES) / 16_000)[None].astype(np.float32)
    cut = sound_target(tone, HERE, np.append(np.delete(np.arange(FRAMES), 30), 74))
    steps = np.abs(np.diff(cut))
    assert steps.max() < 1.5 * np.abs(np.diff(tone[0])).max()
    # a constant stays one: the shares of a fade add up to 1
    times = np.minimum(draw_times(np.random.default_rng(0), FRAMES, 0.3) + 5, FRAMES - 1)
    assert (times == FRAMES - 1).sum() > 2
    assert sound_target(np.ones((1, SAMPLES)), HERE, times) == pytest.approx(1.0)


def test_a_splice_fades_even_where_the_frames_count_on():
    clips, frames = np.repeat([0, 1], [30, FRAMES - 30]), np.arange(FRAMES)
    target = sound_target(np.stack([np.zeros(SAMPLES), np.ones(SAMPLES)]), clips, frames)
    cut, half = 30 * PIECE_SAMPLES, FADE_SAMPLES // 2
    assert (target[: cut - half] == 0).all()
    assert (target[cut + half :] == 1).all()
    assert target[cut] == pytest.approx(0.5, abs=0.01)
    assert np.diff(target).max() < 2 * np.pi / FADE_SAMPLES


def labelled(clip: str, start_s: float) -> Label:
    text = "bin blue at f two now"
    words = tuple(
        Word(word, start_s + 0.3 * place, start_s + 0.3 * (place + 1))
        for place, word in enumerate(text.split())
    )
    return Label(clip, "train", text, words)


def test_a_batch_sounds_in_each_frame_as_it_looks():
    # each frame's pixels and its piece of sound hold the same number: 75 and 75 of two clips
    labels = (labelled("s1/bbaf2n", 0.4), labelled("s1/bbaf3s", 0.6))
    numbers = np.arange(2 * FRAMES).reshape(2, FRAMES)
    frames = numbers.astype(np.uint8).reshape(2, FRAMES, 1, 1, 1)
    audio = np.repeat(numbers * 100, PIECE_SAMPLES, axis=1).astype(np.int16)
    clips = TrainingClips(labels, frames, audio)
    change = AugmentationSettings(flip=0.0, frame_change=0.1, contrast=0.0, splice=0.7)
    batches = FrameBatches(clips, (1, 1), "cpu", with_sound=True)
    cuts = 0
    for step in range(20):
        batch = batches.training(np.array([0, 1]), 0, step, change)
        assert batch.sound.shape == (2, SAMPLES)
        middles = batch.sound.reshape(2, FRAMES, -1)[:, :, PIECE_SAMPLES // 2] * 32768 / 100
        assert (middles.round() == batch.inputs.flatten(1)).all()
        cuts += int((batch.inputs.flatten(1).diff() > 1.5).sum())
    assert cuts > 20
    without = FrameBatches(clips, (1, 1), "cpu").training(np.array([0]), 0, 0, change)
    assert without.sound is None
