import json
import tarfile

import numpy as np
import pytest

from gridkit.corpus.records import Quality
from gridkit.media.codecs import decode_crop, decode_flac
from gridkit.publish.export import webdataset as module

wds = pytest.importorskip("webdataset", reason='needs pip install "gridkit[webdataset]"')


def load(out, part):
    tars = sorted(str(path) for path in out.glob(f"{part}-*.tar"))
    return list(wds.WebDataset(tars, shardshuffle=False).decode())


def test_every_value_is_the_corpus_s(exported, clip_of, subset_of):
    out = exported("webdataset")
    seen = set()
    for part in ("train", "val", "test"):
        for sample in load(out, part):
            clip = clip_of[sample["__key__"]]
            seen.add(clip.id)
            assert subset_of[clip.id] == part
            assert sample["txt"] == clip.text
            about = sample["json"]
            assert [about[key] for key in ("id", "speaker", "code", "text")] == [
                clip.id,
                clip.speaker,
                clip.code,
                clip.text,
            ]
            assert [(w["word"], w["start_s"], w["end_s"]) for w in about["words"]] == [
                (w.word, w.start_s, w.end_s) for w in clip.words
            ]
            assert Quality(**about["qc"]) == clip.quality
            assert about["flags"] == list(clip.flags)
            assert about["crop"] == "mouth96"
            assert sample["flac"] == clip.audio_flac
            assert sample["mp4"] == clip.crops["mouth96"]
            assert sample["npy"].dtype == np.int16
            np.testing.assert_array_equal(sample["npy"], clip.landmarks)
    assert seen == set(clip_of)


def test_media_decode_as_stored(exported, clip_of):
    sample = load(exported("webdataset"), "test")[0]
    clip = clip_of[sample["__key__"]]
    np.testing.assert_array_equal(decode_flac(sample["flac"])[0], decode_flac(clip.audio_flac)[0])
    np.testing.assert_array_equal(
        decode_crop(sample["mp4"]).luma, decode_crop(clip.crops["mouth96"]).luma
    )


def test_tars_are_full_and_mix_the_speakers(exported, clip_of, monkeypatch):
    monkeypatch.setattr(module, "CLIPS_PER_TAR", 7)
    out = exported("webdataset", split="seen33")
    sizes = {path.name: len(load_keys(path)) for path in sorted(out.glob("*.tar"))}
    whole = {part: [n for name, n in sizes.items() if name.startswith(part)] for part in
             ("train", "val", "test")}  # fmt: skip
    assert all(n == 7 for part in whole.values() for n in part[:-1])
    assert sum(sizes.values()) == len(clip_of)
    first = load_keys(out / "train-000000.tar")
    assert len({key.split("/")[0] for key in first}) > 1
    assert first == sorted(first)


def load_keys(path):
    with tarfile.open(path) as tar:
        return list(dict.fromkeys(name.partition(".")[0] for name in tar.getnames()))


def test_tars_carry_no_time_and_no_owner(exported):
    with tarfile.open(next(exported("webdataset").glob("*.tar"))) as tar:
        for member in tar:
            assert (member.mtime, member.uid, member.gid, member.uname) == (0, 0, 0, "")


def test_printed_pattern_names_the_tars(gridkit, corpus_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "CLIPS_PER_TAR", 4)
    out = tmp_path / "tars"
    _, said, _ = gridkit(
        "export", corpus_dir, "--format", "webdataset", "--crop", "lipnet", "--out", out
    )
    source = said.split("load")[1].strip()
    assert f"{out}/clips-{{000000..000004}}.tar" in source
    assert len(list(eval(source, {"webdataset": wds}))) == 19


def test_the_hub_s_loader_reads_it_too(exported, clip_of, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    from datasets import load_dataset

    out = exported("webdataset")
    rows = load_dataset(
        "webdataset",
        data_files={"train": str(out / "train-*.tar")},
        split="train",
        streaming=True,
        cache_dir=str(tmp_path / "cache"),
    ).select_columns(["__key__", "json", "txt"])
    for row in rows:
        assert row["txt"] == clip_of[row["__key__"]].text
        assert json.loads(json.dumps(row["json"]))["words"][0]["word"] == row["txt"].split()[0]
