"""Each test plants one damage and expects exactly the finding that names it."""

import io
import json
from dataclasses import asdict, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from support.small_corpus import layout_1, write_corpus

from gridkit.corpus.records import Reason, Status
from gridkit.corpus.splits import import_split
from gridkit.errors import CorpusError
from gridkit.media.codecs import encode_crop, encode_flac
from gridkit.media.video import Planes
from gridkit.store.corpus_file import CORPUS_NAME, read_corpus_file, write_corpus_file
from gridkit.store.files import file_sha256
from gridkit.store.manifest import MANIFEST_NAME, read_manifest, write_manifest
from gridkit.store.summary import count_rows
from gridkit.store.validate import validate

SHARD = "data/s2-00000.parquet"


def findings(folder, *, decode=False):
    return [str(finding) for finding in validate(folder, decode=decode).findings]


def list_again(folder, shard=SHARD):
    """Make `corpus.json` say that a changed shard was written so."""
    file = read_corpus_file(folder)
    entry = replace(
        file.shards[shard],
        bytes=(folder / shard).stat().st_size,
        sha256=file_sha256(folder / shard),
    )
    write_corpus_file(folder, replace(file, shards={**file.shards, shard: entry}))


def change_shard(folder, change, shard=SHARD):
    """Change the rows of a shard, and hide that it was changed."""
    table = pq.read_table(folder / shard)
    landmarks = table.column("landmarks")
    plain = table.drop_columns(["landmarks"])
    rows = plain.to_pylist()
    change(rows)
    changed = pa.Table.from_pylist(rows, schema=plain.schema)
    position = table.schema.get_field_index("landmarks")
    changed = changed.add_column(position, table.schema.field("landmarks"), landmarks)
    pq.write_table(changed, folder / shard)
    list_again(folder, shard)


def set_in_row(folder, row=0, **values):
    change_shard(folder, lambda rows: rows[row].update(values))


def change_manifest(folder, change):
    """Change manifest rows, and hide that they were changed."""
    file = read_corpus_file(folder)
    rows = [change(row) for row in read_manifest(folder / MANIFEST_NAME)]
    digest = write_manifest(
        folder / MANIFEST_NAME, [row for row in rows if row is not None], tuple(file.splits)
    )
    write_corpus_file(folder, replace(file, manifest_sha256=digest))


def change_one(clip, **values):
    return lambda row: replace(row, **values) if row.id == clip else row


@pytest.fixture
def clip_id(corpus_dir):
    """The first clip of the shard that gets damaged."""
    return pq.read_table(corpus_dir / SHARD, columns=["id"]).to_pylist()[0]["id"]


def test_a_sound_corpus_has_no_finding(pristine):
    told = []
    report = validate(pristine, on_clips=told.append)
    assert report.findings == ()
    assert (report.shards, report.clips, report.source_clips, report.decoded) == (4, 19, 21, True)
    assert sum(told) == 19


def test_the_earlier_order_of_columns_is_no_finding(tmp_path, clips):
    with layout_1():
        write_corpus(tmp_path / "corpus", clips)
    assert pq.read_schema(tmp_path / "corpus" / SHARD).names[0] == "id"
    assert findings(tmp_path / "corpus", decode=True) == []


def test_two_processes_find_the_same(corpus_dir):
    set_in_row(corpus_dir, text="bin blue")
    assert findings(corpus_dir) == [
        str(finding) for finding in validate(corpus_dir, decode=False, workers=2).findings
    ]


# files


def test_missing_shard(corpus_dir):
    (corpus_dir / SHARD).unlink()
    assert findings(corpus_dir) == [f"{SHARD}: missing; give the gridkit prepare command again"]


def test_truncated_shard(corpus_dir):
    content = (corpus_dir / SHARD).read_bytes()
    (corpus_dir / SHARD).write_bytes(content[:1000])
    assert findings(corpus_dir) == [
        f"{SHARD}: truncated: 1000 of {len(content)} bytes; give the gridkit prepare command again"
    ]


@pytest.mark.parametrize("place", [0.0, 0.3, 0.9, 1.0])
def test_one_altered_bit(corpus_dir, place):
    content = bytearray((corpus_dir / SHARD).read_bytes())
    content[int(place * (len(content) - 1))] ^= 1
    (corpus_dir / SHARD).write_bytes(content)
    assert findings(corpus_dir) == [
        f"{SHARD}: altered since it was written (SHA-256); give the gridkit prepare command again"
    ]


def test_extra_shard(corpus_dir):
    (corpus_dir / "data" / "s7-00000.parquet").write_bytes((corpus_dir / SHARD).read_bytes())
    assert findings(corpus_dir) == [
        "data/s7-00000.parquet: not listed in corpus.json; move it away"
    ]


@pytest.mark.parametrize("damage", ["text", "cut", "empty"])
def test_shard_that_is_no_parquet(corpus_dir, damage):
    content = (corpus_dir / SHARD).read_bytes()
    damaged = {"text": b"no parquet", "cut": content[:9_000], "empty": b""}[damage]
    (corpus_dir / SHARD).write_bytes(damaged)
    list_again(corpus_dir)
    (only,) = findings(corpus_dir)
    assert only.startswith(f"{SHARD}: ")
    assert "cannot be read as Parquet" in only
    assert "\n" not in only


def test_no_bit_of_a_shard_gives_a_traceback(corpus_dir):
    """Bits fall over everywhere and the hash does not tell: findings or none, no exception."""
    sound = (corpus_dir / SHARD).read_bytes()
    rng = np.random.default_rng(0)
    footer = len(sound) - int.from_bytes(sound[-8:-4], "little") - 8
    for place in [*rng.integers(0, footer, 10), *rng.integers(footer, len(sound), 30)]:
        content = bytearray(sound)
        content[place] ^= 1 << rng.integers(8)
        (corpus_dir / SHARD).write_bytes(content)
        list_again(corpus_dir)
        assert all("\n" not in finding for finding in findings(corpus_dir))


def test_altered_and_missing_manifest(corpus_dir):
    path = corpus_dir / MANIFEST_NAME
    path.write_bytes(path.read_bytes() + b" ")
    assert findings(corpus_dir) == [
        "manifest.parquet: altered since it was written (SHA-256); "
        "give the gridkit prepare command again"
    ]
    path.unlink()
    (only,) = findings(corpus_dir)
    assert only.startswith("manifest.parquet: cannot read")


def test_lacking_preview_and_landmark_file(corpus_dir):
    (corpus_dir / "preview.png").unlink()
    (corpus_dir / "landmarks-model.json").write_text("{}")
    one, two = findings(corpus_dir)
    assert one.startswith("landmarks-model.json: ")
    assert two == "preview.png: missing; give the gridkit prepare command again"


# columns


def test_other_columns_than_announced(corpus_dir):
    table = pq.read_table(corpus_dir / SHARD).drop_columns(["crop_lipnet"])
    pq.write_table(table, corpus_dir / SHARD)
    list_again(corpus_dir)
    assert findings(corpus_dir) == [f"{SHARD}: columns are not those of corpus.json: crop_lipnet"]


def test_another_type(corpus_dir):
    table = pq.read_table(corpus_dir / SHARD)
    position = table.schema.get_field_index("split_s1")
    table = table.set_column(position, "split_s1", pa.nulls(len(table), pa.int32()))
    pq.write_table(table, corpus_dir / SHARD)
    list_again(corpus_dir)
    assert findings(corpus_dir) == [f"{SHARD}: another type than expected: split_s1"]


def test_features_that_are_not_in_the_metadata(corpus_dir):
    table = pq.read_table(corpus_dir / SHARD).replace_schema_metadata(None)
    pq.write_table(table, corpus_dir / SHARD)
    list_again(corpus_dir)
    assert findings(corpus_dir) == [
        f"{SHARD}: the schema's metadata lacks the `datasets` features, or has others"
    ]


# rows


@pytest.mark.parametrize(
    ("values", "finding"),
    [
        ({"text": "bin blue"}, "text 'bin blue', but the code says"),
        ({"text": None}, "text None, but the code says"),
        ({"words": []}, "words '', but the code says"),
        ({"words": None}, "words '', but the code says"),
    ],
)
def test_text_and_words_that_the_code_does_not_say(corpus_dir, clip_id, values, finding):
    set_in_row(corpus_dir, **values)
    (only,) = findings(corpus_dir)
    assert only.startswith(f"{SHARD}, {clip_id}: {finding}")


@pytest.mark.parametrize(
    ("place", "start_s", "end_s"),
    [
        (3, 1.2, 1.49),  # begins before the third ends, at 1.24 s
        (3, 1.4, 1.3),  # runs backwards
        (3, 1.3, 1.3),  # lasts nothing
        (0, -0.1, 0.1),  # begins before the clip
        (5, 2.9, 3.01),  # ends after the clip
    ],
)
def test_word_times_out_of_order(corpus_dir, clip_id, place, start_s, end_s):
    """The words of the made-up clips last 0.24 s each, a quarter of a second apart, from 0.5 s."""
    change_shard(
        corpus_dir, lambda rows: rows[0]["words"][place].update(start_s=start_s, end_s=end_s)
    )
    (only,) = findings(corpus_dir)
    assert only.startswith(f"{SHARD}, {clip_id}: word ")
    assert f"from {start_s} to {end_s} s: out of order" in only


def test_unknown_flag(corpus_dir, clip_id):
    set_in_row(corpus_dir, flags=["clipped", "haunted"])
    one, two = findings(corpus_dir)
    assert one == f"{SHARD}, {clip_id}: unknown flag haunted"
    assert two.startswith(f"manifest.parquet: {clip_id} has flags")


def test_code_that_is_no_sentence(corpus_dir, clip_id):
    set_in_row(corpus_dir, code="zzzzzz")
    assert f"{SHARD}, {clip_id}: code 'zzzzzz' is not a GRID sentence" in findings(corpus_dir)


def test_rows_that_are_fewer_than_said(corpus_dir, clip_id):
    change_shard(corpus_dir, lambda rows: None)
    table = pq.read_table(corpus_dir / SHARD)
    pq.write_table(table.slice(1), corpus_dir / SHARD)
    list_again(corpus_dir)
    found = findings(corpus_dir)
    assert found[0] == f"{SHARD}: 2 rows, corpus.json says 3"
    assert found[-1] == (f"manifest.parquet: {clip_id} is kept, but {SHARD} has no such row")
    assert len([one for one in found if "has row" in one]) == 2  # the two rows moved up


def test_rows_out_of_order(corpus_dir):
    table = pq.read_table(corpus_dir / SHARD)
    pq.write_table(table.take([1, 0, 2]), corpus_dir / SHARD)
    list_again(corpus_dir)
    found = findings(corpus_dir)
    assert found[0] == f"{SHARD}: rows are not in the order of their codes"
    assert len(found) == 3  # and the manifest points at the wrong rows


def test_the_same_clip_twice(corpus_dir, clip_id):
    table = pq.read_table(corpus_dir / SHARD)
    pq.write_table(table.take([0, 0, 2]), corpus_dir / SHARD)
    list_again(corpus_dir)
    assert f"{clip_id}: more than once: {SHARD} row 0, {SHARD} row 1" in findings(corpus_dir)


def test_clip_of_another_speaker(corpus_dir):
    set_in_row(corpus_dir, id="s2/bbae4n", code="bbae4n")
    found = findings(corpus_dir)
    assert f"{SHARD}, s2/bbae4n: speaker 's2' does not belong in {SHARD}" in found[0]


# media


@pytest.mark.parametrize(
    ("samples", "finding"),
    [
        (np.zeros(1000, np.int16), "(1000,) samples at 16000 Hz"),
        (np.zeros((48_000, 2), np.int16), "(48000, 2) samples at 16000 Hz"),
    ],
)
def test_sound_of_another_shape(corpus_dir, clip_id, samples, finding):
    set_in_row(corpus_dir, audio={"bytes": encode_flac(samples), "path": "a.flac"})
    assert findings(corpus_dir) == []
    assert findings(corpus_dir, decode=True) == [
        f"{SHARD}, {clip_id}: audio: {finding}, expected 48000, mono, at 16000 Hz"
    ]


def test_sound_at_another_rate(corpus_dir, clip_id):
    flac = io.BytesIO()
    soundfile.write(flac, np.zeros(48_000, np.int16), 8_000, format="FLAC")
    set_in_row(corpus_dir, audio={"bytes": flac.getvalue(), "path": "a.flac"})
    (only,) = findings(corpus_dir, decode=True)
    assert "at 8000 Hz" in only


@pytest.mark.parametrize(
    "value", [None, {"bytes": None, "path": "a"}, {"bytes": b"?", "path": "a"}]
)
@pytest.mark.parametrize("column", ["audio", "crop_lipnet"])
def test_media_that_cannot_be_decoded(corpus_dir, clip_id, column, value):
    set_in_row(corpus_dir, **{column: value})
    (only,) = findings(corpus_dir, decode=True)
    assert only.startswith(f"{SHARD}, {clip_id}: {column}: ")
    assert "\n" not in only


@pytest.mark.parametrize("shape", [(74, 50, 100), (75, 96, 96)])
def test_crop_of_another_shape(corpus_dir, clip_id, shape):
    mp4 = encode_crop(Planes(np.zeros(shape, np.uint8), None))
    set_in_row(corpus_dir, crop_lipnet={"bytes": mp4, "path": "a.mp4"})
    assert findings(corpus_dir, decode=True) == [
        f"{SHARD}, {clip_id}: crop_lipnet: frames, height, width {shape}, expected (75, 50, 100)"
    ]


# the manifest and the counts


def test_manifest_that_points_at_another_row(corpus_dir, clip_id):
    change_manifest(corpus_dir, change_one(clip_id, row=7))
    assert findings(corpus_dir) == [f"manifest.parquet: {clip_id} has row 7, in {SHARD} it is 0"]


def test_manifest_that_points_at_no_shard(corpus_dir, clip_id):
    change_manifest(corpus_dir, change_one(clip_id, shard="data/s2-00009.parquet"))
    assert findings(corpus_dir) == [
        f"manifest.parquet: {clip_id} points at data/s2-00009.parquet, which is not listed",
        f"manifest.parquet: {clip_id} has shard data/s2-00009.parquet, in {SHARD} it is {SHARD}",
    ]


def test_manifest_that_calls_a_kept_clip_rejected(corpus_dir, clip_id):
    change_manifest(
        corpus_dir,
        change_one(
            clip_id,
            status=Status.REJECTED,
            reason=Reason.NO_FACE,
            shard=None,
            row=None,
            flags=(),
            splits={},
        ),
    )
    found = findings(corpus_dir)
    assert f"{SHARD}, row 0: {clip_id} is not kept in the manifest" in found
    assert "corpus.json: counts: kept 19, but the manifest gives 18" in found


def test_manifest_without_a_source_clip(corpus_dir):
    change_manifest(corpus_dir, lambda row: None if row.id == "s1/lrae3s" else row)
    found = findings(corpus_dir)
    assert found[0] == "corpus.json: counts: found 21, but the manifest gives 20"
    assert all(one.startswith("corpus.json: counts: ") for one in found)


def test_kept_and_rejected_at_once(corpus_dir, clip_id):
    change_manifest(corpus_dir, change_one(clip_id, reason=Reason.NO_FACE))
    assert findings(corpus_dir)[0] == (
        f"manifest.parquet: video/{clip_id}.mpg is kept, with reason no-face and shard {SHARD}"
    )


def test_a_source_clip_with_two_rows(corpus_dir):
    change_manifest(
        corpus_dir,
        lambda row: replace(row, source_path="video/s1/lrae3s.mpg") if row.id is None else row,
    )
    assert findings(corpus_dir) == ["manifest.parquet: video/s1/lrae3s.mpg has 2 rows"]


def test_a_clip_that_is_kept_twice(corpus_dir, clip_id):
    file = read_corpus_file(corpus_dir)
    rows = read_manifest(corpus_dir / MANIFEST_NAME)
    again = [replace(row, source_path="again.mpg") for row in rows if row.id == clip_id]
    digest = write_manifest(corpus_dir / MANIFEST_NAME, [*rows, *again], tuple(file.splits))
    write_corpus_file(corpus_dir, replace(file, manifest_sha256=digest))
    assert findings(corpus_dir)[0] == f"manifest.parquet: {clip_id} is kept 2 times"


def test_counts_that_do_not_add_up(corpus_dir):
    file = read_corpus_file(corpus_dir)
    counts = replace(file.counts, rejected={"frame-count": 2})
    write_corpus_file(corpus_dir, replace(file, counts=counts))
    (only,) = findings(corpus_dir)
    assert only.startswith("corpus.json: counts: rejected {'frame-count': 2}, but the manifest")


def test_counts_of_the_fixture_are_counted_from_its_manifest(pristine):
    counted = count_rows(read_manifest(pristine / MANIFEST_NAME))
    assert asdict(counted) == asdict(read_corpus_file(pristine).counts)


# splits


def test_a_column_that_differs_from_the_definition(corpus_dir, clip_id):
    set_in_row(corpus_dir, split_s1="test")
    assert findings(corpus_dir) == [f"{SHARD}: {clip_id} has split_s1 test, by definition null"]


def test_a_clip_in_two_subsets(corpus_dir, clip_id):
    """The shard says one subset, the manifest another; both are held against the definition."""
    change_manifest(corpus_dir, change_one(clip_id, splits={"unseen": "train"}))
    found = findings(corpus_dir)
    assert f"manifest.parquet: {clip_id} has split_unseen train, by definition test" in found


def test_a_test_speaker_in_train(corpus_dir, clip_id):
    set_in_row(corpus_dir, split_unseen="train")
    assert findings(corpus_dir) == [
        f"{SHARD}: {clip_id} has split_unseen train, by definition test",
        "data: split unseen: test speakers also in train or val: s2",
    ]


def test_a_leak_in_an_imported_split(tmp_path, clips, write_corpus):
    leaking = import_split("mine", {"train": clips[0].id, "test": clips[1].id})
    leaking = replace(leaking, unseen_speakers=True)
    write_corpus(tmp_path, clips, imported=[leaking])
    assert findings(tmp_path) == ["data: split mine: test speakers also in train or val: s1"]


def test_a_hash_that_is_not_the_definitions(corpus_dir):
    path = corpus_dir / CORPUS_NAME
    content = json.loads(path.read_text())
    content["splits"]["s1"]["subsets"]["test"]["sha256"] = "0" * 64
    path.write_text(json.dumps(content))
    (only,) = findings(corpus_dir)
    assert only.startswith("corpus.json: split s1, test: ")


def test_an_imported_split_is_no_finding(tmp_path, clips, write_corpus):
    mine = import_split(
        "mine", {"train": "\n".join(clip.id for clip in clips[:4]), "test": "s1/bbaf2n"}
    )
    write_corpus(tmp_path, clips, imported=[mine])
    assert findings(tmp_path) == []


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, "cannot read"),
        (b"s1/bbaf3s\ttest\n", "its test clips are not those that were imported"),
        (b"s1/bbaf2n\n", "no subset"),
        (b"\xff\xfe", "damaged, not text"),
    ],
)
def test_the_list_of_an_imported_split(tmp_path, clips, write_corpus, content, found):
    write_corpus(tmp_path, clips, imported=[import_split("mine", {"test": "s1/bbaf2n"})])
    path = tmp_path / "splits" / "mine.tsv"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    (only,) = findings(tmp_path)
    assert only.startswith("splits/mine.tsv: ")
    assert found in only


# the card


def test_a_card_with_other_configs(corpus_dir):
    card = corpus_dir / "README.md"
    card.write_text(card.read_text().replace("path: data/*.parquet", "path: data/s7-*.parquet"))
    assert findings(corpus_dir) == [
        "README.md: metadata `configs` is not what the corpus gives; "
        "give the gridkit prepare command again"
    ]


def test_a_card_with_other_features_or_licence(corpus_dir):
    card = corpus_dir / "README.md"
    text = card.read_text().replace("license: cc-by-4.0", "license: mit")
    card.write_text(text.replace("name: speaker", "name: talker"))
    assert [one.split(" is not ")[0] for one in findings(corpus_dir)] == [
        "README.md: metadata `license`",
        "README.md: metadata `dataset_info`",
    ]


@pytest.mark.parametrize("damage", ["missing", "no metadata", "bad yaml", "bytes"])
def test_a_card_that_cannot_be_read(corpus_dir, damage):
    card = corpus_dir / "README.md"
    card.unlink()
    if damage != "missing":
        card.write_bytes(
            {
                "no metadata": b"# A corpus\n",
                "bad yaml": b"---\nconfigs: [\n---\n",
                "bytes": b"\xff\xfe---\n",
            }[damage]
        )
    found = findings(corpus_dir)
    assert found
    assert all(one.startswith("README.md: ") and "\n" not in one for one in found)


def test_an_imported_split_is_counted(tmp_path, clips, write_corpus):
    mine = import_split("mine", {"train": clips[0].id, "test": clips[1].id})
    write_corpus(tmp_path, clips, imported=[mine])
    path = tmp_path / CORPUS_NAME
    content = json.loads(path.read_text())
    content["splits"]["mine"]["subsets"]["test"]["here"] = 2
    path.write_text(json.dumps(content))
    (only,) = findings(tmp_path)
    assert only.startswith("corpus.json: split mine, test: ")


def test_the_text_of_the_card_is_free(corpus_dir):
    card = corpus_dir / "README.md"
    card.write_text(f"{card.read_text()}\nOur own notes.\n")
    assert findings(corpus_dir) == []


# what cannot be checked at all


def test_no_corpus_is_an_error_not_a_finding(tmp_path):
    with pytest.raises(CorpusError, match="not a prepared corpus"):
        validate(tmp_path)
