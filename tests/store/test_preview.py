from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gridkit.corpus.alignment import Word
from gridkit.corpus.records import ManifestRow, Status
from gridkit.media.video import Planes
from gridkit.store.corpus_file import read_corpus_file
from gridkit.store.manifest import MANIFEST_NAME, read_manifest
from gridkit.store.preview import (
    PREVIEW_NAME,
    choose_rows,
    longest_word,
    picture_of,
    preview_profile,
    write_preview,
)


def rows_of(counts):
    return [
        ManifestRow(
            f"{s}/{i:03}", f"s{s}/{i:03}", f"s{s}", f"{i:03}", Status.KEPT, shard="a", row=i
        )
        for s, count in enumerate(counts, start=1)
        for i in range(count)
    ]


@settings(deadline=None)
@given(st.lists(st.integers(0, 60), max_size=60))
def test_speakers_share_the_sheet_evenly(counts):
    chosen = choose_rows(rows_of(counts))
    assert len(chosen) == min(48, sum(counts))
    assert len({row.id for row in chosen}) == len(chosen)
    share = Counter(row.speaker for row in chosen)
    for index, count in enumerate(counts, start=1):
        if share[f"s{index}"] < count:  # this one could have given more, so nobody gave two more
            assert max(share.values()) <= share[f"s{index}"] + 1


def test_choice_does_not_depend_on_the_order_of_rows():
    rows = rows_of([100, 3, 80])
    assert choose_rows(rows) == choose_rows(rows[::-1])


def test_clips_are_spread_over_the_codes_of_a_speaker():
    assert [row.row for row in choose_rows(rows_of([100]), 4)] == [0, 25, 50, 75]


def test_rejected_clips_are_not_shown(rejected):
    assert choose_rows(rejected) == ()


def test_longest_word_is_the_first_of_equals():
    words = (Word("bin", 0.0, 0.2), Word("blue", 0.2, 0.5), Word("at", 0.5, 0.8))
    assert longest_word(words).word == "blue"


def test_the_default_profile_stands_for_all():
    assert preview_profile(["gan", "mouth96"]) == "mouth96"
    assert preview_profile(["lipnet", "gan"]) == "gan"


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 180, 40)])
def test_colours_come_out_as_bt601_full_range_says(colour):
    red, green, blue = colour
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    cb, cr = 128 + (blue - luma) / 1.772, 128 + (red - luma) / 1.402
    planes = Planes(
        np.full((1, 4, 4), round(luma), np.uint8),
        np.stack(
            [np.full((1, 2, 2), min(255, round(value)), np.uint8) for value in (cb, cr)], axis=1
        ),
    )
    np.testing.assert_allclose(picture_of(planes, 0)[2, 2], colour[::-1], atol=3)


def test_the_sheet_is_a_picture_with_mouths_in_it(pristine):
    sheet = cv2.imread(str(pristine / PREVIEW_NAME))
    assert sheet.shape[1] > 1000
    dark = (sheet < 60).all(axis=2).mean()
    assert 0.02 < dark < 0.3


def test_the_same_corpus_gives_the_same_picture(corpus_dir):
    before = (corpus_dir / PREVIEW_NAME).read_bytes()
    rows = read_manifest(corpus_dir / MANIFEST_NAME)
    write_preview(corpus_dir, read_corpus_file(corpus_dir), rows[::-1])
    assert (corpus_dir / PREVIEW_NAME).read_bytes() == before


def test_nothing_kept_gives_no_picture(corpus_dir, rejected):
    (corpus_dir / PREVIEW_NAME).unlink()
    write_preview(corpus_dir, read_corpus_file(corpus_dir), rejected)
    assert not (corpus_dir / PREVIEW_NAME).exists()
