"""What a comparison video takes from results and the corpus, and what it refuses."""

import shutil
from dataclasses import replace

import pytest
from support.small_corpus import make_clip
from support.small_corpus import write_corpus as write_clips

from gridkit.errors import CorpusError, ResultError
from gridkit.evaluation.predictions.records import Prediction
from gridkit.evaluation.question import TRUE_AUDIO_FILE
from gridkit.evaluation.video.choice import Choice
from gridkit.evaluation.video.scenes import (
    Source,
    check_corpus,
    credit,
    largest_profile,
    open_sources,
    read_scene,
    take_of,
    true_audio_scores,
)
from gridkit.results.files import clip_to_line, read_scored
from gridkit.results.records import ClipScore
from gridkit.store.reader import open_corpus


@pytest.fixture
def choices(judge):
    return tuple(Choice(clip) for clip in judge("noise").table.ids)


@pytest.fixture
def moved(judge, tmp_path):
    """A RESULT that a test may change."""
    shutil.copytree(judge("noise").folder, tmp_path / "noise")
    return tmp_path / "noise"


def test_a_scene_has_the_clip_and_each_result(three, judge, choices):
    corpus = open_corpus(three)
    results = [judge("shuffled"), judge("silence")]
    sources = open_sources(results, ["one", "two"], choices)
    scene = read_scene(corpus, sources, choices[1], {})
    clip = make_clip(choices[1].id)
    assert (scene.sentence, scene.words) == (clip.text, clip.words)
    assert scene.frames.shape == (75, 96, 96, 3)
    assert [take.name for take in scene.takes] == ["original", "one", "two"]
    original, shuffled, silence = (take.samples for take in scene.takes)
    assert original.any()
    assert not (shuffled == original).all()
    assert not silence.any()
    assert scene.takes[1].figures[0][0] == "ESTOI"


def test_the_largest_crop_is_shown(three):
    file = open_corpus(three).file
    assert set(file.profiles) == {"mouth96", "lipnet"}
    assert largest_profile(file) == "mouth96"
    face = {"width_px": 128, "height_px": 128}
    assert largest_profile(replace(file, profiles={**file.profiles, "face128": face})) == "face128"


def test_a_clip_that_failed_and_a_system_that_gives_text(choices):
    text = ClipScore("s1/bbaf2n", "scored", counts={"wer": (1, 6)}, text={"system": "bin blue"})
    failed = ClipScore("s1/bbaf3s", "failed", "hang")
    source = Source(
        "reader",
        "wer",
        {clip.id: clip for clip in (text, failed)},
        {
            "s1/bbaf2n": Prediction("s1/bbaf2n", text="bin blue"),
            "s1/bbaf3s": Prediction("s1/bbaf3s", failure="hang"),
        },
    )
    take = take_of(source, "s1/bbaf2n")
    assert (take.samples, take.why_silent) == (None, "gives text, not sound")
    assert take.figures == (("WER", "16.7 %"),)
    assert [word.right for word in take.transcripts[0].words] == [True, True] + 4 * [False]
    assert take_of(source, "s1/bbaf3s").why_silent == "failed on this clip: hang"


def test_what_was_heard_in_the_original_is_taken_from_the_run_that_asked(judge, moved, choices):
    heard = [ClipScore(choice.id, "scored", text={"ear": "bin"}) for choice in choices]
    (moved / TRUE_AUDIO_FILE).write_text("".join(map(clip_to_line, heard)))
    results = [judge("shuffled"), read_scored(moved)]
    assert true_audio_scores(results, choices[:1]) == {choices[0].id: heard[0]}
    assert true_audio_scores(results[:1], choices) == {}


def test_a_result_without_predictions_says_how_to_save_them(moved, choices):
    shutil.rmtree(moved / "predictions")
    with pytest.raises(ResultError) as error:
        open_sources([read_scored(moved)], ["noise"], choices)
    assert str(error.value) == (
        f"{moved} has no saved predictions, so there is nothing to play; run `gridkit evaluate` "
        f"again with --out {moved}: it saves them in predictions/"
    )


def test_a_result_that_lacks_one_prediction(judge):
    with pytest.raises(ResultError, match="has no prediction of s1/zzzz9z; run `gridkit evaluate`"):
        open_sources([judge("noise")], ["noise"], [Choice("s1/zzzz9z")])


def test_another_corpus_is_refused(three, judge, tmp_path):
    scored = judge("noise")
    check_corpus(open_corpus(three), scored)
    ids = scored.table.ids
    write_clips(tmp_path / "fewer", [make_clip(clip) for clip in ids[:2]])
    with pytest.raises(CorpusError, match=r"fewer lacks 1 of the 3 clips that .* was scored on"):
        check_corpus(open_corpus(tmp_path / "fewer"), scored)
    other = replace(make_clip(ids[0]), audio_flac=make_clip("s2/bbaf1n").audio_flac)
    write_clips(tmp_path / "other", [other, *map(make_clip, ids[1:])])
    with pytest.raises(CorpusError, match=r"other has other sound than what .* was scored on"):
        check_corpus(open_corpus(tmp_path / "other"), scored)
    write_clips(tmp_path / "blind", [make_clip(clip, ()) for clip in ids], profiles=())
    with pytest.raises(CorpusError, match="has no crop to show; add one: gridkit prepare"):
        check_corpus(open_corpus(tmp_path / "blind"), scored)


def test_clips_of_grid_carry_their_licence(three):
    file = open_corpus(three).file
    assert "CC BY 4.0" in credit(file)
    assert "Synthetic" in credit(replace(file, synthetic=True))
