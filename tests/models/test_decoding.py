"""Decoding against independent scores: torch's CTC loss, and sums over every path."""

from itertools import product

import numpy as np
import pytest
import torch

from gridkit.corpus.grammar import SLOTS
from gridkit.models.alphabet import CLASSES, encode
from gridkit.models.decoding import (
    CharacterNgram,
    beam,
    grammar,
    greedy,
    sentence_scores,
)

SENTENCES = [" ".join(words) for words in product(*(slot.values() for slot in SLOTS))]


def peaked(text: str, frames: int, seed: int, sharpness: float) -> np.ndarray:
    """Log-probabilities that lean to a text, with noise."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(frames, CLASSES))
    places = np.linspace(2, frames - 3, len(text)).round().astype(int)
    logits[:, 0] += 1
    logits[places, encode(text)] += sharpness
    return torch.tensor(logits).log_softmax(-1).numpy()


def ctc_scores(log_probs: np.ndarray, texts: list[str]) -> np.ndarray:
    """The log-probability of each text by torch."""
    scores = []
    for start in range(0, len(texts), 4000):
        some = [torch.tensor(encode(text)) for text in texts[start : start + 4000]]
        lengths = torch.tensor([len(text) for text in some])
        loss = torch.nn.functional.ctc_loss(
            torch.tensor(log_probs)[:, None].expand(-1, len(some), -1),
            torch.cat(some),
            torch.full((len(some),), len(log_probs)),
            lengths,
            reduction="none",
        )
        scores.append(-loss.numpy())
    return np.concatenate(scores)


@pytest.mark.parametrize(
    ("text", "frames", "sharpness"),
    [
        ("bin blue at f two now", 75, 6.0),
        ("place green with x three again", 75, 2.0),
        ("set red by e eight soon", 60, 0.0),
    ],
)
def test_grammar_scores_every_sentence_as_ctc_loss_does(text, frames, sharpness):
    log_probs = peaked(text, frames, seed=frames, sharpness=sharpness)
    expected = ctc_scores(log_probs, SENTENCES)
    assert len(expected) == 64_000
    np.testing.assert_allclose(sentence_scores(log_probs).reshape(-1), expected, rtol=1e-9)
    decoded = grammar(log_probs)
    assert decoded.text == SENTENCES[expected.argmax()]
    assert decoded.log_probability == pytest.approx(expected.max())
    share = np.exp(expected - expected.max())
    assert decoded.confidence == pytest.approx(1 / share.sum())


def test_grammar_survives_very_sure_frames():
    log_probs = peaked("lay white in q zero please", 75, seed=1, sharpness=400.0)
    assert grammar(log_probs).text == "lay white in q zero please"


def test_greedy_merges_repeats_unless_a_blank_parts_them():
    frames = [0, *encode("gg"), 0, 0, *encode("r"), *encode("ee"), 0, *encode("e"), *encode("n")]
    log_probs = np.full((len(frames), CLASSES), -9.0)
    log_probs[np.arange(len(frames)), frames] = -0.1
    decoded = greedy(log_probs)
    assert decoded.text == "green"
    assert decoded.log_probability == pytest.approx(-0.1 * len(frames))


def text_of_path(path: tuple[int, ...]) -> tuple[int, ...]:
    merged = [label for index, label in enumerate(path) if index == 0 or path[index - 1] != label]
    return tuple(label for label in merged if label)


def test_wide_beam_finds_the_text_whose_paths_sum_highest():
    characters = [0, *encode("abe")]
    for seed in range(5):
        logits = np.full((5, CLASSES), -60.0)
        logits[:, characters] = np.random.default_rng(seed).normal(size=(5, 4)) * 1.5
        log_probs = torch.tensor(logits).log_softmax(-1).numpy()
        sums: dict[tuple[int, ...], float] = {}
        for path in product(characters, repeat=5):
            text = text_of_path(path)
            total = np.exp(log_probs[np.arange(5), path].sum())
            sums[text] = sums.get(text, 0.0) + total
        best = max(sums, key=lambda text: sums[text])
        found = beam(log_probs, width=400)
        assert tuple(encode(found.text)) == best
        assert found.log_probability == pytest.approx(np.log(sums[best]), abs=1e-6)


def test_ngram_is_a_distribution_and_knows_its_texts():
    ngram = CharacterNgram(SENTENCES[::997], order=4)
    for before in ("", "bin blu", "set green wit", "zzz"):
        total = sum(np.exp(ngram.log_probability(c, before)) for c in " abcdefghijklmnopqrstuvwxyz")
        assert total == pytest.approx(1.0)
    assert ngram.log_probability("e", "bin blu") > np.log(0.9)


def test_ngram_mends_what_the_frames_leave_open():
    log_probs = peaked("bin blue at f two now", 75, seed=3, sharpness=9.0)
    place = np.linspace(2, 72, 21).round().astype(int)[6]  # the u of blue
    log_probs[place] = np.log(1 / CLASSES)
    ngram = CharacterNgram(SENTENCES[::97])
    assert beam(log_probs).text != "bin blue at f two now"
    assert beam(log_probs, ngram, weight=0.8).text == "bin blue at f two now"
