#!/usr/bin/env bash
# What: onnxscript before 0.7.1 writes a PyTorch GRU into ONNX with the wrong place of the reset gate
#   (linear_before_reset=0; PyTorch's is 1). The file is valid and runs; its numbers are wrong.
# Versions: torch 2.13.0 (CPU), onnx 1.23.2, onnxruntime 1.31.1; onnxscript 0.7.0, then 0.7.1.
# Seen: a GRU of 8 to 16, random weights, two clips of 20 frames, largest difference from PyTorch:
#   onnxscript 0.7.0   linear_before_reset=0   0.17 (the outputs are in [-1, 1])
#   onnxscript 0.7.1   linear_before_reset=1   under 1e-6
#   An LSTM is right with both. torch does not name a version of onnxscript that it needs.
# Why it matters: a GRU trained for lipreading still gives words, only worse ones; the loss looks like a
#   fault of quantisation or of the frames.
# Workaround: onnxscript>=0.7.1, and compare one output with PyTorch after each export.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
venv/bin/pip install -q torch==2.13.0 onnx==1.23.2 onnxscript==0.7.0 onnxruntime==1.31.1 numpy==2.4.6
cat > export.py <<'E'
import logging
import warnings

import onnx
import onnxruntime
import onnxscript
import torch

warnings.simplefilter("ignore")
logging.disable(logging.WARNING)
torch.manual_seed(0)


def error(kind):
    network = getattr(torch.nn, kind)(8, 16, batch_first=True).eval()
    x = torch.randn(2, 20, 8)
    torch.onnx.export(network, (x,), "cell.onnx", input_names=["x"], verbose=False)
    nodes = [node for node in onnx.load("cell.onnx").graph.node if node.op_type == kind]
    reset = [a.i for node in nodes for a in node.attribute if a.name == "linear_before_reset"]
    session = onnxruntime.InferenceSession("cell.onnx", providers=["CPUExecutionProvider"])
    y = torch.from_numpy(session.run(None, {"x": x.numpy()})[0])
    worst = float((y - network(x)[0]).abs().max())
    wrong = "wrong" if worst > 0.05 else "right" if worst < 1e-5 else "near"
    print(onnxscript.__version__, kind, f"linear_before_reset={reset} {wrong} ({worst:.1e})", flush=True)
    return f"{onnxscript.__version__} {kind} {reset} {wrong}"


with open("seen.txt", "a") as file:
    for kind in ("GRU", "LSTM"):
        print(error(kind), file=file)
E
venv/bin/python export.py
venv/bin/pip install -q onnxscript==0.7.1
venv/bin/python export.py
cat > stated.txt <<'E'
0.7.0 GRU [0] wrong
0.7.0 LSTM [] right
0.7.1 GRU [1] right
0.7.1 LSTM [] right
E
if cmp -s seen.txt stated.txt; then echo "as stated"; else echo "CHANGED: see above"; exit 1; fi
