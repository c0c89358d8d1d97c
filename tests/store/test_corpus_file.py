import json
from dataclasses import replace

import pytest

from gridkit import __version__
from gridkit.errors import CorpusError
from gridkit.store.corpus_file import CORPUS_NAME, read_corpus_file, write_corpus_file
from gridkit.store.landmarks_file import LANDMARKS_NAME, read_landmarks_file


def rewrite(folder, **changes):
    path = folder / CORPUS_NAME
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_what_is_written_is_read(pristine, tmp_path):
    corpus = read_corpus_file(pristine)
    write_corpus_file(tmp_path, corpus)
    assert read_corpus_file(tmp_path) == corpus
    assert (tmp_path / CORPUS_NAME).read_bytes() == (pristine / CORPUS_NAME).read_bytes()


def test_counts_add_up_and_shards_have_their_hash(pristine):
    corpus = read_corpus_file(pristine)
    assert corpus.gridkit_version == __version__
    assert corpus.counts.found == 21 == corpus.counts.kept + sum(corpus.counts.rejected.values())
    assert corpus.counts.rejected == {"frame-count": 1, "not-a-sentence": 1}
    assert corpus.counts.flags == {"clipped": 19}
    assert corpus.counts.speakers["s1"].found == 11
    assert corpus.counts.speakers["s1"].kept == 10
    assert sum(entry.rows for entry in corpus.shards.values()) == corpus.counts.kept


def test_splits_have_definition_and_what_is_here(pristine):
    test = read_corpus_file(pristine).splits["s1"].subsets["test"]
    assert (test.clips, test.here) == (100, 2)
    assert test.sha256.startswith("17b73310c72f")


def test_shards_and_speakers_are_read_in_the_order_of_numbers(pristine, tmp_path):
    corpus = read_corpus_file(pristine)
    entry = next(iter(corpus.shards.values()))
    names = [f"data/{speaker}-00000.parquet" for speaker in ("s1", "s2", "s10", "x1")]
    write_corpus_file(tmp_path, replace(corpus, shards=dict.fromkeys(reversed(names), entry)))
    assert list(read_corpus_file(tmp_path).shards) == names


def test_a_newer_corpus_asks_for_an_upgrade(corpus_dir):
    rewrite(corpus_dir, schema_version=2, gridkit_version="9.1.0", invented_later=True)
    with pytest.raises(CorpusError, match=r"made by a newer gridkit \(9\.1\.0.*pip install"):
        read_corpus_file(corpus_dir)


def test_a_newer_schema_is_told_apart_where_the_versions_are_equal(corpus_dir):
    rewrite(corpus_dir, schema_version=2)
    with pytest.raises(CorpusError, match=rf"\({__version__}, schema 2; this is .*, schema 1\)"):
        read_corpus_file(corpus_dir)


def test_what_another_gridkit_made_is_not_said_to_be_damaged_for_sure(corpus_dir):
    rewrite(corpus_dir, gridkit_version="9.1.0", invented_later=True)
    with pytest.raises(CorpusError, match=r"damaged, or not for this gridkit .*: gridkit 9\.1\.0 "):
        read_corpus_file(corpus_dir)
    rewrite(corpus_dir, gridkit_version=__version__)
    with pytest.raises(CorpusError, match="damaged; run gridkit prepare again"):
        read_corpus_file(corpus_dir)


def test_an_unfinished_corpus_says_so(corpus_dir):
    (corpus_dir / CORPUS_NAME).unlink()
    (corpus_dir / ".gridkit").mkdir()
    with pytest.raises(CorpusError, match=r"is not finished.*same gridkit prepare command again"):
        read_corpus_file(corpus_dir)


def test_a_folder_that_is_no_corpus_says_so(tmp_path):
    with pytest.raises(CorpusError, match="not a prepared corpus"):
        read_corpus_file(tmp_path)
    with pytest.raises(CorpusError, match="no such folder"):
        read_corpus_file(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "damage", ["", "{", "[]", "null", '"text"', "{}", '{"schema_version": "one"}', "\udcff"]
)
def test_damage_is_one_line(corpus_dir, damage):
    (corpus_dir / CORPUS_NAME).write_bytes(damage.encode("utf-8", "surrogateescape"))
    with pytest.raises(CorpusError, match=r"corpus\.json: damaged") as caught:
        read_corpus_file(corpus_dir)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["shards", "counts", "splits", "profiles", "manifest_sha256"])
def test_a_lacking_part_is_damage(corpus_dir, key):
    path = corpus_dir / CORPUS_NAME
    content = json.loads(path.read_text())
    del content[key]
    path.write_text(json.dumps(content))
    with pytest.raises(CorpusError, match=r"corpus\.json: damaged"):
        read_corpus_file(corpus_dir)


@pytest.mark.parametrize("damage", ["{", "[]", "{}"])
def test_a_damaged_landmark_file_is_one_line(corpus_dir, damage):
    assert read_landmarks_file(corpus_dir)["licence"].endswith("non-commercial use only")
    (corpus_dir / LANDMARKS_NAME).write_text(damage)
    with pytest.raises(CorpusError, match=r"landmarks-model\.json: damaged"):
        read_landmarks_file(corpus_dir)
