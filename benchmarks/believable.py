"""How well the page of `gridkit app` tells what a lipreader can read from what it guesses.

    python benchmarks/believable.py CORPUS [--recipe recipes/lipnet-s1]

CORPUS is a prepared corpus with s1 and other speakers. Of each kind of clip: which share is shown
as read, and how many words of those are wrong. Backwards, the same face says nothing of GRID.
"""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

import gridkit
from gridkit.api.corpus import Clip
from gridkit.app.trust import is_believable
from gridkit.corpus.splits import grid_split
from gridkit.media.mouths import Mouths
from gridkit.metrics.edit_distance import edit_distance
from gridkit.models.word_timing import TimedWord
from gridkit.recipe import Lipreader, load_system
from gridkit.recipe.reading import SentenceReader, text_of_words


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("--recipe", type=Path, default=Path("recipes/lipnet-s1"))
    given = parser.parse_args()
    torch.set_num_threads(1)
    lipreader = load_system(given.recipe)
    corpus = gridkit.open_corpus(given.corpus)
    split = grid_split("s1")
    there = set(corpus.ids())
    val, test = (sorted(there & set(split.ids(name))) for name in ("val", "test"))
    others = sorted(clip for clip in there if not clip.startswith("s1/"))
    print(f"{'clips':<24}{'n':>5}  shown as read  wrong words of those")
    for kind, clips, change in (
        ("s1, val", val, _forwards),
        ("s1, test", test, _forwards),
        ("s1, test, backwards", test, _backwards),
        ("other speakers", others, _forwards),
    ):
        _show(kind, [_read(corpus[clip], lipreader, change) for clip in clips])


def _forwards(frames: np.ndarray) -> np.ndarray:
    return frames


def _backwards(frames: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(frames[::-1])


def _read(
    clip: Clip,
    lipreader: Lipreader,
    change: Callable[[np.ndarray], np.ndarray],
) -> tuple[bool, int]:
    """Return whether what was read is shown, and how many of six words are wrong."""
    frames = change(clip.frames(lipreader.crop))
    reader = SentenceReader(lipreader)
    reader.add(Mouths(frames, np.zeros(len(frames), bool)))
    sentences = reader.rest()
    shown = [words for words in sentences if is_believable(words)]
    return bool(shown), edit_distance(clip.text.split(), _words(shown))


def _words(sentences: Sequence[tuple[TimedWord, ...]]) -> list[str]:
    return " ".join(map(text_of_words, sentences)).split()


def _show(kind: str, read: Sequence[tuple[bool, int]]) -> None:
    errors = [wrong for shown, wrong in read if shown]
    wrong = f"{np.sum(errors) / 6 / len(errors):.1%}" if errors else "-"
    print(f"{kind:<24}{len(read):>5}  {len(errors) / len(read):>13.1%}  {wrong:>20}")


if __name__ == "__main__":
    main()
