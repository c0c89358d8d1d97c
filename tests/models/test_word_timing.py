"""Words where the model writes them, against every path there is."""

from itertools import groupby, product

import numpy as np
import pytest

from gridkit.models.alphabet import BLANK, CLASSES, encode
from gridkit.models.decoding import greedy
from gridkit.models.word_timing import align, timed_words


def best_path(log_probs: np.ndarray, labels: list[int]) -> tuple[int, ...]:
    """Of all paths that write the labels, the most probable one."""

    def written(path: tuple[int, ...]) -> list[int]:
        return [label for label, _ in groupby(path) if label != BLANK]

    paths = product(range(log_probs.shape[1]), repeat=len(log_probs))
    fitting = [path for path in paths if written(path) == labels]
    return max(fitting, key=lambda path: log_probs[range(len(path)), path].sum())


@pytest.mark.parametrize("labels", [[1], [1, 2], [2, 2], [1, 1, 2], [2, 1, 2]])
@pytest.mark.parametrize("seed", range(4))
def test_the_path_is_the_best_of_all(labels, seed):
    log_probs = np.log(np.random.default_rng(seed).dirichlet(np.ones(3), 6))
    path = best_path(log_probs, labels)
    runs, start = [], 0
    for label, group in groupby(path):
        stop = start + len(list(group))
        if label != BLANK:
            runs.append(slice(start, stop))
        start = stop
    assert align(log_probs, labels) == runs


def test_a_text_that_does_not_fit_has_no_words():
    log_probs = np.log(np.full((3, CLASSES), 1 / CLASSES))
    assert align(log_probs, [1, 1]) is not None  # a blank between them: three frames
    assert align(log_probs, [1, 1, 1]) is None
    assert timed_words(log_probs, "blue", 25.0) == []
    assert timed_words(log_probs, "", 25.0) == []


def test_words_have_the_times_of_their_characters():
    frames = [*encode("a"), 0, *encode("tt"), 0, *encode("  "), 0, *encode("b")]
    log_probs = np.full((len(frames), CLASSES), -9.0)
    log_probs[np.arange(len(frames)), frames] = -0.1
    log_probs[2:4, frames[2]] = -0.5, -0.7
    first, second = timed_words(log_probs, greedy(log_probs).text, 25.0)
    assert (first.word, first.start_s, first.end_s) == ("at", 0.0, pytest.approx(4 / 25))
    assert first.confidence == pytest.approx(np.exp(-0.5))
    assert (second.word, second.start_s) == ("b", pytest.approx(8 / 25))


def test_times_keep_to_what_is_said_and_confidence_does_not():
    """A model may write the first characters before they are said, as if in advance."""
    frames = [*encode("at"), *[0] * 10, *encode(" b"), *[0] * 4]
    log_probs = np.log(np.full((len(frames), CLASSES), 0.01))
    log_probs[np.arange(len(frames)), frames] = np.log(0.7)
    at, b = timed_words(log_probs, "at b", 25.0, slice(8, 16))
    assert (at.start_s, b.end_s) == (8 / 25, 14 / 25)
    assert at.confidence == pytest.approx(0.7)
    squeezed, _ = timed_words(log_probs, "at b", 25.0, slice(8, 10))
    assert squeezed.start_s == 0.0
