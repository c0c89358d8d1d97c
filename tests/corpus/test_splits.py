"""Splits: the pinned hashes, the published counts, imported lists, leaks."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkit.corpus.codes import ranked_ids, speaker_of, split_id
from gridkit.corpus.splits import (
    GRID_SPLIT_NAMES,
    SUBSETS,
    Split,
    check_leaks,
    grid_split,
    hash_ids,
    import_split,
    parse_list_line,
    synthetic_splits,
)
from gridkit.errors import SplitError

PINNED = Path(__file__).parent.parent / "data" / "split_hashes.tsv"


def test_every_built_in_split_has_its_pinned_counts_and_hashes() -> None:
    with PINNED.open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert {row["split"] for row in rows} == set(GRID_SPLIT_NAMES)
    assert len(rows) == 3 * len(GRID_SPLIT_NAMES)
    for row in rows:
        split = grid_split(row["split"])
        assert split.counts()[row["subset"]] == int(row["clips"])
        assert split.sha256(row["subset"]) == row["sha256"]


@pytest.mark.parametrize("name", GRID_SPLIT_NAMES)
def test_no_built_in_split_leaks(name: str) -> None:
    split = grid_split(name)
    check_leaks(split)
    assert all(speaker_of(split_id(clip)[1]) == split_id(clip)[0] for clip in split.subset_of)


def test_a_hash_does_not_depend_on_the_order_and_ends_every_id_with_lf() -> None:
    assert hash_ids(["s1/b", "s1/a"]) == hash_ids(["s1/a", "s1/b"])
    assert hash_ids(["a"]) == "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7"


def test_an_unknown_split_names_the_known_ones() -> None:
    with pytest.raises(SplitError, match="unseen-lipnet"):
        grid_split("seen5")


@pytest.mark.grid
def test_vipl_lists_give_the_overlapped_split(grid_dir) -> None:
    lists = {
        "train": (grid_dir / "splits" / "overlap_train.txt").read_text(),
        "test": (grid_dir / "splits" / "overlap_val.txt").read_text(),
    }
    imported = import_split("vipl", lists)
    built_in = grid_split("overlapped")
    assert imported.ids("test") == built_in.ids("test")
    assert set(imported.ids("train")) == {*built_in.ids("train"), *built_in.ids("val")}


@pytest.mark.grid
def test_vipl_unseen_lists_are_part_of_unseen_lipnet(grid_dir) -> None:
    text = (grid_dir / "splits" / "unseen_val.txt").read_text()
    imported = import_split("vipl", {"test": text})
    assert len(imported.ids("test")) == 3_986
    assert set(imported.ids("test")) < set(grid_split("unseen-lipnet").ids("test"))


@pytest.mark.parametrize(
    ("line", "clip", "subset"),
    [
        ("s14/video/mpg_6000/srwt9p", "s14/srwt9p", None),  # VIPL
        ("s1/video/bwim6p.mp4", "s1/bwim6p", None),  # VCA-GAN, four speakers
        ("val/s20/prwo5p", "s20/prwo5p", "val"),  # VCA-GAN, unseen
        ("s1/bbaf2n BIN BLUE AT F TWO NOW", "s1/bbaf2n", None),  # mpc001
        ("s1/bbaf2n\ttest", "s1/bbaf2n", "test"),  # gridkit
    ],
)
def test_every_layout_in_the_wild_is_read(line: str, clip: str, subset: str | None) -> None:
    assert speaker_of(clip[-6:]) == clip.split("/")[0]
    assert parse_list_line(line) == (clip, subset)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_cr_and_lf_both_end_a_line(end: str) -> None:
    text = end.join(["s1/bbaf2n\ttest", "s1/bbaf3s\ttrain", ""])
    assert import_split("mine", {"": text}).counts() == {"train": 1, "val": 0, "test": 1}


@pytest.mark.parametrize(
    ("lists", "why"),
    [
        ({"train": "s1/bbaf2n\n", "test": "s1/bbaf2n\n"}, "is in train and in test"),
        ({"": "s1/bbaf2n\n"}, "no subset"),
        ({"train": "s1/nonsense\n"}, "line 1"),
        ({"train": "s2/bbaf2n\n"}, "a sentence of s1"),
        ({"train": "bbaf2n\n"}, "expected a path"),
        ({"train": "\n"}, "no clip in it"),
    ],
)
def test_a_bad_list_says_what_and_where(lists: dict[str, str], why: str) -> None:
    with pytest.raises(SplitError, match=why):
        import_split("mine", lists)


def test_a_test_speaker_in_train_is_a_leak_where_the_split_says_unseen() -> None:
    lists = {"train": "s1/bbaf2n\n", "test": "s1/bbaf3s\n"}
    import_split("mine", lists)
    with pytest.raises(SplitError, match="test speakers also in train or val: s1"):
        import_split("mine", lists, unseen_speakers=True)
    with pytest.raises(SplitError, match="s1"):
        check_leaks(Split("mine", {"s1/a": "val", "s1/b": "test"}, True, ""))


def synthetic_ids(speakers: int, clips: int) -> list[str]:
    codes = [clip.split("/")[1] for clip in ranked_ids("s1")]
    return [f"x{speaker}/{code}" for speaker in range(1, speakers + 1) for code in codes[:clips]]


@given(speakers=st.integers(1, 9), clips=st.integers(3, 60))
def test_synthetic_splits_cover_every_clip_and_do_not_leak(speakers: int, clips: int) -> None:
    ids = synthetic_ids(speakers, clips)
    seen, unseen = synthetic_splits([*ids, "s1/bbaf2n"])
    for split in (seen, unseen):
        assert set(split.subset_of) == set(ids)
        check_leaks(split)
    tenth = max(1, round(clips / 10))
    assert seen.counts()["test"] == seen.counts()["val"] == speakers * tenth
    test_speakers = {split_id(clip)[0] for clip in unseen.ids("test")}
    expected = max(1, speakers // 4) if speakers > 1 else 0
    assert test_speakers == {f"x{n}" for n in range(speakers - expected + 1, speakers + 1)}


def test_subsets_are_train_val_test() -> None:
    assert SUBSETS == ("train", "val", "test")
