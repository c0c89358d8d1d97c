"""Older protocols, to set a system beside the figures that a paper printed.

Each repeats what was seen in published scoring code, mistakes included; none is ever mixed with
`gridkit-1` in one ranked column. Every clip here is 48,000 samples, references and predictions
alike, so where a paper trimmed to the shorter signal nothing is left to trim. See docs/protocol.md
section 5.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jiwer

from gridkit.metrics.metric import Metric
from gridkit.metrics.normaliser import normalise
from gridkit.metrics.older_metrics import MFCC_DISTANCE, PESQ_NB_16K, STOI_WRAPPED
from gridkit.metrics.registry import SOUND_METRICS


@dataclass(frozen=True)
class OlderProtocol:
    """How one group scored."""

    name: str
    metrics: tuple[Metric, ...]
    """What is computed of a sound, raw."""
    wer: Callable[[str, str, str], float] | None
    """From the sentence, the transcript of the prediction and the transcript of the reference audio
    to a rate of this clip, averaged over clips; None: not reproduced."""
    unknown: str
    """What is not known of it, or cannot be done here."""


def wer_over_hypothesis(sentence: str, heard: str) -> float:
    """Return word errors over the words heard, not said; 1 where nothing was heard.

    >>> wer_over_hypothesis("bin blue at f two now", "bin blue at")
    1.0
    """
    sentence, heard = normalise(sentence), normalise(heard)
    if not sentence or not heard:
        return float(sentence != heard)
    counted = jiwer.process_words(sentence, heard)
    edits = counted.substitutions + counted.deletions + counted.insertions
    return edits / len(heard.split())


def _against_sentence(sentence: str, heard: str, heard_true: str) -> float:
    del heard_true
    return wer_over_hypothesis(sentence, heard)


def _against_heard(sentence: str, heard: str, heard_true: str) -> float:
    del sentence
    return wer_over_hypothesis(heard_true, heard)


_BY_NAME = {metric.name: metric for metric in SOUND_METRICS}

OLDER_PROTOCOLS: Mapping[str, OlderProtocol] = {
    protocol.name: protocol
    for protocol in (
        OlderProtocol(
            "lip2wav-2020",
            (PESQ_NB_16K, _BY_NAME["stoi"]),
            None,
            "its split and its WER's recogniser were never released",
        ),
        OlderProtocol(
            "mira-2021",
            (_BY_NAME["pesq_nb_raw"], STOI_WRAPPED, MFCC_DISTANCE),
            _against_sentence,
            "its recogniser; the mfcc distance is in no unit; a clip on which PESQ failed was 0",
        ),
        OlderProtocol(
            "vca-gan-2021",
            (_BY_NAME["pesq_nb"], _BY_NAME["stoi"]),
            None,
            "its recogniser takes mel spectrograms, so its WER is not reproduced",
        ),
        OlderProtocol(
            "svts-2022",
            (_BY_NAME["pesq_nb_raw"], _BY_NAME["pesq_nb"], _BY_NAME["pesq_wb"], _BY_NAME["stoi"]),
            _against_heard,
            "its recogniser, and which of the three PESQ it printed",
        ),
    )
}
