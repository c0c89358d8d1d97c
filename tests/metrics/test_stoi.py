"""STOI and extended STOI are those of pystoi, to the last bit."""

import numpy as np
import pystoi
import pytest

from gridkit.metrics.stoi import TOO_SHORT, SpeechFrames, stoi, to_10khz

PREDICTIONS = {
    "itself": lambda x: x,
    "quieter": lambda x: 0.2 * x,
    "later": lambda x: np.roll(x, 300),
    "noise": lambda x: 0.05 * np.random.default_rng(1).standard_normal(len(x)),
    "silence": np.zeros_like,
    "cut off": lambda x: np.r_[x[:9_000], np.zeros(len(x) - 9_000)],
}


def by_pystoi(reference, prediction, extended):
    np.random.seed(0)
    return pystoi.stoi(reference, prediction, 10_000, extended=extended)


@pytest.mark.parametrize("name", PREDICTIONS)
@pytest.mark.parametrize("extended", [False, True])
def test_the_figure_is_that_of_pystoi(voice, name, extended):
    reference = to_10khz(voice / 32768)
    prediction = PREDICTIONS[name](reference)
    expected = by_pystoi(reference, prediction, extended)
    assert stoi(reference, prediction, extended=extended) == expected


@pytest.mark.parametrize("extended", [False, True])
def test_a_reference_without_sound_or_with_little_of_it(extended):
    noise = np.random.default_rng(0).standard_normal(30_000)
    silence, click = np.zeros(30_000), np.zeros(30_000)
    click[9_000:10_000] = noise[:1_000]
    assert stoi(silence, noise, extended=extended) == by_pystoi(silence, noise, extended)
    with pytest.warns(RuntimeWarning, match="Not enough STFT frames"):
        expected = by_pystoi(click, noise, extended)
    assert stoi(click, noise, extended=extended) == expected == TOO_SHORT


def test_what_was_analysed_of_a_reference_serves_every_prediction(voice):
    reference = to_10khz(voice / 32768)
    speech = SpeechFrames(reference)
    for make in (*PREDICTIONS.values(), PREDICTIONS["noise"]):
        segments = speech.segments_of(make(reference))
        assert speech.estoi(segments) == stoi(reference, make(reference), extended=True)
        assert speech.stoi(segments) == stoi(reference, make(reference))


def test_the_global_generator_is_left_alone(voice):
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    reference = to_10khz(voice / 32768)
    stoi(reference, np.roll(reference, 9), extended=True)
    assert (np.random.get_state()[1] == before).all()
