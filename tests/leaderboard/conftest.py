"""A corpus of made-up voices, what an honest system and others say there, and submissions of it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from support import small_corpus
from support.signals import make_voice
from support.timings import make_timing

from gridkit.corpus.codes import ranked_ids
from gridkit.corpus.splits import Split
from gridkit.evaluation.options import Options
from gridkit.evaluation.predictions.files import PredictionWriter
from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.run import evaluate
from gridkit.evaluation.subset import open_subset
from gridkit.evaluation.systems.spec import parse_model
from gridkit.leaderboard import verify as verifying
from gridkit.leaderboard.board import Known
from gridkit.leaderboard.model_card import ModelCard
from gridkit.leaderboard.submission import Address, read_submission
from gridkit.leaderboard.submit import write_submission
from gridkit.leaderboard.verify import verify
from gridkit.media.codecs import encode_flac
from gridkit.results.timing import write_timing
from gridkit.store.reader import open_corpus

CLIPS = tuple(sorted(ranked_ids("s1")[:6]))
SPLIT = "six"
CARD = ModelCard("Honest voice", ("A. Author",), "MIT", ("s1",))
NOTHING_KNOWN = Known({}, {})


@pytest.fixture(autouse=True)
def no_recogniser(monkeypatch):
    """Words take long to recognise, and are checked as every other figure is."""
    monkeypatch.setattr(verifying, "_recognisers", lambda claimed: ())


@pytest.fixture(scope="session")
def voices(make_once):
    """A corpus whose split `six` tests six clips, each a voice of its own pitch."""

    def write(folder):
        clips = [
            replace(
                small_corpus.make_clip(clip, ("mouth96",)),
                audio_flac=encode_flac(make_voice(place, 95 + 17 * place)),
            )
            for place, clip in enumerate(CLIPS)
        ]
        split = Split(SPLIT, dict.fromkeys(CLIPS, "test"), False, "six clips of s1")
        small_corpus.write_corpus(folder, clips, profiles=("mouth96",), imported=[split])

    return open_corpus(make_once("voices", write))


@pytest.fixture(scope="session")
def truth(voices):
    """Clip to its recording."""
    return {one.id: one.samples for one in open_subset(voices, SPLIT).references()}


@pytest.fixture(scope="session")
def score_sounds(voices):
    """Writes a RESULT of these sounds: of some system that ran elsewhere."""

    def score(folder: Path, sounds) -> Path:
        writer = PredictionWriter(folder / "given")
        for clip, samples in sounds.items():
            writer.add(Prediction(clip, samples=samples))
        writer.finish()
        options = Options(recognisers=(), timed=False, workers=1)
        spec = parse_model(f"predictions:{folder / 'given'}")
        evaluate(spec, open_subset(voices, SPLIT), folder / "result", options)
        write_timing(folder / "result", make_timing((5.0, 5.1, 5.3)))
        return folder / "result"

    return score


@pytest.fixture(scope="session")
def honest_result(make_once, score_sounds):
    """A RESULT of sounds that have nothing of the recordings; not to be changed."""

    def write(folder):
        sounds = {clip: make_voice(90 + i, 210 + 7 * i) for i, clip in enumerate(CLIPS)}
        score_sounds(folder, sounds)

    return make_once("honest", write) / "result"


@pytest.fixture(scope="session")
def honest_folder(make_once, honest_result):
    """A whole submission of it; not to be changed."""
    address = Address("lab", "voice", "v1", "v2s", SPLIT)
    root = make_once("submitted", lambda root: write_submission(honest_result, root, address, CARD))
    return root / address.path


@pytest.fixture
def submitted(tmp_path, honest_folder):
    """A copy of the honest submission, to be spoilt."""
    folder = tmp_path / "lab__voice" / "v1" / f"v2s-{SPLIT}"
    shutil.copytree(honest_folder, folder)
    return folder


@pytest.fixture
def submit_sounds(tmp_path, score_sounds):
    """Submits other sounds, with the figures that they truly have."""

    def submit(sounds, card=CARD, org="lab"):
        result = score_sounds(tmp_path / "other", sounds)
        address = Address(org, "voice", "v1", "v2s", SPLIT)
        return write_submission(result, tmp_path / "submissions", address, card)

    return submit


@pytest.fixture
def check(tmp_path, voices):
    """Verifies a submission."""

    def run(folder, known=NOTHING_KNOWN):
        return verify(folder, voices, tmp_path / "work", known, workers=1)

    return run


@pytest.fixture
def edit():
    """Changes entries of a JSON file."""

    def change(path, **entries):
        content = json.loads(path.read_text()) | entries
        path.write_text(json.dumps(content))

    return change


@pytest.fixture
def card_of():
    """The card that a submission has."""
    return lambda folder: read_submission(folder).card
