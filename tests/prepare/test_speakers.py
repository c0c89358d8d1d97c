"""Who speaks: GRID's speakers, and people whose folders say so, with the words of their own."""

import random
from pathlib import Path

import pytest

from gridkit.corpus.alignment import Word, format_alignment
from gridkit.corpus.codes import codes_by_speaker, speaker_of
from gridkit.corpus.grammar import words_of
from gridkit.corpus.records import Reason
from gridkit.corpus.splits import GRID_SPLIT_NAMES, grid_split, import_split
from gridkit.prepare.alignments import ClipWords, join_alignment
from gridkit.prepare.plan import Plan, make_plan
from gridkit.prepare.rejection import Rejection
from gridkit.prepare.sources import SourceFile, scan
from gridkit.prepare.speakers import ClipName, UnknownClip, identify, named_in

FREE = "bbaa1a"  # no GRID speaker says it
S1, S12 = "bbaf2n", "lrwk5p"


def loose(key: str) -> SourceFile:
    return SourceFile(key, Path(key), None, 1, "0")


def who(*keys: str, source: str = "source") -> list[ClipName | UnknownClip]:
    return [found.who for found in identify([loose(key) for key in keys], source).found]


def notes(*keys: str, source: str = "source") -> tuple[str, ...]:
    return identify([loose(key) for key in keys], source).notes


@pytest.mark.parametrize(
    ("key", "speaker"),
    [
        ("s1/bbaf2n.mpg", "s1"),
        ("s10/video/mpg_6000/bbaf2n.mpg", "s10"),
        ("s1.zip!bbaf2n.mpg", "s1"),
        ("s2.mpg_vcd.zip!s2/bbaf1n.mpg", "s2"),
        ("grid/s3.tar!align/bbas1s.align", "s3"),
        ("s1/s2/bbaf2n.mpg", "s2"),  # the nearest
        ("s1/odd/bbaf2n.mpg", "s1"),  # before any other name
        ("s1_processed/bbaf2n.mpg", "s1"),
        ("x12/bbaa1a.mpg", "x12"),
        ("archives1/bbaf2n.mpg", None),
        ("part 2/mpg_6000/my videos/GRID corpus/bbaf2n.mpg", None),
        ("2024-05-01/bbaf2n.mpg", None),
        ("bbaf2n.mpg", None),
        ("own1/bbaf2n.mpg", "own1"),
        ("Own1/videos/take 2/bbaf2n.mp4", "own1"),
        ("own1_videos/bbaf2n.mp4", "own1"),
        ("own_1/bbaf2n.mp4", "own_1"),
        ("Anna K/bbaf2n.mp4", "anna_k"),
        ("own1.zip!bbaf2n.mp4", "own1"),
        ("recordings.zip!own1/bbaf2n.mp4", "own1"),
        ("07/bbaf2n.mp4", "07"),
    ],
)
def test_the_speaker_is_the_nearest_name_in_the_path(key: str, speaker: str | None) -> None:
    assert named_in(key) == speaker


def test_where_no_folder_names_anyone_the_code_tells_the_speaker_and_it_is_said() -> None:
    assert who("clips/bbaf2n.mpg", "BBAF2N.MPG") == [ClipName("s1", S1)] * 2
    [note] = notes("clips/bbaf2n.mpg", "BBAF2N.MPG")
    assert "2 clips lie in no speaker's folder" in note
    assert notes("s1/bbaf2n.mpg", "s12/lrwk5p.mpg", "x1/bbaa1a.mpg") == ()


def test_two_people_who_read_the_same_sentences_of_grid_stay_two() -> None:
    keys = [f"{name}/{code}.mp4" for name in ("own1", "own2") for code in (S1, S12, FREE)]
    assert who(*keys) == [
        ClipName(name, code) for name in ("own1", "own2") for code in (S1, S12, FREE)
    ]
    [note] = notes(*keys)
    assert "4 clips say sentences of GRID" in note
    assert "own1 own2" in note


@pytest.mark.parametrize("folder", ["anna", "07", "speaker1", "s40", "x3"])
def test_one_who_reads_sentences_of_one_grid_speaker_only_keeps_the_name(folder: str) -> None:
    codes = codes_by_speaker()["s2"][:5]
    assert who(*(f"{folder}/{code}.mp4" for code in codes)) == [
        ClipName(folder, code) for code in codes
    ]


@pytest.mark.parametrize("folder", ["speaker2", "spk_02", "s02", "2"])
def test_a_number_and_nothing_but_the_sentences_of_that_speaker_is_grid(folder: str) -> None:
    codes = codes_by_speaker()["s2"][:5]
    assert who(*(f"{folder}/{code}.mpg" for code in codes)) == [ClipName("s2", c) for c in codes]
    one_more = who(*(f"{folder}/{code}.mpg" for code in (*codes, FREE)))
    assert one_more == [ClipName(folder, code) for code in (*codes, FREE)]


def test_a_folder_of_grid_holds_that_speakers_sentences_only() -> None:
    others, free, odd = who("s2/bbaf2n.mpg", f"s1/{FREE}.mp4", "s1/holiday.mp4")
    assert isinstance(others, UnknownClip)
    assert isinstance(free, UnknownClip)
    assert isinstance(odd, UnknownClip)
    assert others.reason is free.reason is Reason.CODE_MISMATCH
    assert "a sentence of s1, but lies in the folder of s2" in others.detail
    assert f"nobody in GRID says {FREE}" in free.detail
    assert odd.reason is Reason.NOT_A_SENTENCE
    assert "7 characters" in odd.detail


def test_clips_right_in_the_source_are_judged_together() -> None:
    rng = random.Random(0)
    letters = ("bslp", "bgrw", "abiw", "abcdefg", "z123456789", "ansp")
    own = sorted({"".join(map(rng.choice, letters)) for _ in range(40)})
    assert {speaker_of(code) is None for code in own} == {True, False}
    assert who(*(f"{code}.mp4" for code in own), source="anna") == [
        ClipName("anna", code) for code in own
    ]
    grid = codes_by_speaker()["s3"][:40]
    found = who(*(f"{code}.mpg" for code in grid), f"{FREE}.mpg", source="mixture")
    assert found == [*(ClipName("s3", code) for code in grid), ClipName("mixture", FREE)]
    [nobody] = who(f"{FREE}.mp4", source="not a name!")
    assert isinstance(nobody, UnknownClip)


def test_a_folder_that_cannot_be_a_name_is_said() -> None:
    [clip] = who(f"Zo\N{LATIN SMALL LETTER E WITH DIAERESIS}/{S1}.mp4")
    assert isinstance(clip, UnknownClip)
    assert "cannot be the name of a speaker" in clip.detail


def test_own_recordings_are_in_no_split_of_grid() -> None:
    names = [clip.id for clip in who(f"own1/{S1}.mp4", f"own1/{S12}.mp4")]
    assert names == ["own1/bbaf2n", "own1/lrwk5p"]
    for split in map(grid_split, GRID_SPLIT_NAMES):
        assert not set(names) & set(split.subset_of)


def test_a_list_may_name_own_recordings() -> None:
    split = import_split("mine", {"train": f"own1/{S1}\n", "test": f"own2/{S1}\n"})
    assert split.subset_of == {f"own1/{S1}": "train", f"own2/{S1}": "test"}


def align(folder: Path, key: str, start_s: float) -> None:
    path = folder / f"{key}.align"
    path.parent.mkdir(parents=True, exist_ok=True)
    words = enumerate(words_of(path.stem))
    spoken = [Word(word, start_s + 0.2 * i, start_s + 0.2 * i + 0.2) for i, word in words]
    path.write_text(format_alignment(spoken))


def clip(folder: Path, *keys: str) -> None:
    for key in keys:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / f"{key}.mpg").write_bytes(b"x")


def starts(plan: Plan) -> dict[str, float]:
    return {task.id: task.words[0].start_s for batch in plan.batches for task in batch.tasks}


@pytest.mark.parametrize(
    "place", ["align/{}/{}", "{}/align/{}", "{}/{}", "{}_align/{}", "labels/{}/words/{}"]
)
def test_everyone_has_words_of_their_own(tmp_path, place: str) -> None:
    people = {"own1": 0.4, "own2": 0.8, "anna": 1.2}
    for name, start_s in people.items():
        for code in (S1, FREE):
            clip(tmp_path, f"{name}/{code}")
            align(tmp_path, place.format(name, code), start_s)
    plan = make_plan(scan(tmp_path), "source")
    assert starts(plan) == {f"{n}/{c}": s for n, s in people.items() for c in (S1, FREE)}
    assert not plan.rejected
    assert not plan.misfiled_alignments


def test_own_words_do_not_reach_grid_nor_the_other_way_round(tmp_path) -> None:
    clip(tmp_path, f"s1/{S1}", f"own1/{S1}")
    align(tmp_path, f"align/s6/{S1}", 1.0)  # Zenodo's folders are permuted
    align(tmp_path, f"align/own1/{S1}", 0.5)
    assert starts(make_plan(scan(tmp_path), "source")) == {f"s1/{S1}": 1.0, f"own1/{S1}": 0.5}


@pytest.mark.parametrize("place", ["align", "align/s1", "align/own2"])
def test_words_that_may_be_those_of_another_are_not_taken(tmp_path, place: str) -> None:
    clip(tmp_path, f"own1/{S1}", f"own2/{S1}")
    align(tmp_path, f"{place}/{S1}", 0.5)
    plan = make_plan(scan(tmp_path), "source")
    lost = {row.id: row.detail for row in plan.rejected if row.reason is Reason.NO_ALIGNMENT}
    assert set(lost) == {f"own1/{S1}", f"own2/{S1}"} - set(starts(plan))
    assert set(starts(plan)) == ({f"own2/{S1}"} if "own2" in place else set())
    assert "put that of own1 into a folder so named" in lost[f"own1/{S1}"]


def test_words_in_no_folder_are_those_of_the_only_one_who_says_them(tmp_path) -> None:
    clip(tmp_path, f"own1/{S1}", f"own2/{S1}")
    align(tmp_path, f"align/{S1}", 0.5)
    align(tmp_path, f"align/own2/{S1}", 0.9)
    assert starts(make_plan(scan(tmp_path), "source")) == {f"own1/{S1}": 0.5, f"own2/{S1}": 0.9}


def test_grids_own_words_are_not_those_of_someone_elses_recording(tmp_path) -> None:
    align(tmp_path, f"align/s1/{S1}", 0.5)
    clip(tmp_path, f"own1/{S1}")
    files = scan(tmp_path).alignments[S1]
    assert isinstance(join_alignment(ClipName("own1", S1), files, ("own1",)), Rejection)
    assert isinstance(join_alignment(ClipName("s1", S1), files, ("s1",)), ClipWords)
