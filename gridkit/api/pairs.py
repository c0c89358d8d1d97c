"""Score one pair of sounds, or of texts, as an evaluation scores a clip."""

import warnings

import numpy as np

from gridkit.api.scores import SoundScore
from gridkit.errors import PairError
from gridkit.evaluation.systems.answers import check_sound
from gridkit.evaluation.systems.contract import RATES_HZ
from gridkit.metrics.normaliser import normalise
from gridkit.metrics.registry import plug_ins
from gridkit.metrics.sound import score_sound
from gridkit.metrics.wer import TextScore, score_text
from gridkit.results.sound_levels import MOST_CLIPPED


def score_sound_pair(
    reference: object, prediction: object, rates_hz: tuple[int, int]
) -> SoundScore:
    """Score a predicted sound.

    Args:
        reference: int16 or float (N,).
        prediction: the same.
        rates_hz: of the reference and of the prediction.

    Raises:
        PairError: one of them cannot be scored.
        MetricError: a metric cannot be computed for them.
    """
    figures = score_sound(
        protocol_samples(reference, rates_hz[0], "reference"),
        protocol_samples(prediction, rates_hz[1], "prediction"),
        plug_ins(),
    )
    return SoundScore.of(figures)


def score_text_pair(reference: object, prediction: object) -> TextScore:
    """Score a predicted sentence.

    Raises:
        PairError: one of them is not text, or the reference has no word.
    """
    if not (isinstance(reference, str) and isinstance(prediction, str)):
        raise PairError(f"{name_types(reference, prediction)}; give two sounds, or two texts")
    if not normalise(reference):
        raise PairError(f"the reference {reference!r} has no word, so it has no error rate")
    return score_text(reference, prediction)


def protocol_samples(sound: object, rate_hz: int, name: str) -> np.ndarray:
    """Return a sound as the protocol scores it: int16 (48000,), 16 kHz.

    Raises:
        PairError: it cannot be scored; the message begins with its name.
    """
    samples = _array(sound, name)
    lowest, highest = RATES_HZ
    if not (isinstance(rate_hz, int | np.integer) and lowest <= rate_hz <= highest):
        raise PairError(f"{name}: rate {rate_hz!r}; give whole Hz from {lowest} to {highest}")
    checked = check_sound(samples, int(rate_hz))
    if checked.samples is None:
        raise PairError(f"{name}: {checked.detail}")
    beyond = float((np.abs(samples) > 1).mean())
    if beyond > MOST_CLIPPED:
        warnings.warn(f"{name}: {beyond:.0%} of it is beyond [-1, 1] and clipped", stacklevel=4)
    return checked.samples


def name_types(reference: object, prediction: object) -> str:
    """Return the beginning of a message about a pair that does not match."""
    return f"reference is {type(reference).__name__}, prediction {type(prediction).__name__}"


def _array(sound: object, name: str) -> np.ndarray:
    """Return a sound as float, full scale 1."""
    try:
        samples = np.asarray(sound)
    except Exception as error:  # of whatever library the sound comes from
        raise PairError(f"{name}: {type(sound).__name__} is not a numpy array: {error}") from error
    if samples.dtype == np.int16:
        return samples / 32768.0
    if samples.dtype.kind != "f":
        raise PairError(f"{name}: dtype {samples.dtype}; give int16, or float in [-1, 1]")
    return samples
