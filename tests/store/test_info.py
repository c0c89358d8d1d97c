import json
from dataclasses import replace

import pytest

from gridkit.corpus.records import Flag
from gridkit.errors import CorpusError
from gridkit.store.corpus_file import read_corpus_file, write_corpus_file
from gridkit.store.info import FLAG_MEANINGS, corpus_info


def test_sizes_are_those_of_the_shards(pristine):
    info = corpus_info(pristine)
    on_disk = sum(path.stat().st_size for path in (pristine / "data").iterdir())
    assert info.total_bytes == on_disk
    assert set(info.column_bytes) == {"audio", "landmarks", "crop_mouth96", "crop_lipnet", "other"}
    assert 0.8 * on_disk < sum(info.column_bytes.values()) < on_disk


def test_notes_say_what_is_worth_knowing(pristine):
    notes = "\n".join(corpus_info(pristine).notes)
    assert "19 of 19 clips are clipped: samples at full scale" in notes
    assert "3 alignments were in another speaker's folder (s5 <- s6)" in notes
    assert "synthetic" not in notes


def test_a_synthetic_or_half_extended_corpus_is_marked(corpus_dir):
    write_corpus_file(corpus_dir, replace(read_corpus_file(corpus_dir), synthetic=True))
    (corpus_dir / ".gridkit").mkdir()
    one, two, *_ = corpus_info(corpus_dir).notes
    assert "not finished" in one
    assert "no person speaks here" in two


def test_a_split_without_test_clips_is_named(tmp_path, clips, write_corpus):
    write_corpus(tmp_path, [clip for clip in clips if clip.speaker in ("s1", "s3")])
    assert "split unseen has no clip here in val, test" in corpus_info(tmp_path).notes


def test_every_flag_has_a_meaning():
    assert set(FLAG_MEANINGS) == set(Flag)


def test_it_goes_into_json(pristine):
    content = json.loads(json.dumps(corpus_info(pristine).as_dict()))
    assert content["file"]["counts"]["kept"] == 19
    assert content["landmarks"]["licence"].endswith("non-commercial use only")


def test_a_missing_shard_is_one_line(corpus_dir):
    (corpus_dir / "data" / "s2-00000.parquet").unlink()
    with pytest.raises(CorpusError, match=r"s2-00000\.parquet"):
        corpus_info(corpus_dir)
