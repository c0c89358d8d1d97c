"""Recipes of models with a few weights, written into a folder."""

import hashlib
from pathlib import Path

import torch

from gridkit.recipe import (
    build_model,
    load_recipe,
    pack_weights,
    weights_of,
)

HEAD = """
name = "small"
task = "{task}"
licence = "Apache-2.0"
training_speakers = ["s1"]
"""
LIPREADER = (
    HEAD.format(task="lipreading")
    + """
[model]
class = "lipnet"
height_px = 16
width_px = 24
colours = 1
mean = [0.5]
deviation = [0.2]
channels = [4, 4, 4]
hidden = 8
[input]
crop = "mouth96"
region_px = [0, 16, 96, 64]
size_px = [30, 20]
[data]
split = "s1"
[training]
steps = 10
[augmentation]
"""
)
RECOGNISER = (
    HEAD.format(task="recognition")
    + """
[model]
class = "recogniser"
front = "1d"
channels = [8, 8]
hidden = 8
[data]
split = "s1"
[training]
steps = 10
[augmentation]
"""
)
VOICE = (
    HEAD.format(task="v2s")
    + """
[model]
class = "v2s-mel"
height_px = 16
width_px = 24
mean = [0.5]
deviation = [0.2]
channels = [4, 4, 4]
bottleneck = 8
hidden = 8
decoder_channels = 8
decoder_blocks = 1
vocoder_channels = 8
vocoder_blocks = 1
[input]
crop = "mouth96"
region_px = [0, 16, 96, 64]
size_px = [30, 20]
[data]
split = "s1"
[training]
steps = 10
[augmentation]
"""
)
WEIGHTS = """
[weights]
file = "weights.safetensors"
sha256 = "{sha256}"
trained_on = "trained_on.txt"
"""


def write_recipe(folder: Path, text: str, *, with_weights: bool = True, ids="s1/bbaf2n\n") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.toml").write_text(text)
    if with_weights:
        torch.manual_seed(0)
        content = pack_weights(weights_of(build_model(load_recipe(folder).model)))
        (folder / "weights.safetensors").write_bytes(content)
        (folder / "trained_on.txt").write_text(ids)
        sha256 = hashlib.sha256(content).hexdigest()
        (folder / "recipe.toml").write_text(text + WEIGHTS.format(sha256=sha256))
    return folder
