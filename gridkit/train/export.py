"""A finished run as a recipe folder: settings as they were used, weights, what they were
trained on. `gridkit evaluate --model FOLDER` takes it as it is.
"""

import hashlib
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from gridkit.corpus.codes import speaker_order, split_id
from gridkit.recipe import Recipe, pack_weights
from gridkit.recipe.schema import RECIPE_FILE, TRAINED_ON_FILE, WEIGHTS_FILE
from gridkit.store.files import write_file
from gridkit.train.settings import AugmentationSettings, TrainingSettings


def export_run(
    recipe: Recipe,
    training: TrainingSettings,
    augmentation: AugmentationSettings,
    weights: Mapping[str, torch.Tensor],
    trained_on: Iterable[str],
    folder: Path,
) -> int:
    """Write `recipe.toml`, `weights.safetensors` and `trained_on.txt`.

    Args:
        recipe: what was trained.
        training: settings that were used.
        augmentation: settings that were used.
        weights: the weights that are kept.
        trained_on: ids of the clips trained on.
        folder: where to.

    Returns:
        The size of the weights in bytes.
    """
    content, trained_on = pack_weights(weights), tuple(trained_on)
    table = tomllib.loads((recipe.folder / RECIPE_FILE).read_text(encoding="utf-8"))
    table.pop("results", None)  # those of other weights
    table["training_speakers"] = sorted({split_id(i)[0] for i in trained_on}, key=speaker_order)
    table["data"] = {"split": recipe.split}
    table["training"], table["augmentation"] = asdict(training), asdict(augmentation)
    table["weights"] = {
        "file": WEIGHTS_FILE,
        "sha256": hashlib.sha256(content).hexdigest(),
        "trained_on": TRAINED_ON_FILE,
    }
    write_file(folder / WEIGHTS_FILE, content)
    write_file(folder / TRAINED_ON_FILE, "".join(f"{clip}\n" for clip in trained_on).encode())
    write_file(folder / RECIPE_FILE, to_toml(table).encode())
    return len(content)


def to_toml(table: Mapping[str, Any]) -> str:
    """Return a recipe's tables as TOML: plain values first, then one level of tables.

    >>> print(to_toml({"name": "a", "data": {"split": "s1", "sizes": (1, 2)}}), end="")
    name = "a"
    <BLANKLINE>
    [data]
    split = "s1"
    sizes = [1, 2]
    """
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    lines = [f"{key} = {_value(value)}" for key, value in plain.items()]
    for name, part in table.items():
        if isinstance(part, Mapping):
            lines += ["", f"[{name}]", *(f"{key} = {_value(v)}" for key, v in part.items())]
    return "\n".join(lines) + "\n"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return repr(value)
