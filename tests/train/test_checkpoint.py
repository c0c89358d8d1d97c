"""Checkpoints: whole or not at all, in parts, and honest about damage."""

import hashlib
import json

import pytest
import torch

from gridkit.errors import CheckpointError
from gridkit.train import checkpoint
from gridkit.train.checkpoint import INDEX_FILE, load_checkpoint, save_checkpoint

STATE = {"step": 3, "tensor": torch.arange(10_000), "words": ["a", "b"], "none": None}


@pytest.mark.parametrize("part_bytes", [None, 10_000])
def test_a_checkpoint_comes_back(tmp_path, part_bytes):
    save_checkpoint(tmp_path, STATE, part_bytes)
    files = list(tmp_path.glob("checkpoint-*.pt"))
    assert (len(files) > 1) == (part_bytes is not None)
    if part_bytes is not None:
        assert max(file.stat().st_size for file in files) <= part_bytes
    again = load_checkpoint(tmp_path)
    assert again is not None
    assert torch.equal(again.pop("tensor"), STATE["tensor"])
    assert again == {"step": 3, "words": ["a", "b"], "none": None}


def test_the_one_before_is_gone_only_when_the_new_one_is_whole(tmp_path, monkeypatch):
    save_checkpoint(tmp_path, STATE, 10_000)
    real = checkpoint.write_file
    written = []

    def fail_at_the_second(path, content):
        written.append(path)
        if len(written) == 2:
            raise KeyboardInterrupt
        real(path, content)

    monkeypatch.setattr(checkpoint, "write_file", fail_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(tmp_path, {**STATE, "tensor": torch.ones(10_000)}, 10_000)
    assert torch.equal(load_checkpoint(tmp_path)["tensor"], STATE["tensor"])
    monkeypatch.undo()
    save_checkpoint(tmp_path, {**STATE, "step": 4}, None)
    assert load_checkpoint(tmp_path)["step"] == 4
    assert len(list(tmp_path.glob("checkpoint-*.pt"))) == 1


def test_no_checkpoint_yet(tmp_path):
    assert load_checkpoint(tmp_path) is None


def test_damage_is_one_line(tmp_path):
    save_checkpoint(tmp_path, STATE, 10_000)
    part = tmp_path / json.loads((tmp_path / INDEX_FILE).read_text())["parts"][1]["name"]
    content = part.read_bytes()
    part.write_bytes(content[:-1])
    with pytest.raises(CheckpointError, match=rf"{part.name} is damaged"):
        load_checkpoint(tmp_path)
    part.unlink()
    with pytest.raises(CheckpointError, match=rf"cannot read .*{part.name}"):
        load_checkpoint(tmp_path)
    part.write_bytes(content)
    nonsense = tmp_path / "nonsense.pt"
    nonsense.write_bytes(b"nonsense")
    named = {"name": nonsense.name, "sha256": hashlib.sha256(b"nonsense").hexdigest()}
    for index in ({}, {"parts": []}, {"parts": [named]}, {"parts": [{"name": part.name}]}):
        (tmp_path / INDEX_FILE).write_text(json.dumps(index))
        with pytest.raises(CheckpointError, match="is damaged; delete it to start again"):
            load_checkpoint(tmp_path)
