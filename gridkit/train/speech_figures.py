"""How good speech is while a model is trained: stoi, estoi, and what a recogniser makes of it."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch

from gridkit.metrics.edit_distance import edit_distance
from gridkit.models.decoding import greedy
from gridkit.models.recogniser import Recogniser

RECOGNISED_AT_ONCE = 8


class SpeechJudge:
    """Figures of predicted speech on the same clips, again and again.

    Args:
        references: int16 (48000,) of each clip.
        texts: what is said in each.
        recogniser: in evaluation mode; it may have had a part in training, and is not a judge of
            results. None for no word error rate.
    """

    def __init__(
        self, references: Iterable[np.ndarray], texts: Iterable[str], recogniser: Recogniser | None
    ):
        self._references = [samples / 32768 for samples in references]
        self._texts = [text.split() for text in texts]
        self._recogniser = recogniser

    def figures(self, sounds: Iterable[np.ndarray]) -> dict[str, float]:
        """Return the means of estoi and stoi, and the word error rate by greedy decoding.

        Both means are NaN where pystoi is missing: a machine that only trains may lack it.

        Args:
            sounds: float32 (48000,), -1 to 1, of each clip.
        """
        predictions = list(sounds)
        figures = self._intelligibility(predictions)
        if self._recogniser is not None:
            recognised = self._recognised(self._recogniser, predictions)
            errors = sum(map(edit_distance, self._texts, recognised))
            figures["wer"] = errors / sum(map(len, self._texts))
        return figures

    def _intelligibility(self, predictions: list[np.ndarray]) -> dict[str, float]:
        try:
            from gridkit.metrics.pair import Pair, Sound
        except ImportError:
            return {"estoi": float("nan"), "stoi": float("nan")}
        scores = []
        for reference, prediction in zip(self._references, predictions, strict=True):
            pair = Pair(Sound(reference), Sound(prediction.astype(np.float64)))
            speech, segments = pair.reference.speech, pair.stoi_segments
            scores.append((speech.estoi(segments), speech.stoi(segments)))
        estoi, stoi = np.mean(scores, axis=0)
        return {"estoi": float(estoi), "stoi": float(stoi)}

    @staticmethod
    def _recognised(recogniser: Recogniser, sounds: list[np.ndarray]) -> Iterator[list[str]]:
        device = recogniser.log_mel.window.device
        for start in range(0, len(sounds), RECOGNISED_AT_ONCE):
            batch = np.stack(sounds[start : start + RECOGNISED_AT_ONCE])
            with torch.no_grad():
                output = recogniser(torch.from_numpy(batch).to(device))
            for log_probs in output.characters.log_softmax(-1).cpu().numpy():
                yield greedy(log_probs).text.split()
