"""Older protocols, to compare a system with the figures that a paper printed.

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


def wer_over_hypothesis(sentence: str, transcript: str) -> float:
    """Return word errors divided by the length of the transcript; 1 where that is empty.

    >>> wer_over_hypothesis("bin blue at f two now", "bin blue at")
    1.0
    """
    sentence, transcript = normalise(sentence), normalise(transcript)
    if not sentence or not transcript:
        return float(sentence != transcript)
    counted = jiwer.process_words(sentence, transcript)
    edits = counted.substitutions + counted.deletions + counted.insertions
    return edits / len(transcript.split())


def _against_sentence(sentence: str, transcript: str, reference_transcript: str) -> float:
    del reference_transcript
    return wer_over_hypothesis(sentence, transcript)


def _against_reference_transcript(
    sentence: str, transcript: str, reference_transcript: str
) -> float:
    del sentence
    return wer_over_hypothesis(reference_transcript, transcript)


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
            _against_reference_transcript,
            "its recogniser, and which of the three PESQ it printed",
        ),
    )
}
