"""The lists as AV-HuBERT reads them: its paths, scipy for sound, OpenCV for video."""

import os

import cv2
import numpy as np
import pytest
from scipy.io import wavfile

from gridkit.media.codecs import decode_crop, decode_flac


def read(out, name):
    root, *lines = (out / f"{name}.tsv").read_text().splitlines()
    labels = (out / f"{name}.wrd").read_text().splitlines()
    assert len(lines) == len(labels)
    return root, [line.split("\t") for line in lines], labels


@pytest.mark.parametrize(("name", "part"), [("train", "train"), ("valid", "val"), ("test", "test")])
def test_every_value_is_the_corpus_s(exported, clip_of, subset_of, name, part):
    root, rows, labels = read(exported("filelist"), name)
    assert [row[0] for row in rows] == sorted(id_ for id_, own in subset_of.items() if own == part)
    for (id_, video, audio, frames, samples), text in zip(rows, labels, strict=True):
        clip = clip_of[id_]
        assert text == clip.text
        rate_hz, sound = wavfile.read(audio)
        assert (rate_hz, sound.dtype, len(sound)) == (16_000, np.int16, int(samples))
        np.testing.assert_array_equal(sound, decode_flac(clip.audio_flac)[0])
        pictures = read_video(os.path.join(root, video))  # noqa: PTH118  as AV-HuBERT does
        assert len(pictures) == int(frames)
        np.testing.assert_array_equal(pictures, decode_crop(clip.crops["mouth96"]).luma)


def read_video(path):
    capture = cv2.VideoCapture(path)
    frames = []
    while (read := capture.read())[0]:
        frames.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2GRAY))
    return np.stack(frames)


def test_subset_without_a_clip_makes_no_list(gridkit, corpus_dir, tmp_path):
    out = tmp_path / "lists"
    options = ("--format", "filelist", "--crop", "mouth96", "--out", out)
    status, said, _ = gridkit("export", corpus_dir, *options, "--split", "s1:val")
    assert status == 0
    assert sorted(path.suffix for path in out.glob("valid*")) == [".tsv", ".wrd"]
    assert not list(out.glob("train*"))
    assert "val            2" in said
