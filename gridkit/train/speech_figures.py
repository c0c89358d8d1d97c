"""How good speech is while a model is trained: stoi, estoi, and what a recogniser makes of it."""

from collections.abc import Iterable, Iterator, Mapping

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
        recogniser: in evaluation mode; it may have had a part in training, and is no judge of
            results.
    """

    def __init__(
        self, references: Iterable[np.ndarray], texts: Iterable[str], recogniser: Recogniser
    ):
        from gridkit.metrics.pair import Sound  # late: a machine that only trains may lack pystoi

        self._references = [Sound.from_int16(samples) for samples in references]
        self._texts = [text.split() for text in texts]
        self._recogniser = recogniser

    def figures(self, sounds: Iterable[np.ndarray]) -> Mapping[str, float]:
        """Return the means of stoi and estoi, and the word error rate by greedy decoding.

        Args:
            sounds: float32 (48000,), -1 to 1, of each clip.
        """
        from gridkit.metrics.pair import Pair, Sound

        predictions = list(sounds)
        scores = []
        for reference, samples in zip(self._references, predictions, strict=True):
            pair = Pair(reference, Sound(samples.astype(np.float64)))
            segments = pair.stoi_segments
            scores.append((reference.speech.stoi(segments), reference.speech.estoi(segments)))
        stoi, estoi = np.mean(scores, axis=0)
        errors = sum(map(edit_distance, self._texts, self._recognised(predictions)))
        words = sum(map(len, self._texts))
        return {"estoi": float(estoi), "stoi": float(stoi), "wer": errors / words}

    def _recognised(self, sounds: list[np.ndarray]) -> Iterator[list[str]]:
        device = self._recogniser.log_mel.window.device
        for start in range(0, len(sounds), RECOGNISED_AT_ONCE):
            batch = np.stack(sounds[start : start + RECOGNISED_AT_ONCE])
            with torch.no_grad():
                output = self._recogniser(torch.from_numpy(batch).to(device))
            for log_probs in output.characters.log_softmax(-1).cpu().numpy():
                yield greedy(log_probs).text.split()
