"""Exported networks as systems: `model.pt2` (torch.export) and `model.onnx` (onnxruntime).

A `model.toml` beside the file says what the network expects; no other keys:

    task = "v2s"            # or "lipreading"
    crop = "mouth96"        # crop profile
    sample_rate = 16000     # Hz of its sound; v2s only
    scaling = "unit"        # pixels: "unit" [0, 1], "symmetric" [-1, 1], or "bytes" (uint8, as is)
    labels = ["", "a"]      # lipreading only: output symbols, "" is the CTC blank

The network takes one clip with a batch axis, (1, T, H, W), or (1, T, H, W, 3) where the crop has
colour; float32 unless scaling is "bytes". It gives sound, (1, N) or (N,), or for lipreading
scores, (1, T', symbols) or (T', symbols): the best symbol of each step, repeats merged, blanks
dropped. Another order of axes belongs into the exported network.
"""

import importlib
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from gridkit.errors import MissingExtraError, SystemLoadError
from gridkit.evaluation.sandbox.guest.onnx_nodes import wrong_grus
from gridkit.evaluation.sandbox.guest.ports import Port, check_input, check_output

SCALINGS = ("unit", "symmetric", "bytes")
Network = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Interface:
    """What the `.toml` beside an exported network says."""

    task: str
    crop: str
    scaling: str
    sample_rate: int | None = None
    labels: tuple[str, ...] = ()


class Exported:
    """An exported network with what is around it; a `System`."""

    def __init__(self, interface: Interface, network: Network):
        self.task, self.crop = interface.task, interface.crop
        self.sample_rate = interface.sample_rate
        self.card = {"decoding": "greedy"} if self.task == "lipreading" else {}
        self._interface, self._network = interface, network

    def __call__(self, frames: np.ndarray) -> np.ndarray | str:
        """Return sound or text for one clip, as the contract of a system says."""
        output = self._network(scale(frames, self._interface.scaling)[None])
        if self.task == "v2s":
            return output[0] if output.ndim == 2 and len(output) == 1 else output
        if output.ndim == 3 and len(output) != 1:
            raise ValueError(f"scores of shape {output.shape}: the batch comes first")
        scores = output[0] if output.ndim == 3 else output
        return best_path(scores, self._interface.labels)


def load_exported(kind: str, path: Path, device: str) -> Exported:
    """Load `model.pt2` or `model.onnx` and the `.toml` beside it.

    Raises:
        SystemLoadError: the `.toml` breaks the format, the file is not such a network, or it
            cannot be told what it takes and gives.
        MissingExtraError: onnxruntime is not installed.
    """
    interface = read_interface(path.with_suffix(".toml"))
    load = _load_onnx if kind == "onnx" else _load_torch
    return Exported(interface, load(path, device, interface))


def read_interface(path: Path) -> Interface:
    """Read the `.toml` beside an exported network.

    Raises:
        SystemLoadError: a key is missing, unknown or wrong; the message names it.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SystemLoadError(f"{path.name} cannot be read: {error}") from error
    own = {"v2s": "sample_rate", "lipreading": "labels"}.get(str(content.get("task")))
    if own is None:
        raise SystemLoadError(f'{path.name}: task has to be "v2s" or "lipreading"')
    known = {"task", "crop", "scaling", own}
    if wrong := sorted(known ^ content.keys()):
        word = "missing" if wrong[0] in known else "unknown here"
        raise SystemLoadError(
            f"{path.name}: key {wrong[0]} is {word}; it holds {', '.join(sorted(known))}"
        )
    if content["scaling"] not in SCALINGS:
        raise SystemLoadError(f"{path.name}: scaling has to be one of {', '.join(SCALINGS)}")
    labels = content.pop("labels", [])
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise SystemLoadError(f"{path.name}: labels has to be a list of strings")
    if own == "labels" and (labels.count("") != 1 or len(labels) == 1):
        raise SystemLoadError(
            f'{path.name}: labels names the CTC blank, "", {labels.count("")} times among '
            f"{len(labels)}; name it once, at the place of the blank, beside one symbol or more"
        )
    return Interface(**content, labels=tuple(labels))


def scale(frames: np.ndarray, scaling: str) -> np.ndarray:
    """Return uint8 pixels as the network wants them.

    >>> scale(np.array([0, 255], np.uint8), "symmetric")
    array([-1.,  1.], dtype=float32)
    """
    if scaling == "bytes":
        return frames
    unit = frames.astype(np.float32) / np.float32(255)
    return unit if scaling == "unit" else 2 * unit - 1


def best_path(scores: np.ndarray, labels: tuple[str, ...]) -> str:
    """Return the text of the best symbol of each step, CTC style.

    Args:
        scores: (steps, symbols).
        labels: one per symbol; "" is the blank.

    >>> best_path(np.eye(3)[[1, 1, 0, 1, 2]], ("", "a", "b"))
    'aab'
    """
    if scores.ndim != 2 or scores.shape[1] != len(labels):
        raise ValueError(f"scores of shape {scores.shape} for {len(labels)} labels")
    return "".join(labels[symbol] for symbol, _ in groupby(scores.argmax(axis=1).tolist()))


def _load_torch(path: Path, device: str, interface: Interface) -> Network:
    import torch

    try:
        program = torch.export.load(path)
        module = program.module().to(device)
    except Exception as error:  # torch raises many kinds for a file that is not an archive
        raise SystemLoadError(
            f"{path.name} is not a torch.export archive that torch {torch.__version__} loads: "
            f"{str(error).partition(chr(10))[0]}"
        ) from error

    signature = program.graph_signature
    found = {node.name: node.meta.get("val") for node in program.graph.nodes}
    _check(
        path,
        interface,
        [_torch_port(str(name), found.get(name)) for name in signature.user_inputs],
        [_torch_port(str(name), found.get(name)) for name in signature.user_outputs],
    )

    def network(batch: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            # the one output may lie in a tuple or a dict
            (output,) = torch.utils._pytree.tree_leaves(module(torch.from_numpy(batch).to(device)))
        return np.asarray(output.float().cpu().numpy())

    return network


def _torch_port(name: str, value: object) -> Port:
    """Return an input or output by its example; one that is not a tensor has its type's name."""
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", type(value).__name__)
    # a side that may vary is a symbol
    sides = None if shape is None else tuple(s if type(s) is int else None for s in shape)
    return Port(name, str(dtype).removeprefix("torch."), sides)


def _check(
    path: Path, interface: Interface, inputs: Sequence[Port], outputs: Sequence[Port]
) -> None:
    check_input(path.name, inputs, interface.scaling)
    check_output(path.name, outputs, interface.task, len(interface.labels))


def _load_onnx(path: Path, device: str, interface: Interface) -> Network:
    try:
        onnxruntime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise MissingExtraError(
            f"{path.name} needs onnxruntime; run `pip install 'gridkit[onnx]'`"
        ) from error
    provider = "CUDAExecutionProvider" if device.startswith("cuda") else "CPUExecutionProvider"
    try:
        session = onnxruntime.InferenceSession(str(path), providers=[provider])
    except Exception as error:  # its errors share no base class
        raise SystemLoadError(
            f"{path.name} cannot be loaded by onnxruntime {onnxruntime.__version__}: "
            f"{str(error).partition(chr(10))[0]}"
        ) from error
    if wrong := wrong_grus(path):
        raise SystemLoadError(
            f"{path.name}: its GRU {', '.join(wrong[:3])} has linear_before_reset 0, which is not "
            "what PyTorch computes, so its answers are wrong; export it again with onnxscript "
            "0.7.1 or later, or with dynamo=False"
        )
    inputs, outputs = session.get_inputs(), session.get_outputs()
    _check(path, interface, list(map(_onnx_port, inputs)), list(map(_onnx_port, outputs)))

    def network(batch: np.ndarray) -> np.ndarray:
        return np.asarray(session.run(None, {inputs[0].name: batch})[0], np.float32)

    return network


def _onnx_port(entry: Any) -> Port:
    """Return an input or output as onnxruntime describes it: `tensor(float)`, sides or names."""
    dtype = str(entry.type).removeprefix("tensor(").removesuffix(")")
    names = {"float": "float32", "double": "float64"}
    # onnxruntime gives an empty shape where the file has none
    sides = tuple(side if type(side) is int else None for side in entry.shape) or None
    return Port(str(entry.name), names.get(dtype, dtype), sides)
