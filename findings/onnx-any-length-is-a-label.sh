#!/usr/bin/env bash
# What: torch.onnx.export of a GRU or LSTM with a dynamic time axis. The file says that any number of
#   frames is allowed; it runs with the exported number alone, and a second export in the same process
#   gives another file than the first.
# Versions: torch 2.13.0 (CPU), onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.31.1.
# Seen: GRU, then a linear layer; exported with 20 frames, run with 10, 20 and 75:
#   dynamic_shapes={"x": {1: Dim("frames")}}   input [1, 'frames', 8], but only 20 run (a Reshape fails)
#   the same call once more, a new network     input [1, 20, 8]: the axis is now fixed, no error
#   torch.export.export, the same shapes       refuses: "frames = 20"
#   example of one clip, Dim.AUTO              input [1, 's..', 8], but only 20 run
#   example of two clips, Dim.AUTO twice       all run, for one clip too; two GRUs one after the other: only 20 run
#   dynamo=False, dynamic_axes                 all run, also with two GRUs
# Why it matters: lipreaders and recognisers are recurrent and take clips of any length. The export passes
#   with its own check, the label is right, and the first clip of another length fails in production.
# Workaround: dynamo=False; or two clips and Dim.AUTO for both axes, then a run with another length.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q torch==2.13.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.31.1 numpy==2.4.6
cat > export.py <<'E'
import logging
import sys
import warnings

import numpy as np
import onnxruntime
import torch
from torch import nn
from torch.export import Dim

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
onnxruntime.set_default_logger_severity(4)
torch.manual_seed(0)


class Reader(nn.Module):
    def __init__(self, cell, count):
        super().__init__()
        sizes = [8] + [16] * count
        self.cells = nn.ModuleList(cell(a, b, batch_first=True) for a, b in zip(sizes, sizes[1:]))
        self.symbols = nn.Linear(16, 28)

    def forward(self, x):
        for cell in self.cells:
            x = cell(x)[0]
        return self.symbols(x)


def runs(name, clips=1, cell=nn.GRU, count=1, **shapes):
    """The lengths that the exported file runs with, rightly, and the time axis of its input."""
    network = Reader(cell, count).eval()
    names = {"input_names": ["x"], "output_names": ["y"], "verbose": False}
    torch.onnx.export(network, (torch.zeros(clips, 20, 8),), "reader.onnx", **names, **shapes)
    session = onnxruntime.InferenceSession("reader.onnx", providers=["CPUExecutionProvider"])
    axis, good = session.get_inputs()[0].shape[1], []
    for frames in (10, 20, 75):
        x = torch.randn(1, frames, 8)
        try:
            y = session.run(None, {"x": x.numpy()})[0]
        except Exception:  # onnxruntime has a class of its own for each kind of failure
            continue
        if np.allclose(y, network(x).detach().numpy(), atol=1e-5):
            good.append(frames)
    print(f"{name:46} time axis {axis!r}, runs with {good}", flush=True)
    return isinstance(axis, str), good


named, auto = {"x": {1: Dim("frames")}}, {"x": {0: Dim.AUTO, 1: Dim.AUTO}}
old = {"dynamo": False, "dynamic_axes": {"x": {1: "frames"}, "y": {1: "frames"}}}
cell = {"GRU": nn.GRU, "LSTM": nn.LSTM}[sys.argv[1]]
same = runs("Dim('frames')", cell=cell, dynamic_shapes=named) == (True, [20])
same &= runs("Dim('frames'), second export", cell=cell, dynamic_shapes=named) == (False, [20])
try:
    torch.export.export(Reader(cell, 1).eval(), (torch.zeros(1, 20, 8),), dynamic_shapes=named)
    same = False
except Exception as error:
    refused = "frames = 20" in str(error)
    print("torch.export.export refuses and says frames = 20:", refused)
    same &= refused
same &= runs("one clip, Dim.AUTO", cell=cell, dynamic_shapes={"x": {1: Dim.AUTO}}) == (True, [20])
same &= runs("two clips, Dim.AUTO twice", 2, cell=cell, dynamic_shapes=auto) == (True, [10, 20, 75])
same &= runs("two clips, Dim.AUTO twice, two cells", 2, cell=cell, count=2, dynamic_shapes=auto) == (True, [20])
same &= runs("dynamo=False, two cells", cell=cell, count=2, **old) == (True, [10, 20, 75])
sys.exit(not same)
E
for cell in GRU LSTM; do
  echo "$cell"
  venv/bin/python export.py "$cell" || { echo "CHANGED: $cell is exported in another way"; exit 1; }
done
echo "as stated"
