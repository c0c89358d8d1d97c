"""Exported networks: torch and ONNX files with a description beside them."""

import base64
import importlib.util
import json
import re

import numpy as np
import pytest
import torch

from gridkit.errors import (
    MissingExtraError,
    SystemLoadError,
)
from gridkit.evaluation.predictions.ask import dry_run
from gridkit.evaluation.sandbox.guest.exported import best_path, read_interface, scale
from gridkit.evaluation.sandbox.worker import Worker
from gridkit.evaluation.systems.spec import parse_model

FRAMES = np.full((75, 8, 8), 51, np.uint8)
# ReduceMean over all, expanded to (1, 48000): opset 18, made by onnx.helper
MEAN_ONNX = (
    "CAg6mAEKIwoBeBIBbSIKUmVkdWNlTWVhbioPCghrZWVwZGltcxgAoAECCiQSAXMiCENvbnN0YW50KhUKCnZhbHVl"
    "X2ludHNAAUCA9wKgAQcKEQoBbQoBcxIBeSIGRXhwYW5kEgRtZWFuWhsKAXgSFgoUCAESEAoCCAEKAghLCgIICAoC"
    "CAhiFQoBeRIQCg4IARIKCgIIAQoECID3AkIECgAQEg=="
)
# the mean of each row of pixels over time through a GRU of two, (1, T, 2): opset 18, producer
# "pytorch", linear_before_reset 1; made by onnx.helper
GRU_ONNX = (
    "CAkSB3B5dG9yY2g6wwQKJgoBeAoBYRIBbSIKUmVkdWNlTWVhbioPCghrZWVwZGltcxgAoAECCiIKAW0SAXEiCVRyYW5z"
    "cG9zZSoPCgRwZXJtQAFAAEACoAEHCkgKAXEKAVcKAVISAXkaBWdydV8xIgNHUlUqEgoLaGlkZGVuX3NpemUYAqABAioa"
    "ChNsaW5lYXJfYmVmb3JlX3Jlc2V0GAGgAQIKFAoBeQoDb25lEgF6IgdTcXVlZXplCiIKAXoSAXMiCVRyYW5zcG9zZSoP"
    "CgRwZXJtQAFAAEACoAEHEgFnKhEIARAHQgFhSggDAAAAAAAAACoTCAEQB0IDb25lSggBAAAAAAAAACrOAQgBCAYICBAB"
    "QgFXSsABrz+MPgi9676FBWu/sYl3v/VkID+zVFM/3GNaPiUB6z4esLI90MFeP4+3IT8PmX6/sf02P9/Nbr/MKus+dxAm"
    "v5byOT8+06k9UxjNvipWHr4WgHG/8V1Avyu4rj7ZuJY+CE9sPnY6br5Nkn4/DTB2P7j+vT7/EZo+LvjAPip9Y76i1Dq/"
    "183iPt6zTz30T8K+0BLovPNqRz/0Ol4/I56Rvjt+Ej7fZ7a+YCBBPpr6pb7c9l2+CtJHPwCyC7+LSXw+Kj0IAQgGCAIQ"
    "AUIBUkow8ftUv1VQKj+N/hI/XnEFv4vCQD9fA2K/7tCnvpIOM7/zaMu90bcXP0TpCb93XWW/WhwKAXgSFwoVCAESEQoC"
    "CAEKAxIBdAoCCAgKAggIYhgKAXMSEwoRCAESDQoCCAEKAxIBdAoCCAJCBAoAEBI="
)


def ask(text, **options):
    with Worker(parse_model(text), **options) as worker:
        return worker.start(), worker.ask(FRAMES).checked


def test_a_torch_export_is_a_system(tmp_path):
    class Mean(torch.nn.Module):
        def forward(self, frames):
            return frames.mean().expand(1, 48_000) * 0.5

    program = torch.export.export(Mean(), (torch.zeros(1, 75, 8, 8),))
    torch.export.save(program, tmp_path / "model.pt2")
    (tmp_path / "model.toml").write_text(
        'task = "v2s"\ncrop = "mouth96"\nsample_rate = 16000\nscaling = "unit"\n'
    )
    facts, answer = ask(str(tmp_path / "model.pt2"))
    assert facts.card == {}
    assert (np.abs(answer.samples - 0.1 * 32_768) <= 1).all()


LIPREADER = 'task = "lipreading"\ncrop = "mouth96"\nscaling = "unit"\nlabels = ["", "a"]\n'


@pytest.mark.parametrize(
    ("sides", "says"), [({}, r"40 frames: crash: .*== 75"), ({1: torch.export.Dim.AUTO}, "")]
)
def test_a_dry_run_says_whether_a_network_takes_75_frames_alone(tmp_path, sides, says):
    class Rows(torch.nn.Module):
        def forward(self, frames):
            return frames.mean(dim=(3,))[:, :, :2]

    program = torch.export.export(Rows(), (torch.zeros(1, 75, 8, 8),), dynamic_shapes=(sides,))
    torch.export.save(program, tmp_path / "model.pt2")
    (tmp_path / "model.toml").write_text(LIPREADER)
    with Worker(parse_model(str(tmp_path / "model.pt2"))) as worker:
        assert re.match(f"{says}$", dry_run(worker, [FRAMES]).other_length)


def test_a_sound_as_long_as_its_frames_is_right_at_any_length(tmp_path):
    class Hum(torch.nn.Module):
        def forward(self, frames):
            return frames.mean(dim=(2, 3)).repeat_interleave(640, dim=1)

    sides = ({1: torch.export.Dim.AUTO},)
    program = torch.export.export(Hum(), (torch.zeros(1, 75, 8, 8),), dynamic_shapes=sides)
    torch.export.save(program, tmp_path / "model.pt2")
    (tmp_path / "model.toml").write_text(
        'task = "v2s"\ncrop = "mouth96"\nsample_rate = 16000\nscaling = "unit"\n'
    )
    with Worker(parse_model(str(tmp_path / "model.pt2"))) as worker:
        assert dry_run(worker, [FRAMES]).other_length == ""


def test_an_exported_lipreader_says_that_it_is_read_greedily(tmp_path):
    class Blank(torch.nn.Module):
        def forward(self, frames):
            return frames.mean() * torch.tensor([[[0.0, 1.0]]])

    program = torch.export.export(Blank(), (torch.zeros(1, 75, 8, 8),))
    torch.export.save(program, tmp_path / "model.pt2")
    (tmp_path / "model.toml").write_text(LIPREADER)
    facts, answer = ask(str(tmp_path / "model.pt2"))
    assert (facts.card, answer.text) == ({"decoding": "greedy"}, "a")


@pytest.mark.skipif(not importlib.util.find_spec("onnxruntime"), reason="onnxruntime missing")
def test_an_onnx_file_is_a_system(tmp_path):
    (tmp_path / "model.onnx").write_bytes(base64.b64decode(MEAN_ONNX))
    (tmp_path / "model.toml").write_text(
        'task = "v2s"\ncrop = "mouth96"\nsample_rate = 16000\nscaling = "unit"\n'
    )
    _, answer = ask(str(tmp_path / "model.onnx"))
    assert (np.abs(answer.samples - 0.2 * 32_768) <= 1).all()


@pytest.mark.skipif(not importlib.util.find_spec("onnxruntime"), reason="onnxruntime missing")
def test_a_gru_that_torch_exported_to_compute_something_else_is_refused(tmp_path):
    good = base64.b64decode(GRU_ONNX)
    wrong = good.replace(b"linear_before_reset\x18\x01", b"linear_before_reset\x18\x00")
    assert wrong != good
    (tmp_path / "model.toml").write_text(LIPREADER)
    # others may mean it: Keras has it as an option
    for content in (good, wrong.replace(b"pytorch", b"another")):
        (tmp_path / "model.onnx").write_bytes(content)
        assert ask(str(tmp_path / "model.onnx"))[1].failure is None
    (tmp_path / "model.onnx").write_bytes(wrong)
    with pytest.raises(SystemLoadError, match=r"its GRU gru_1 has linear_before_reset 0.*0\.7\.1"):
        ask(str(tmp_path / "model.onnx"))


@pytest.mark.skipif(importlib.util.find_spec("onnxruntime") is not None, reason="onnxruntime here")
def test_onnx_without_onnxruntime_says_what_to_install(tmp_path):
    (tmp_path / "model.onnx").touch()
    (tmp_path / "model.toml").write_text(
        'task = "v2s"\ncrop = "m"\nsample_rate = 16000\nscaling = "unit"\n'
    )
    with pytest.raises(MissingExtraError, match=r"pip install 'gridkit\[onnx\]'"):
        ask(str(tmp_path / "model.onnx"))


def test_the_description_of_an_export_is_strict(tmp_path):
    lines = {
        "task": 'task = "lipreading"',
        "crop": 'crop = "mouth96"',
        "scaling": 'scaling = "unit"',
        "labels": 'labels = ["", "a"]',
    }

    def read(changed):
        path = tmp_path / "model.toml"
        path.write_text("\n".join((lines | changed).values()))
        return read_interface(path)

    assert read({}).labels == ("", "a")
    for changed, says in [
        ({"crop": ""}, "key crop is missing"),
        ({"new": "colour = 3"}, "key colour is unknown here"),
        ({"new": "sample_rate = 16000"}, "key sample_rate is unknown here"),
        ({"scaling": 'scaling = "big"'}, "scaling has to be one of unit, symmetric, bytes"),
        ({"task": 'task = "other"'}, "task has to be"),
        ({"labels": "labels = [1]"}, "labels has to be a list of strings"),
        ({"labels": "labels ="}, "model.toml cannot be read"),
    ]:
        with pytest.raises(SystemLoadError, match=says):
            read(changed)


def test_pixels_are_scaled_as_described():
    pixels = np.array([0, 255], np.uint8)
    assert scale(pixels, "unit").tolist() == [0, 1]
    assert scale(pixels, "symmetric").tolist() == [-1, 1]
    assert scale(pixels, "bytes").dtype == np.uint8


def test_the_best_path_merges_repeats_and_drops_blanks():
    symbols = [1, 1, 0, 1, 2, 2, 0]
    assert best_path(np.eye(3)[symbols], ("", "a", " b")) == "aa b"
    with pytest.raises(ValueError, match="3 labels"):
        best_path(np.zeros((5, 2)), ("", "a", "b"))


@pytest.mark.parametrize("labels", [["a", "b"], ["", "a", ""], [""], []])
def test_labels_without_one_blank_are_refused(tmp_path, labels):
    path = tmp_path / "model.toml"
    path.write_text(
        f'task = "lipreading"\ncrop = "mouth96"\nscaling = "unit"\nlabels = {json.dumps(labels)}\n'
    )
    with pytest.raises(SystemLoadError, match="labels names the CTC blank"):
        read_interface(path)
