"""The ONNX exports that the guide shows, by PyTorch's own exporters: right at any length.

They need the packages `onnx` and `onnxscript`, which gridkit itself does not.
"""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch

from gridkit.evaluation.predictions.ask import dry_run
from gridkit.evaluation.sandbox.guest.onnx_nodes import wrong_grus
from gridkit.evaluation.sandbox.worker import Worker
from gridkit.evaluation.systems.spec import parse_model

GUIDE = Path(__file__).parents[4] / "docs" / "wrap-a-model.md"
LACKING = [
    name for name in ("onnx", "onnxscript", "onnxruntime") if not importlib.util.find_spec(name)
]
pytestmark = pytest.mark.skipif(bool(LACKING), reason=f"{', '.join(LACKING)} missing")
LENGTHS = (40, 75, 200)
SYMBOLS = 28


class Lipreader(torch.nn.Module):
    """A convolution, two GRUs both ways and a layer: what LipNet is made of, in small."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv3d(1, 2, (3, 5, 5), (1, 8, 8), (1, 2, 2))
        self.gru = torch.nn.GRU(2 * 12 * 12, 16, 2, batch_first=True, bidirectional=True)
        self.out = torch.nn.Linear(32, SYMBOLS)

    def forward(self, frames):
        seen = torch.relu(self.conv(frames[:, None])).transpose(1, 2).flatten(2)
        return self.out(self.gru(seen)[0])


def exports():
    """Return the python blocks of the guide that export to ONNX."""
    blocks = [part.partition("```")[0] for part in GUIDE.read_text().split("```python\n")[1:]]
    return [block for block in blocks if "torch.onnx.export(" in block]


@pytest.mark.parametrize("way", [0, 1])
def test_an_export_of_the_guide_is_right_at_any_length(way, tmp_path, monkeypatch):
    import onnxruntime

    assert len(exports()) == 2
    torch.manual_seed(0)
    network = Lipreader().eval()
    monkeypatch.chdir(tmp_path)
    exec(compile(exports()[way], str(GUIDE), "exec"), {"network": network})
    assert wrong_grus(tmp_path / "model.onnx") == []
    session = onnxruntime.InferenceSession("model.onnx")
    (port,) = session.get_inputs()
    for length in LENGTHS:
        clip = torch.rand(1, length, 96, 96)
        with torch.inference_mode():
            expected = network(clip).numpy()
        (found,) = session.run(None, {port.name: clip.numpy()})
        assert found.shape == (1, length, SYMBOLS)
        assert np.abs(found - expected).max() < 1e-4
    labels = ", ".join(f'"{letter}"' for letter in ["", *"abcdefghijklmnopqrstuvwxyz "])
    Path("model.toml").write_text(
        f'task = "lipreading"\ncrop = "mouth96"\nscaling = "unit"\nlabels = [{labels}]\n'
    )
    with Worker(parse_model("model.onnx")) as worker:
        assert dry_run(worker, [np.zeros((75, 96, 96), np.uint8)]).other_length == ""
