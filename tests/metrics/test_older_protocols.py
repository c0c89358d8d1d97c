"""Older protocols, against numbers worked out by hand."""

import numpy as np
import pystoi
import pytest
import soxr
from pesq import pesq

from gridkit.dsp.griffin_lim import sound_of
from gridkit.dsp.mel import log_mel
from gridkit.metrics.mfcc import mfcc
from gridkit.metrics.older_metrics import wrap_int16
from gridkit.metrics.older_protocols import OLDER_PROTOCOLS, wer_over_hypothesis
from gridkit.metrics.sound import score_plain

SENTENCE = "bin blue at f two now"

# python_speech_features 0.6, mfcc(default_rng(1).standard_normal(1000)), its first frame
FROZEN_MFCC = [
    5.9181085, -40.4502746, -7.9156223, -11.0094737, -7.0845376, 3.5486333, 7.5506439,
    3.2723228, 2.2804621, -1.8512971, -2.5564108, -8.2799234, 1.1167387,
]  # fmt: skip


def score(name: str, reference: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    return score_plain(reference, prediction, OLDER_PROTOCOLS[name].metrics)


def test_the_cast_wraps_around_from_half_scale_on():
    """0.51 * 65536 = 33423.36, less 65536 is -32113; 0.75 is 49152, -16384; 1.0 is 65536, 0."""
    samples = np.array([0.0, 0.25, 0.49, 0.5, 0.51, 0.75, 1.0, -0.25, -0.5, -0.51, -0.75])
    assert wrap_int16(samples).tolist() == [
        0, 16384, 32113, -32768, -32113, -16384, 0, -16384, -32768, 32113, 16384,
    ]  # fmt: skip


def test_mira_stoi_hears_loud_clips_wrapped(voice, with_noise):
    quiet, loud = voice // 8, np.clip(2 * voice.astype(int), -32768, 32767).astype(np.int16)
    prediction = with_noise(quiet, 10)
    metrics = score("mira-2021", quiet, prediction)
    assert metrics["stoi_wrapped"] == pytest.approx(
        pystoi.stoi(quiet / 32768, prediction / 32768, 16_000), abs=1e-6
    )
    doubled = 2 * loud.astype(int)
    by_hand = doubled - 65_536 * (doubled > 32_767) + 65_536 * (doubled < -32_768)
    assert (by_hand != doubled).any()
    noisy = with_noise(quiet, 20)
    assert score("mira-2021", loud, noisy)["stoi_wrapped"] == pytest.approx(
        pystoi.stoi(by_hand.astype(float), noisy.astype(float), 16_000), abs=1e-6
    )


def test_mira_mfcc_distance_of_a_tenth_of_the_level(voice):
    """Scaling moves coefficient 0, the log energy, alone: by ln(0.1 ** 2) in every frame."""
    assert score("mira-2021", voice, voice)["mfcc_distance"] == 0
    loud = (voice // 10 * 10).astype(np.int16)
    distance = score("mira-2021", loud, (loud // 10).astype(np.int16))["mfcc_distance"]
    assert distance == pytest.approx(np.log(100), abs=1e-6)


def test_every_protocol_scores_silence_in_every_metric(voice):
    silence = np.zeros(48_000, np.int16)
    for name, protocol in OLDER_PROTOCOLS.items():
        assert set(score(name, voice, silence)) == {metric.name for metric in protocol.metrics}
    distances = np.sqrt(np.square(mfcc(voice / 32768) - mfcc(silence / 32768)).sum(axis=1))
    assert score("mira-2021", voice, silence)["mfcc_distance"] == distances.mean()


def test_mfcc_of_an_impulse():
    """Pre-emphasis leaves 1 and -0.97: |X|^2 = 1 + 0.97^2 - 1.94 cos w. Energy over 257 bins."""
    click = np.zeros(400)
    click[0] = 1
    angles = 2 * np.pi * np.arange(257) / 512
    energy = np.sum(1 + 0.97**2 - 1.94 * np.cos(angles)) / 512
    assert mfcc(click).shape == (1, 13)
    assert mfcc(click)[0, 0] == pytest.approx(np.log(energy), abs=1e-12)


def test_mfcc_of_white_power_has_one_frame_every_10_ms_and_a_padded_last():
    assert mfcc(np.ones(401)).shape == (2, 13)
    assert mfcc(np.ones(48_000)).shape == (299, 13)
    frozen = mfcc(np.random.default_rng(1).standard_normal(1000))[0]
    assert frozen == pytest.approx(FROZEN_MFCC, abs=1e-6)


def test_pesq_of_each(voice, with_noise):
    prediction = with_noise(voice, 15)
    x, y = voice / 32768, prediction / 32768
    x_8khz, y_8khz = (soxr.resample(z, 16_000, 8_000, quality="VHQ") for z in (x, y))
    narrow, wide = pesq(8_000, x_8khz, y_8khz, "nb"), pesq(16_000, x, y, "wb")
    raw = score("svts-2022", voice, prediction)["pesq_nb_raw"]
    assert 0.999 + 4 / (1 + np.exp(4.6607 - 1.4945 * raw)) == pytest.approx(narrow, abs=1e-6)
    stoi = pystoi.stoi(x, y, 16_000)
    assert score("lip2wav-2020", voice, prediction) == pytest.approx(
        {"pesq_nb_16k": pesq(16_000, x, y, "nb"), "stoi": stoi}, abs=1e-6
    )
    assert score("vca-gan-2021", voice, prediction) == pytest.approx(
        {"pesq_nb": narrow, "stoi": stoi}, abs=1e-6
    )
    assert score("svts-2022", voice, prediction) == pytest.approx(
        {"pesq_nb_raw": raw, "pesq_nb": narrow, "pesq_wb": wide, "stoi": stoi}, abs=1e-6
    )


def test_a_raw_mos_of_1_97_is_an_lqo_of_1_61():
    """The two numbers that papers print under one name."""
    from gridkit.metrics.pesq import raw_mos

    assert raw_mos(1.61) == pytest.approx(1.97, abs=0.01)


@pytest.mark.parametrize(
    ("transcript", "rate"),
    [(SENTENCE, 0), ("bin blue at", 3 / 3), ("bin", 5 / 1), ("bin blue at f two now please", 1 / 7),
     ("", 1)],
)  # fmt: skip
def test_error_rates_are_divided_by_the_length_of_the_transcript(transcript, rate):
    assert wer_over_hypothesis(SENTENCE, transcript) == pytest.approx(rate)


def test_whom_the_words_are_counted_against():
    transcript, reference_transcript = "bin blue at s two now", "bin blue at s two soon"
    mira, svts = OLDER_PROTOCOLS["mira-2021"], OLDER_PROTOCOLS["svts-2022"]
    assert mira.wer(SENTENCE, transcript, reference_transcript) == pytest.approx(1 / 6)
    assert svts.wer(SENTENCE, transcript, reference_transcript) == pytest.approx(1 / 6)
    assert svts.wer(SENTENCE, transcript, transcript) == 0
    assert OLDER_PROTOCOLS["lip2wav-2020"].wer is OLDER_PROTOCOLS["vca-gan-2021"].wer is None


@pytest.mark.grid
@pytest.mark.parametrize("name", OLDER_PROTOCOLS)
def test_real_speech_is_ordered_as_a_listener_would(name, real_clip):
    """The truth, its mel spectrogram made sound again, noise; on a clip that is loud."""
    clip = real_clip("s1/swbv2n")
    assert np.abs(clip / 32768).max() > 0.5, "what wraps around"
    again = np.clip(sound_of(log_mel(clip / 32768)) * 32768, -32768, 32767).astype(np.int16)
    noise = np.random.default_rng(0).normal(0, 1600, 48_000).astype(np.int16)
    best, good, bad = (score(name, clip, sound) for sound in (clip, again, noise))
    for metric in OLDER_PROTOCOLS[name].metrics:
        sign = 1 if metric.better == "up" else -1
        figures = [sign * found[metric.name] for found in (best, good, bad)]
        assert figures == sorted(figures, reverse=True), metric.name
        assert figures[0] - figures[1] < figures[1] - figures[2], metric.name
    stoi = next(metric for metric in best if metric.startswith("stoi"))
    assert best[stoi] == pytest.approx(1)
    assert good[stoi] > 0.8 > 0.5 > bad[stoi]


def test_each_says_what_is_not_known():
    assert len(OLDER_PROTOCOLS) == 4
    assert all(protocol.unknown for protocol in OLDER_PROTOCOLS.values())
