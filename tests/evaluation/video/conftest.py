"""Three clips of tones, results of controls on them, and a scene made by hand."""

import numpy as np
import pytest

from gridkit.corpus.alignment import Word
from gridkit.corpus.splits import grid_split
from gridkit.evaluation.options import Options
from gridkit.evaluation.report.cards import Transcript
from gridkit.evaluation.report.confusion import align_sentence
from gridkit.evaluation.run import evaluate
from gridkit.evaluation.subset import open_subset
from gridkit.evaluation.systems.spec import parse_model
from gridkit.evaluation.video.choice import Choice
from gridkit.evaluation.video.scenes import ORIGINAL, Scene, Take
from gridkit.store.reader import open_corpus

SAID = "bin blue at f two now"


@pytest.fixture(scope="session")
def three(tmp_path_factory, write_corpus):
    """A corpus of the first three test clips of s1, tones and blobs; not to be changed."""
    ids = grid_split("s1").ids("test")[:3]
    return write_corpus(tmp_path_factory.mktemp("three") / "corpus", ids)


@pytest.fixture(scope="session")
def judge(three, tmp_path_factory):
    """Evaluates a control on the three clips, once, and returns its RESULT."""
    subset = open_subset(open_corpus(three), "s1")
    base, made = tmp_path_factory.mktemp("results"), {}

    def run(control, task="v2s"):
        if (control, task) not in made:
            options = Options(recognisers=(), task=task, timed=False, workers=1, allow_missing=True)
            folder = base / f"{control}-{task}"
            made[control, task] = evaluate(
                parse_model(f"control:{control}"), subset, folder, options
            )
        return made[control, task]

    return run


@pytest.fixture
def transcript():
    """Makes what a recogniser heard of SAID."""
    return lambda text: Transcript("ear", align_sentence(SAID, text))


@pytest.fixture
def scene(transcript):
    """The original, a system with sound, one that failed and one that gives text."""
    rng = np.random.default_rng(0)
    time_s = np.arange(48_000) / 16_000
    tones = [(9000 * np.sin(2 * np.pi * pitch * time_s)).astype(np.int16) for pitch in (500, 4000)]
    words = tuple(
        Word(word, 0.4 + 0.3 * place, 0.6 + 0.3 * place) for place, word in enumerate(SAID.split())
    )
    takes = (
        Take(ORIGINAL, tones[0], transcripts=(transcript(SAID),)),
        Take("mine", tones[1], "", (("ESTOI", "0.3"),), (transcript("bin blue at s two now"),)),
        Take("broken", None, "failed on this clip: crash"),
        Take("reader", None, "gives text, not sound", (), (transcript("bin at f two now"),)),
    )
    frames = rng.integers(60, 200, (75, 40, 40, 3)).astype(np.uint8)
    return Scene(Choice("s1/bbaf2n", "Best clip of mine by ESTOI"), SAID, words, frames, takes, "")
