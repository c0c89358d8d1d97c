"""From a distribution per frame to a text: greedy, beam search, and exactly over GRID's grammar.

All take natural log-probabilities, float (T, 28), of one clip, classes as in alphabet.py. A path
gives each frame a class; its text is what is left when repeats are merged and blanks taken out;
CTC's probability of a text is the sum over its paths.

Source: Graves et al. 2006 (CTC); Hannun et al. 2014, arXiv:1408.2873 (prefix beam search).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np

from gridkit.corpus.grammar import SLOTS
from gridkit.models.alphabet import BLANK, CHARACTERS, CLASSES, decode, encode

NEVER = -1e30
"""The logarithm of 0, made finite: differences of it are not NaN."""


@dataclass(frozen=True)
class Decoded:
    """A text and how sure the decoder is of it."""

    text: str
    log_probability: float
    """Of the best path (greedy), or of the text (beam, grammar)."""
    confidence: float
    """Grammar: the share of this sentence among all 64,000; else the probability above."""


def greedy(log_probs: np.ndarray) -> Decoded:
    """Return the text of the most probable path."""
    best = log_probs.argmax(axis=1)
    starts = np.flatnonzero(np.diff(best, prepend=BLANK) != 0)
    text = decode(index for index in best[starts] if index != BLANK)
    total = float(log_probs.max(axis=1).sum())
    return Decoded(" ".join(text.split()), total, float(np.exp(total)))


# --- exact decoding over the 64,000 sentences of the grammar --------------------------------


@dataclass(frozen=True)
class _Trie:
    """Texts as a tree of characters; node 0 is the empty text, parents come before children."""

    labels: np.ndarray
    """Class of each node, int (N,); that of the root is the blank."""
    parents: np.ndarray
    """Int (N,)."""
    ends: np.ndarray
    """The node where each text ends, int, one per text."""

    @classmethod
    def of(cls, texts: Iterable[str]) -> "_Trie":
        labels, parents, ends = [BLANK], [0], []
        children: dict[tuple[int, int], int] = {}
        for text in texts:
            node = 0
            for label in encode(text):
                if (node, label) not in children:
                    children[node, label] = len(labels)
                    labels.append(label)
                    parents.append(node)
                node = children[node, label]
            ends.append(node)
        return cls(np.array(labels), np.array(parents), np.array(ends))


@cache
def _grammar() -> tuple[tuple[str, ...], tuple[str, ...], _Trie, _Trie]:
    """Return the 1,600 beginnings, the 40 endings, and a trie of each; endings are mirrored."""
    words = [tuple(slot.values()) for slot in SLOTS]
    beginnings = tuple(" ".join(some) + " " for some in product(*words[:4]))
    endings = tuple(" ".join(some) for some in product(*words[4:]))
    return beginnings, endings, _Trie.of(beginnings), _Trie.of(text[::-1] for text in endings)


def grammar(log_probs: np.ndarray) -> Decoded:
    """Return the GRID sentence that CTC holds most probable, summed over all its paths.

    Exact: every sentence is a beginning of four words and a space, and an ending of two words.
    Each of its paths leaves the last character of the beginning after exactly one frame t. So its
    probability is the sum over t of the beginning's forward score at t times the ending's
    backward score from t + 1, and all 64,000 sums are one matrix product.
    """
    beginnings, endings, _, _ = _grammar()
    scores = sentence_scores(log_probs)
    row, column = np.unravel_index(scores.argmax(), scores.shape)
    best = float(scores[row, column])
    total = best + float(np.log(np.exp(scores - best).sum()))
    return Decoded(beginnings[row] + endings[column], best, float(np.exp(best - total)))


def sentence_scores(log_probs: np.ndarray) -> np.ndarray:
    """Return the CTC log-probability of every GRID sentence, (1600, 40), in grammar order."""
    _, _, beginning_trie, ending_trie = _grammar()
    frames = log_probs.astype(np.float64)
    on_last, _ = _forward(frames, beginning_trie)
    # backward over an ending is forward over its mirror image in mirrored time
    on_first, before_first = _forward(frames[::-1], ending_trie)
    left = on_last[:-1]
    right = np.logaddexp(on_first, before_first)[::-1][1:]
    # a maximum per text keeps the products in range; texts differ by hundreds of nats
    left_peak, right_peak = left.max(axis=0), right.max(axis=0)
    with np.errstate(divide="ignore"):
        joined = np.log(np.exp(left - left_peak).T @ np.exp(right - right_peak))
    return np.maximum(joined + left_peak[:, None] + right_peak, NEVER)


def _forward(log_probs: np.ndarray, trie: _Trie) -> tuple[np.ndarray, np.ndarray]:
    """Run CTC's forward pass over all texts of a trie at once.

    Returns:
        For each frame and text, (T, texts): the log-probability of all partial paths that are on
        the text's last character in that frame, and of those on the blank after it.
    """
    labels, parents = trie.labels, trie.parents
    # from a character straight to the next, without a blank, unless they are the same
    skip = np.where((labels[parents] != labels) & (parents != 0), 0.0, NEVER)
    on_label = np.full(len(labels), NEVER)
    on_blank = np.full(len(labels), NEVER)
    on_blank[0] = 0.0  # before the first frame: the empty text
    labels_out = np.empty((len(log_probs), len(trie.ends)))
    blanks_out = np.empty_like(labels_out)
    for time, frame in enumerate(log_probs):
        stay_or_skip = (on_label, on_blank[parents], on_label[parents] + skip)
        on_blank = np.logaddexp(on_blank, on_label) + frame[BLANK]
        on_label = _log_sum(*stay_or_skip) + frame[labels]
        on_label[0] = NEVER
        labels_out[time] = on_label[trie.ends]
        blanks_out[time] = on_blank[trie.ends]
    return labels_out, blanks_out


def _log_sum(first: np.ndarray, second: np.ndarray, third: np.ndarray) -> np.ndarray:
    peak = np.maximum(np.maximum(first, second), third)
    return peak + np.log(np.exp(first - peak) + np.exp(second - peak) + np.exp(third - peak))


# --- beam search ----------------------------------------------------------------------------


class CharacterNgram:
    """How probable a character is after the ones before it, counted in texts.

    Orders are interpolated after Witten and Bell (1991): a context seen with many different
    successors leaves more to the shorter context. Texts begin with a space that is not in them.
    """

    def __init__(self, texts: Iterable[str], order: int = 5):
        self.order = order
        self._counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for text in texts:
            padded = f" {text}"
            for end in range(1, len(padded)):
                for length in range(min(order, end + 1)):
                    self._counts[padded[end - length : end]][padded[end]] += 1
        self._cache: dict[tuple[str, str], float] = {}

    def log_probability(self, character: str, before: str) -> float:
        """Return the natural log-probability of a character after a text."""
        context = f" {before}"[-(self.order - 1) :] if self.order > 1 else ""
        key = context, character
        if key not in self._cache:
            self._cache[key] = float(np.log(self._probability(character, context)))
        return self._cache[key]

    def _probability(self, character: str, context: str) -> float:
        shorter = self._probability(character, context[1:]) if context else 1 / len(CHARACTERS)
        counts = self._counts.get(context)
        if not counts:
            return shorter
        total, kinds = sum(counts.values()), len(counts)
        return (counts.get(character, 0) + kinds * shorter) / (total + kinds)


def beam(
    log_probs: np.ndarray,
    ngram: CharacterNgram | None = None,
    *,
    width: int = 16,
    weight: float = 0.5,
) -> Decoded:
    """Return the best text that prefix beam search finds.

    Args:
        log_probs: (T, 28).
        ngram: a language model of characters; None for CTC alone.
        width: how many texts are followed.
        weight: of the language model's log-probabilities.
    """
    # each text: log-probability of its paths that end in a blank, and in its last character
    beams: dict[str, tuple[float, float]] = {"": (0.0, -np.inf)}
    extra = {"": 0.0}
    for frame in log_probs.astype(np.float64):
        grown: dict[str, list[float]] = defaultdict(lambda: [-np.inf, -np.inf])
        for text, (blank, label) in beams.items():
            both = np.logaddexp(blank, label)
            _add(grown[text], 0, both + frame[BLANK])
            for index in range(1, CLASSES):
                character = CHARACTERS[index - 1]
                longer = text + character
                if longer not in extra:
                    extra[longer] = extra[text] + _prior(ngram, character, text, weight)
                repeats = text[-1:] == character
                if repeats:
                    _add(grown[text], 1, label + frame[index])
                _add(grown[longer], 1, (blank if repeats else both) + frame[index])
        rank = _ranking(grown, extra)
        beams = {
            text: (grown[text][0], grown[text][1])
            for text in sorted(grown, key=rank, reverse=True)[:width]
        }
    best = max(beams, key=_ranking(beams, extra))
    total = float(np.logaddexp(*beams[best]))
    return Decoded(" ".join(best.split()), total, float(np.exp(total)))


def _prior(ngram: CharacterNgram | None, character: str, text: str, weight: float) -> float:
    return 0.0 if ngram is None else weight * ngram.log_probability(character, text)


def _add(pair: list[float], place: int, value: float) -> None:
    pair[place] = float(np.logaddexp(pair[place], value))


def _ranking(
    beams: "dict[str, list[float]] | dict[str, tuple[float, float]]", extra: dict[str, float]
) -> Callable[[str], float]:
    return lambda text: float(np.logaddexp(*beams[text])) + extra[text]
