"""A check of a submission: an honest one is rescored, and every kind of bad one has its reason."""

import gzip
import hashlib
import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from leaderboard.conftest import CARD, CLIPS, SPLIT
from support.signals import add_noise, make_voice
from support.timings import make_timing

from gridkit.compute.local import Workers
from gridkit.dsp.griffin_lim import sound_of
from gridkit.dsp.mel import log_mel
from gridkit.errors import UsageError
from gridkit.evaluation.subset import open_subset
from gridkit.leaderboard.audits import check_timing, digests_of
from gridkit.leaderboard.board import Known
from gridkit.leaderboard.comparison import chance_likeness
from gridkit.leaderboard.reading.predictions import read_strangers
from gridkit.leaderboard.submission import read_submission
from gridkit.media.samples import to_int16
from gridkit.results.files import read_scored
from gridkit.results.timing import FailedTiming, timing_to_json


def codes(checked):
    return {finding.code for finding in checked.verdict.findings}


def test_an_honest_submission_is_rescored_with_the_very_figures(check, honest_folder):
    checked = check(honest_folder)
    assert (checked.verdict.status, checked.verdict.findings) == ("rescored", ())
    claimed = read_submission(honest_folder).result.metrics
    assert {name: one.value for name, one in checked.scored.result.metrics.items()} == {
        name: one.value for name, one in claimed.items()
    }
    assert checked.scored.result.name == "Honest voice"
    assert sorted(checked.digests) == list(CLIPS)


def test_sound_of_the_recordings_is_rejected(check, submit_sounds, truth):
    """Renamed, with noise, or through a mel spectrogram: what a mouth cannot tell is there."""
    ways = [
        lambda samples: samples,
        lambda samples: add_noise(samples, 20),
        lambda samples: add_noise(samples, 0),
        lambda samples: to_int16(sound_of(log_mel(samples / 32768))),
    ]
    sounds = {clip: ways[i % 4](samples) for i, (clip, samples) in enumerate(truth.items())}
    checked = check(submit_sounds(sounds))
    assert checked.verdict.status == "rejected"
    assert codes(checked) == {"copied"}
    assert checked.verdict.evidence["wave"] > checked.verdict.evidence["wave_shuffled"] + 0.25


def test_a_copy_among_honest_sounds_is_told(check, submit_sounds, truth, honest_folder):
    """A mean over clips would not see it."""
    honest = read_strangers(honest_folder / "predictions.parquet", "v2s", len(CLIPS))
    sounds = {one.id: one.samples for one in honest}
    sounds[CLIPS[2]] = -(truth[CLIPS[2]] // 2)
    checked = check(submit_sounds(sounds))
    assert (checked.verdict.status, codes(checked)) == ("rejected", {"copied"})
    assert checked.verdict.evidence["copied_clips"] == pytest.approx(1 / 6)
    assert "of 17% of the clips" in checked.verdict.findings[0].text


def test_one_sound_for_all_clips_needs_a_person(check, submit_sounds):
    checked = check(submit_sounds(dict.fromkeys(CLIPS, make_voice(9))))
    assert checked.verdict.status == "unverified"
    assert codes(checked) == {"repeated"}


def test_words_that_are_cut_out_and_glued_are_rescored_and_no_more(check, submit_sounds, truth):
    """Parts of other clips in a new order have nothing of the very recording: no audit sees it."""
    recordings = list(truth.values())
    sounds = {}
    for place, clip in enumerate(truth):
        others = recordings[place + 1 :] + recordings[:place]
        sounds[clip] = np.concatenate([others[i % 5][i * 8000 : (i + 1) * 8000] for i in range(6)])
    checked = check(submit_sounds(sounds))
    assert checked.verdict.status in ("rescored", "unverified")
    assert "copied" not in codes(checked)


def test_the_output_of_another_is_told(check, honest_folder):
    scored = digests_in(honest_folder)
    known = Known({}, {"other__one/v1/v2s-six": scored})
    checked = check(honest_folder, known)
    assert (checked.verdict.status, codes(checked)) == ("unverified", {"another's"})
    own = Known({}, {"lab__voice/v0/v2s-six": scored})
    assert check(honest_folder, own).verdict.status == "rescored"


def digests_in(folder):
    return digests_of(read_strangers(folder / "predictions.parquet", "v2s", len(CLIPS)))


def test_a_name_that_looks_like_another_needs_a_person(check, submitted, edit):
    known = Known({"other__one/v1/v2s-six": "LipNet"}, {})
    edit(submitted / "model.json", name="LipNet")
    assert codes(check(submitted, known)) == {"name"}


@pytest.mark.parametrize("part", ["value", "low", "n"])
def test_another_headline_than_the_output_gives_is_rejected(check, submitted, part):
    content = json.loads((submitted / "result.json").read_text())
    content["metrics"]["estoi"][part] += 1 if part == "n" else 0.001
    (submitted / "result.json").write_text(json.dumps(content))
    checked = check(submitted)
    assert (checked.verdict.status, codes(checked)) == ("rejected", {"claim"})
    assert "estoi" in checked.verdict.findings[0].text


def test_lines_that_no_clip_has_are_rejected_as_they_come(check, submitted):
    """However many follow, none is kept."""
    lines = gzip.decompress((submitted / "clips.jsonl.gz").read_bytes())
    for more in (lines.splitlines(keepends=True)[0], b'{"id": "s1/aaaa1a", "status": "scored"}\n'):
        (submitted / "clips.jsonl.gz").write_bytes(gzip.compress(lines + more))
        checked = check(submitted)
        assert (checked.verdict.status, codes(checked)) == ("rejected", {"claim"})
        assert "twice, or not of the split" in checked.verdict.findings[0].text
    (submitted / "clips.jsonl.gz").write_bytes(gzip.compress(lines.partition(b"\n")[2]))
    assert "lacks 1 clips" in check(submitted).verdict.findings[0].text


def test_what_bars_a_rank_is_told_by_the_output_and_not_by_the_claim(check, submit_sounds, edit):
    quiet = {clip: make_voice(i) // 12_000 for i, clip in enumerate(CLIPS)}
    folder = submit_sounds(quiet)
    content = json.loads((folder / "result.json").read_text())
    del content["sound"]
    (folder / "result.json").write_text(json.dumps(content))
    checked = check(folder)
    assert (checked.verdict.status, "caveat" in codes(checked)) == ("unverified", True)


def test_what_only_a_run_could_know_is_not_taken_from_a_claim(check, submitted):
    content = json.loads((submitted / "result.json").read_text())
    content["system"] |= {"isolation": "landlock-7", "stars": 5, "name": "control:reference"}
    (submitted / "result.json").write_text(json.dumps(content))
    system = check(submitted).scored.result.system
    assert (system.name, system.isolation, system.others) == ("Honest voice", None, {})


def test_texts_of_a_submission_stay_on_their_line(check, submitted, edit):
    edit(submitted / "result.json", protocol="x\n\n### forged\n\x1b[31m")
    (finding, *_) = check(submitted).verdict.findings
    assert "\n" in finding.text
    assert "protocol: x ### forged ?[31m" in finding.line


def test_other_figures_of_a_clip_are_rejected(check, submitted):
    lines = gzip.decompress((submitted / "clips.jsonl.gz").read_bytes()).decode().splitlines()
    first = json.loads(lines[0])
    first["metrics"]["estoi"] += 0.2
    changed = "\n".join([json.dumps(first), *lines[1:], ""])
    (submitted / "clips.jsonl.gz").write_bytes(gzip.compress(changed.encode()))
    checked = check(submitted)
    assert (checked.verdict.status, codes(checked)) == ("rejected", {"claim"})


@pytest.mark.parametrize(
    ("entries", "status", "code"),
    [
        ({"uses_text": True}, "rejected", "text"),
        ({"training_speakers": None}, "unverified", "training"),
    ],
)
def test_what_a_system_is_given_and_was_trained_on_counts(
    check, submitted, edit, entries, status, code
):
    edit(submitted / "model.json", **entries)
    checked = check(submitted)
    assert (checked.verdict.status, codes(checked)) == (status, {code})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("protocol", "mira-2021"),
        ("missing", 3),
        ("n", 5),
        ("corpus", {"sha256": "0" * 64, "synthetic": False}),
        ("corpus", {"synthetic": True}),
    ],
)
def test_a_result_of_another_question_is_rejected(check, submitted, edit, key, value):
    edit(submitted / "result.json", **{key: value})
    checked = check(submitted)
    assert (checked.verdict.status, checked.scored) == ("rejected", None)
    assert "question" in codes(checked)


@pytest.mark.parametrize(
    ("timing", "says"),
    [
        (make_timing((0.0, 0.0, 0.0)), "no time"),
        (replace(make_timing((5.0, 6.0, 7.0)), real_time_factor=1e-9), "figures that cannot be"),
        (replace(make_timing((5.0, 6.0, 7.0)), throughput={"8": 1e300}), "figures that cannot be"),
        (replace(make_timing((5.0, 6.0, 7.0)), peak_memory_bytes=-4), "figures that cannot be"),
        (make_timing((5.0,) * 9), "equal times"),
        (replace(make_timing((5.0, 6.0, 7.0)), clock_disputed=True), "disputed"),
        (replace(make_timing((5.0, 6.0, 7.0)), samples_ms=(5.0, 8.0, 9.0)), "percentiles"),
        (
            replace(make_timing((5.0, 6.0, 7.0)), environment={"device": "cuda:0 of somebody"}),
            "device",
        ),
    ],
)
def test_times_that_cannot_be_need_a_person(check, submitted, timing, says):
    (submitted / "timing.json").write_text(timing_to_json(timing))
    checked = check(submitted)
    assert (checked.verdict.status, codes(checked)) == ("unverified", {"timing"})
    assert says in " ".join(finding.text for finding in checked.verdict.findings)


@pytest.mark.parametrize(
    "timing",
    [
        FailedTiming("x" * 100_000),
        replace(make_timing((5.0, 6.0, 7.0)), environment={"device": "CPU " * 1_000}),
        replace(make_timing((5.0, 6.0, 7.0)), environment={"x" * 1_000: 1}),
        replace(make_timing((5.0, 6.0, 7.0)), failed={f"f{i}": 1 for i in range(1_000)}),
        replace(make_timing((5.0, 6.0, 7.0)), throughput={str(i): 1.0 for i in range(1_000)}),
    ],
)
def test_times_that_no_page_could_show_are_rejected(submitted, timing):
    (submitted / "timing.json").write_text(timing_to_json(timing))
    found = list(check_timing(read_submission(submitted)))
    assert ("rejected", "timing") in {(one.status, one.code) for one in found}
    assert all(len(one.line) < 200 for one in found)


def test_a_crop_that_is_no_profile_is_rejected(check, submitted):
    content = json.loads((submitted / "result.json").read_text())
    content["system"]["crop"] = "<b>mouth</b>" * 1_000
    (submitted / "result.json").write_text(json.dumps(content))
    checked = check(submitted)
    assert (checked.verdict.status, codes(checked)) == ("rejected", {"question"})


def test_an_organisation_that_looks_like_another_needs_a_person(check, submitted):
    known = Known({"1ab__other/v1/v2s-six": "Other"}, {})
    assert codes(check(submitted, known)) == {"name"}


def test_a_file_that_is_larger_than_its_clips_can_be_is_not_even_fetched(check, submitted, edit):
    large = {"uri": f"hf:a/b@{'0' * 40}/p.parquet", "bytes": 7 << 30}
    edit(submitted / "predictions.json", **large)
    checked = check(submitted)
    assert (checked.verdict.status, codes(checked)) == ("rejected", {"predictions"})
    assert "6 clips take at most" in checked.verdict.findings[0].text


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        ((*CLIPS[:5], CLIPS[0]), f"{CLIPS[0]}, twice"),
        ((*CLIPS[:5], "s1/bbaf2n"), "s1/bbaf2n, which is not of the split"),
        (CLIPS[:5], f"lacks 1 clips, {CLIPS[5]} the first"),
    ],
)
def test_every_clip_is_there_once_and_no_other(check, submitted, edit, ids, says):
    path = submitted / "predictions.parquet"
    answers = pq.read_table(path)["flac"].to_pylist()[: len(ids)]
    pq.write_table(pa.table({"id": list(ids), "flac": pa.array(answers, pa.binary())}), path)
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    edit(submitted / "predictions.json", sha256=digest, bytes=len(content))
    checked = check(submitted)
    assert (checked.verdict.status, codes(checked)) == ("rejected", {"ids"})
    assert says in checked.verdict.findings[0].text


def test_other_predictions_are_read_although_the_folder_knows_earlier_ones(check, submitted, edit):
    assert check(submitted).verdict.status == "rescored"
    garbage = b"no parquet"
    (submitted / "predictions.parquet").write_bytes(garbage)
    digest = hashlib.sha256(garbage).hexdigest()
    edit(submitted / "predictions.json", sha256=digest, bytes=len(garbage))
    assert check(submitted).verdict.status == "rejected"


def test_a_killed_check_goes_on_from_what_it_took(check, submitted):
    first = check(submitted)
    (submitted / "predictions.parquet").unlink()
    again = check(submitted)
    assert again.verdict == first.verdict


def test_a_corpus_without_the_split_is_an_error_and_no_verdict(check, submitted, edit):
    folder = submitted.rename(submitted.with_name("v2s-s1"))
    edit(folder / "result.json", split={"name": "s1", "subset": "test"})
    with pytest.raises(UsageError, match="lacks 94 clips of s1:test"):
        check(folder)


def test_the_honest_result_is_what_is_submitted(honest_result, honest_folder):
    scored, submission = read_scored(honest_result), read_submission(honest_folder)
    assert submission.result.metrics == scored.result.metrics
    assert [clip.metrics for clip in submission.clips()] == [clip.metrics for clip in scored.clips]
    assert submission.card == CARD


def test_the_likeness_by_chance_is_computed_once_and_again_where_it_is_damaged(
    voices, tmp_path, monkeypatch
):
    monkeypatch.setenv("GRIDKIT_CACHE", str(tmp_path / "cache"))
    subset = open_subset(voices, SPLIT)
    with Workers(1) as workers:
        found = chance_likeness(subset, workers)
    assert 0 < found.fine < found.wave < found.mel < 1
    nobody = None  # who could not compute it
    assert chance_likeness(subset, nobody) == found
    (path,) = (tmp_path / "cache" / "likeness").iterdir()
    path.write_text('{"wave": 0.5}')
    with Workers(1) as workers:
        assert chance_likeness(subset, workers) == found
