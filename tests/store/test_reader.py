import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gridkit.corpus.codes import ranked_ids
from gridkit.corpus.splits import import_split
from gridkit.errors import CorpusError
from gridkit.store.parquet import read_row
from gridkit.store.reader import open_corpus


def test_all_clips_come_by_speaker_and_code(pristine, clips):
    ids = [clip.id for clip in open_corpus(pristine).clips()]
    assert ids == sorted(clip.id for clip in clips)


def test_a_subset_has_the_clips_of_its_definition(pristine):
    corpus = open_corpus(pristine)
    test = [clip.id for clip in corpus.clips("s1", "test")]
    assert sorted(test) == sorted(ranked_ids("s1")[:2])
    val = [clip.id for clip in corpus.clips("s1", "val")]
    assert sorted(val) == sorted(ranked_ids("s1")[100:102])
    assert len(list(corpus.clips("s1"))) == 10
    assert {clip.speaker for clip in corpus.clips("unseen", "test")} == {"s2"}


def test_only_wanted_crops_are_there(pristine):
    clip = next(open_corpus(pristine).clips("s1", "test", profiles=["mouth96"]))
    assert set(clip.crops) == {"mouth96"}
    assert next(open_corpus(pristine).clips(profiles=[])).crops == {}


def test_batches_have_the_columns_asked_for(pristine):
    corpus = open_corpus(pristine)
    batches = list(corpus.batches(["id", "text"], split="unseen", subset="train", rows=4))
    assert {tuple(batch.schema.names) for batch in batches} == {("id", "text")}
    assert max(batch.num_rows for batch in batches) <= 4
    assert sum(batch.num_rows for batch in batches) == 13
    whole = next(corpus.batches(split="s1", subset="test"))
    assert {"landmarks", "crop_lipnet", "split_unseen_lipnet"} <= set(whole.schema.names)


def test_shards_of_other_subsets_are_not_opened(corpus_dir):
    for shard in ("s1", "s3", "s9"):
        (corpus_dir / "data" / f"{shard}-00000.parquet").write_bytes(b"not to be read")
    assert len(list(open_corpus(corpus_dir).clips("unseen", "test"))) == 3


def test_splits_are_their_definitions(pristine):
    splits = {split.name: split for split in open_corpus(pristine).splits}
    assert len(splits["s1"].ids("test")) == 100


def test_an_imported_split_is_what_its_column_says(tmp_path, clips, write_corpus):
    one, two = clips[0].id, clips[1].id
    mine = import_split("mine", {"train": one, "test": two})
    write_corpus(tmp_path, clips, imported=[mine])
    corpus = open_corpus(tmp_path)
    assert [clip.id for clip in corpus.clips("mine", "test")] == [two]
    assert next(s for s in corpus.splits if s.name == "mine").subset_of == mine.subset_of


def test_what_is_not_there_is_named(pristine):
    corpus = open_corpus(pristine)
    with pytest.raises(CorpusError, match="no split 'mine'; it has s1, seen4"):
        next(corpus.clips("mine"))
    with pytest.raises(CorpusError, match="no subset 'dev' of a split; it is one of train"):
        next(corpus.clips("s1", "dev"))
    with pytest.raises(CorpusError, match=r"no crop gan \(it has .*gridkit prepare .* --crop gan"):
        next(corpus.clips("s1", profiles=["gan"]))


@pytest.mark.parametrize("rows_per_group", [7, 25, 60])
def test_a_row_is_found_however_large_the_groups_are(tmp_path, rows_per_group):
    path = tmp_path / "shard.parquet"
    table = pa.table({"id": [f"clip {row}" for row in range(60)], "other": list(range(60))})
    pq.write_table(table, path, row_group_size=rows_per_group)
    for row in (0, 6, 7, 24, 25, 26, 59):
        assert read_row(path, row, ["id"]) == {"id": f"clip {row}"}
    with pytest.raises(CorpusError, match="no row 60"):
        read_row(path, 60, ["id"])


def test_a_clip_is_read_by_its_id(pristine, clips):
    corpus = open_corpus(pristine)
    for clip in clips:
        assert corpus.row(clip.id, ["text"]) == {"text": clip.text}
