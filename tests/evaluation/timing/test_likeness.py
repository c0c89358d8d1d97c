"""Answers that are alike: within a step at random pixels and the order of sums, and no further."""

import numpy as np
import pytest
import soxr
from support.signals import add_noise, make_voice

from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.systems.answers import Checked
from gridkit.evaluation.timing.likeness import LIKE, drawn, likeness, share_apart
from gridkit.media.samples import to_int16

VOICE = make_voice()
SILENCE = np.zeros(48_000, np.int16)


def of_sound(saved, given):
    return likeness(Prediction("a", samples=saved), Checked(samples=given))


def add_noise_to(sound, seed):
    return sound * (1 + 0.01 * np.random.default_rng(seed).standard_normal(len(sound)))


def test_the_same_sound_is_alike_whatever_its_level_and_its_last_bits():
    step = np.random.default_rng(0).integers(-3, 4, 48_000)
    assert of_sound(VOICE, VOICE) == of_sound(SILENCE, SILENCE) == 1
    assert of_sound(VOICE, (VOICE + step).astype(np.int16)) == 1
    assert of_sound(SILENCE, step.astype(np.int16)) == 1
    assert of_sound(VOICE, add_noise(VOICE, 40)) > LIKE
    assert of_sound(VOICE, (VOICE // 2).astype(np.int16)) > 0.99


def test_bands_that_are_empty_in_both_do_not_count():
    """Sound at 8 kHz has nothing in the upper third of the bands."""
    narrow = soxr.resample(soxr.resample(VOICE / 32_768, 16_000, 6_000), 6_000, 16_000)
    one, other = (to_int16(add_noise_to(narrow, seed)) for seed in (0, 1))
    assert of_sound(one, other) > LIKE


@pytest.mark.parametrize(
    "given", [SILENCE, make_voice(seed=1, f0_hz=200.0), VOICE[::-1], np.roll(VOICE, 16_000)]
)
def test_another_sound_is_not(given):
    assert of_sound(VOICE, given) < LIKE
    assert of_sound(given, VOICE) < LIKE


def test_of_six_words_one_may_differ():
    said = Prediction("a", text="bin blue at f two now")
    for text, alike in (
        ("bin blue at f two now", True),
        ("bin blue at s two now", True),
        ("bin red at s two now", False),
        ("", False),
    ):
        assert (likeness(said, Checked(text=text)) >= LIKE) is alike
    assert likeness(Prediction("a", text=""), Checked(text="")) == 1
    assert likeness(said, Checked(samples=VOICE)) == 0
    assert likeness(said, Checked(failure="crash")) == 0


def test_what_is_compared_is_drawn_anew_each_time():
    pairs = [
        (Prediction(str(n), text="a"), Checked(text="a" if n % 4 else "b")) for n in range(400)
    ]
    draws = {tuple(saved.id for saved, _ in drawn(pairs, 30)) for _ in range(5)}
    assert len(draws) == 5
    assert {len(set(draw)) for draw in draws} == {30}
    assert len(drawn(pairs[:7], 30)) == 7
    assert share_apart(pairs) == 0.25
