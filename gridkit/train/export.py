"""A run as a recipe folder: settings as they were used, weights, what they were trained on.
`gridkit evaluate --model FOLDER` takes it as it is.
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
from gridkit.recipe.schema import TRAINED_ON_FILE, WEIGHTS_FILE
from gridkit.recipe.shelf import RECIPE_FILE
from gridkit.store.files import write_file
from gridkit.train.settings import AugmentationSettings, TrainingSettings

HASHED_WEIGHTS = f"weights-{12 * '[0-9a-f]'}.safetensors"
"""What the files of weights are called while a run goes on, as a pattern of names."""


class RunExport:
    """Makes a run's folder a recipe, again and again while it trains.

    Whatever kills it, the folder is the recipe of the time before or of this one: weights never
    overwrite those that `recipe.toml` names, and it is replaced last, in one rename.

    Args:
        recipe: what is trained; its file is read now, so that it may be edited meanwhile.
        training: settings that are used.
        augmentation: settings that are used.
        trained_on: ids of the clips trained on.
        folder: where to.
    """

    def __init__(
        self,
        recipe: Recipe,
        training: TrainingSettings,
        augmentation: AugmentationSettings,
        trained_on: Iterable[str],
        folder: Path,
    ):
        self._folder, self._trained_on = folder, tuple(trained_on)
        table = tomllib.loads((recipe.folder / RECIPE_FILE).read_text(encoding="utf-8"))
        table.pop("results", None)  # those of other weights
        speakers = {split_id(clip)[0] for clip in self._trained_on}
        table["training_speakers"] = sorted(speakers, key=speaker_order)
        table["data"] = {"split": recipe.split}
        table["training"], table["augmentation"] = asdict(training), asdict(augmentation)
        self._table = table

    def keep(self, weights: Mapping[str, torch.Tensor]) -> None:
        """Write the weights so far, in a file that is named by their hash.

        Raises:
            RecipeError: see `gridkit.recipe.pack_weights`.
            DiskFullError, EnvironmentProblem: see `gridkit.store.files.write_file`.
        """
        self._write(pack_weights(weights))

    def finish(self, weights: Mapping[str, torch.Tensor]) -> int:
        """Write the weights of the end as `weights.safetensors`; return their size in bytes.

        Raises:
            RecipeError, DiskFullError, EnvironmentProblem: see `keep`.
        """
        content = pack_weights(weights)
        self._write(content)  # so that recipe.toml does not name the file that is replaced next
        self._write(content, WEIGHTS_FILE)
        return len(content)

    def _write(self, content: bytes, name: str | None = None) -> None:
        digest = hashlib.sha256(content).hexdigest()
        name = name or f"weights-{digest[:12]}.safetensors"
        self._table["weights"] = {"file": name, "sha256": digest, "trained_on": TRAINED_ON_FILE}
        lines = "".join(f"{clip}\n" for clip in self._trained_on)
        write_file(self._folder / TRAINED_ON_FILE, lines.encode())
        write_file(self._folder / name, content)
        write_file(self._folder / RECIPE_FILE, to_toml(self._table).encode())
        for old in (self._folder / WEIGHTS_FILE, *self._folder.glob(HASHED_WEIGHTS)):
            if old.name != name:
                old.unlink(missing_ok=True)


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
