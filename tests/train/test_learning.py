"""From nothing to a lipreader: synthesise, prepare, train a little, read a speaker never seen."""

from collections import Counter
from pathlib import Path

import pytest
import torch

from gridkit.cli.main import main
from gridkit.media.codecs import decode_crop
from gridkit.metrics.edit_distance import edit_distance
from gridkit.recipe import load_recipe, load_system, trained_ids
from gridkit.store.reader import open_corpus

RECIPES = Path(__file__).parent.parent.parent / "recipes"
SPLIT = "synthetic-unseen"
QUICK = (
    "training.steps=400", "training.validate_every=200", "training.batch=8",
    "training.learning_rate=4e-3", "training.warmup_steps=50", "training.average_decay=0.97",
    "augmentation.mask_frames=0", "augmentation.contrast=0.1", "augmentation.frame_change=0.0",
)  # fmt: skip


def run(*arguments: object) -> None:
    with pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    assert left.value.code == 0


def majority(texts: list[str]) -> str:
    """The most frequent word of each place: what one can say without looking."""
    places = zip(*(text.split() for text in texts), strict=True)
    return " ".join(Counter(words).most_common(1)[0][0] for words in places)


@pytest.mark.slow
def test_a_short_training_reads_a_speaker_it_never_saw(talking_corpus, tmp_path):
    out = tmp_path / "run"
    settings = [part for one in QUICK for part in ("--set", one)]
    run("train", RECIPES / "lipnet-synthetic", "--data", talking_corpus, "--out", out, "--threads",
        torch.get_num_threads(), *settings)  # fmt: skip
    lipreader = load_system(out, decoding="grammar")  # what is guessed is a sentence as well
    test = list(open_corpus(talking_corpus).clips(SPLIT, "test", profiles=[lipreader.crop]))
    seen = {clip.split("/")[0] for clip in trained_ids(load_recipe(out))}
    assert {clip.speaker for clip in test}.isdisjoint(seen)
    texts = [clip.text for clip in test]
    read = [lipreader(decode_crop(clip.crops[lipreader.crop]).luma) for clip in test]
    guess = majority(texts)

    def wer(given: list[str]) -> float:
        said = [text.split() for text in texts]
        errors = sum(map(edit_distance, said, (text.split() for text in given)))
        return errors / sum(map(len, said))

    assert wer([guess] * len(test)) > 0.65
    assert wer(read) < 0.45
