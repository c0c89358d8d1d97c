"""A made-up voice, noise and delays: signals for what works on sound."""

import numpy as np
import pytest


def make_voice(seed: int = 0, f0_hz: float = 120.0) -> np.ndarray:
    """Syllables of a harmonic voice with moving formants, pauses between; int16 (48000,)."""
    generator = np.random.default_rng(seed)
    time_s = np.arange(48_000) / 16_000
    pitch_hz = f0_hz * (1 + 0.1 * np.sin(2 * np.pi * 0.9 * time_s + generator.uniform(0, 6)))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / 16_000
    knots = np.linspace(0, 3, 16)
    voice = np.zeros(48_000)
    for formant_hz, spread_hz in ((500, 200), (1500, 500), (2600, 400)):
        wander = formant_hz + spread_hz * generator.uniform(-1, 1, len(knots))
        centre_hz = np.interp(time_s, knots, wander)
        for harmonic in range(1, 40):
            voice += np.sin(harmonic * phase) * np.exp(
                -(((harmonic * pitch_hz - centre_hz) / 150) ** 2)
            )
    loudness = np.interp(time_s, knots, generator.choice([0.0, 0.3, 1.0], len(knots)))
    loudness *= (time_s > 0.4) & (time_s < 2.6)
    voice = loudness * voice + 1e-3 * generator.standard_normal(48_000)
    return np.rint(12_000 * voice / np.abs(voice).max()).astype(np.int16)


def add_noise(samples: np.ndarray, snr_db: float, seed: int = 0) -> np.ndarray:
    """The signal plus white noise at this ratio over the whole signal, int16."""
    signal = samples / 32768
    noise = np.random.default_rng(seed).standard_normal(len(signal))
    noise *= np.sqrt((signal**2).sum() / (noise**2).sum() / 10 ** (snr_db / 10))
    return np.clip(np.rint(32768 * (signal + noise)), -32768, 32767).astype(np.int16)


def delay(samples: np.ndarray, count: int) -> np.ndarray:
    """The signal `count` samples late, zeros in front."""
    return np.concatenate([np.zeros(count, samples.dtype), samples[: len(samples) - count]])


@pytest.fixture(scope="session")
def voice() -> np.ndarray:
    return make_voice()


@pytest.fixture(scope="session")
def other_voice() -> np.ndarray:
    return make_voice(seed=1, f0_hz=200.0)


@pytest.fixture(scope="session")
def with_noise():
    return add_noise


@pytest.fixture(scope="session")
def late():
    return delay
