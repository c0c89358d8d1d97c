"""Packed clips come back nearly as they were, and small."""

import json
import lzma
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.training_clips import made_up_clips

from gridkit.errors import TrainingError
from gridkit.recipe import load_recipe
from gridkit.train import clips as clips_module
from gridkit.train import pack as pack_module
from gridkit.train.clips import TrainingClips, open_clips
from gridkit.train.pack import (
    STEP,
    decode_frames,
    decode_sound,
    encode_frames,
    encode_sound,
    pack_clips,
    packed_clips,
    unpack_clips,
)

LIPNET = load_recipe(Path(__file__).parent.parent.parent / "recipes/lipnet-s1")


def smooth_frames(height: int, width: int, colours: int) -> np.ndarray:
    """A soft spot that moves, with a little noise: like a mouth, unlike noise."""
    rng = np.random.default_rng(0)
    time, row, column = np.meshgrid(
        np.arange(75) / 75, np.arange(height) / height, np.arange(width) / width, indexing="ij"
    )
    spot = 120 + 80 * np.exp(-(((row - 0.5) / 0.2) ** 2 + ((column - time) / 0.2) ** 2))
    noisy = spot[..., None] + rng.normal(0, 2, (*spot.shape, colours))
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", [(40, 80, 1), (37, 70, 3)])
def test_frames_come_back_within_their_noise(size):
    frames = smooth_frames(*size)
    data = encode_frames(frames)
    again = decode_frames(data, frames.shape)
    assert again.shape == frames.shape
    error = again.astype(float) - frames
    # rounding to a step leaves step / sqrt(12) at most; pixels round again
    assert np.sqrt(np.mean(error**2)) < STEP / np.sqrt(12) + 0.5
    assert len(data) < frames.size / 4


def test_sound_comes_back_to_the_bit():
    time_s = np.arange(48_000) / 16_000
    samples = np.rint(8000 * np.sin(2 * np.pi * 300 * time_s) * np.exp(-time_s)).astype(np.int16)
    data = encode_sound(samples)
    assert (decode_sound(data) == samples).all()
    assert len(data) < samples.nbytes / 2
    rng = np.random.default_rng(0)
    loud = rng.integers(-32768, 32768, 48_000).astype(np.int16)
    assert (decode_sound(encode_sound(loud)) == loud).all()
    extremes = np.array([-32768, 32767, -32768, 0, 32767], np.int16)
    again = decode_sound(encode_sound(extremes))
    assert again.dtype == np.int16
    assert (again == extremes).all()


def test_a_packed_file_gives_the_clips_back(tmp_path):
    before = made_up_clips()
    clips = TrainingClips(
        before.labels, np.stack([smooth_frames(16, 24, 1)] * len(before.labels)), before.audio
    )
    counts = []
    pack_clips(
        clips, tmp_path / "clips.pack", LIPNET, lambda done, total: counts.append((done, total))
    )
    assert counts == [(1, 4), (2, 4), (3, 4), (4, 4)]
    unpack_clips(tmp_path / "clips.pack", tmp_path / "cache")
    opened = open_clips(tmp_path / "cache")
    assert opened is not None
    again = opened[0]
    assert again.labels == clips.labels
    assert np.abs(again.frames.astype(int) - clips.frames).mean() < 3
    assert (again.audio == clips.audio).all()


def test_sound_alone_can_be_packed(tmp_path):
    clips = made_up_clips()
    pack_clips(
        TrainingClips(clips.labels, None, clips.audio),
        tmp_path / "p",
        LIPNET,
        lambda _done, _total: None,
    )
    unpack_clips(tmp_path / "p", tmp_path / "cache")
    again, _ = open_clips(tmp_path / "cache")
    assert again.frames is None
    assert again.audio.shape == clips.audio.shape


def test_clips_of_another_pack_are_not_taken_for_these(tmp_path):
    clips = made_up_clips()
    for name, labels in (("a", clips.labels[:2] + clips.labels[3:]), ("b", clips.labels)):
        sound = TrainingClips(labels, None, clips.audio[: len(labels)])
        pack_clips(sound, tmp_path / name, LIPNET, lambda _done, _total: None)
    counts = [len(packed_clips(tmp_path / name, tmp_path / "run", LIPNET).labels) for name in "aba"]
    assert counts == [3, 4, 3]


@pytest.mark.parametrize(
    ("packed_for", "trained", "says"),
    [
        (LIPNET, replace(LIPNET, split="trial"), "than lipnet-s1: split s1, not trial; pack the"),
        (
            LIPNET,
            replace(LIPNET, input=replace(LIPNET.input, region_px=(0, 28, 80, 40))),
            r"lipnet-s1: \[input\] region_px \[8, 28, 80, 40\], not \[0, 28, 80, 40\]; pack the",
        ),
        (replace(LIPNET, input=None), LIPNET, r"lipnet-s1: \[input\] crop none, not mouth96; "),
        (LIPNET, replace(LIPNET, input=None), r"lipnet-s1: \[input\] crop mouth96, not none; "),
    ],
)
def test_a_pack_of_another_recipe_is_refused(tmp_path, packed_for, trained, says):
    pack_clips(made_up_clips(), tmp_path / "p", packed_for, lambda _done, _total: None)
    assert len(packed_clips(tmp_path / "p", tmp_path / "run", packed_for).labels) == 4
    with pytest.raises(TrainingError, match=says):
        packed_clips(tmp_path / "p", tmp_path / "run", trained)


def test_a_pack_of_another_version_is_refused(tmp_path):
    pack_clips(made_up_clips(), tmp_path / "p", LIPNET, lambda _done, _total: None)
    content = (tmp_path / "p").read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    index = json.loads(lzma.decompress(content[8:start]))
    index["format"] = 2  # whose sound was 8-bit
    head = lzma.compress(json.dumps(index).encode(), format=lzma.FORMAT_ALONE)
    (tmp_path / "p").write_bytes(len(head).to_bytes(8, "little") + head + content[start:])
    with pytest.raises(
        TrainingError, match="by another version of gridkit; export it again: gridkit"
    ):
        packed_clips(tmp_path / "p", tmp_path / "run", LIPNET)


def test_unpacking_that_was_stopped_goes_on(tmp_path, monkeypatch):
    pack_clips(made_up_clips(), tmp_path / "p", LIPNET, lambda _done, _total: None)
    unpack_clips(tmp_path / "p", tmp_path / "whole")
    monkeypatch.setattr(clips_module, "CLIPS_AT_ONCE", 1)
    decoded = []

    def decode(data):
        decoded.append(data)
        if len(decoded) == 3:
            raise KeyboardInterrupt
        return decode_sound(data)

    monkeypatch.setattr(pack_module, "decode_sound", decode)
    with pytest.raises(KeyboardInterrupt):
        unpack_clips(tmp_path / "p", tmp_path / "cache")
    unpack_clips(tmp_path / "p", tmp_path / "cache")
    assert len(decoded) == 5
    for path in (tmp_path / "whole").iterdir():
        assert (tmp_path / "cache" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("damage", [lambda b: b[:200], lambda b: b"nonsense" * 20])
def test_a_damaged_file_is_one_line(tmp_path, damage):
    pack_clips(made_up_clips(), tmp_path / "p", LIPNET, lambda _done, _total: None)
    (tmp_path / "p").write_bytes(damage((tmp_path / "p").read_bytes()))
    with pytest.raises(TrainingError, match="not a packed cache, or damaged; export it again"):
        unpack_clips(tmp_path / "p", tmp_path / "cache")
