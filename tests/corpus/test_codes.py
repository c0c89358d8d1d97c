"""GRID's 34,000 clips."""

from itertools import product

from gridkit.corpus.codes import (
    SPEAKERS,
    SPEAKERS_WITH_VIDEO,
    clip_id,
    codes_by_speaker,
    rank_key,
    ranked_ids,
    speaker_of,
    split_id,
)
from gridkit.corpus.grammar import SLOTS, is_code


def test_34_speakers_say_1000_distinct_sentences_each() -> None:
    codes = codes_by_speaker()
    assert tuple(codes) == SPEAKERS
    assert all(len(own) == 1_000 and list(own) == sorted(own) for own in codes.values())
    everything = [code for own in codes.values() for code in own]
    assert len(set(everything)) == 34_000
    assert all(map(is_code, everything))
    sentences = ("".join(code) for code in product(*SLOTS))
    assert sum(speaker_of(code) is None for code in sentences) == 30_000


def test_33_speakers_have_video() -> None:
    assert len(SPEAKERS_WITH_VIDEO) == 33
    assert "s21" not in SPEAKERS_WITH_VIDEO


def test_a_code_tells_its_speaker() -> None:
    assert speaker_of("bbaf2n") == "s1"
    assert speaker_of("bbaf2a") == "s4"
    assert speaker_of("bbaa1a") is None
    assert speaker_of("nonsense") is None


def test_ranks_order_ids_by_hash() -> None:
    ranked = ranked_ids("s1")
    assert len(ranked) == 1_000
    assert [rank_key(clip) for clip in ranked] == sorted(rank_key(clip) for clip in ranked)
    assert split_id(clip_id("s1", "bbaf2n")) == ("s1", "bbaf2n")
