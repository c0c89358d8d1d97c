"""What a recipe is: a folder with `recipe.toml` and weights.

    name, task, decoding, licence           what it is; task is one of `gridkit.recipe.model_kinds`;
                                            decoding where it gives text
    training_speakers, built_on             whom it was trained on; recipes it took weights or
                                            features from, whose training clips count as its own
    [model]     class and its settings      [input]     crop profile, region and size
    [data]      split                       [training]  [augmentation]   see gridkit.train.settings
    [weights]   file, sha256, trained_on    [[results]] metric, value, interval, command, ...

`results` may be a line that says why there are none. Unknown keys are errors. `trained_on` is a
file of clip ids, one per line: what a check for contamination reads.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from gridkit.corpus.tasks import TASKS
from gridkit.errors import RecipeError
from gridkit.models.frames import FrameInput, FrameWindow
from gridkit.recipe.model_kinds import KINDS, ModelKind, ModelSettings
from gridkit.recipe.shelf import RECIPE_FILE

WEIGHTS_FILE = "weights.safetensors"
TRAINED_ON_FILE = "trained_on.txt"
DECODINGS = ("greedy", "beam", "grammar")

Record = TypeVar("Record")


@dataclass(frozen=True)
class Weights:
    """Where the weights are, and what they were trained on."""

    file: str
    sha256: str
    trained_on: str
    """File of clip ids."""


@dataclass(frozen=True)
class Measured:
    """A measured figure, with what is needed to measure it again."""

    metric: str
    value: float
    low: float
    high: float
    n: int
    decoding: str | None = field(default=None, kw_only=True)
    """None where the recipe gives sound."""
    split: str
    command: str
    machine: str
    date: str


@dataclass(frozen=True)
class Recipe:
    """One model: how it is made, and what it reached."""

    name: str
    task: str
    licence: str
    training_speakers: tuple[str, ...]
    split: str
    model: ModelSettings
    input: FrameInput | None
    """None for a speech recogniser: it is given sound."""
    training: Mapping[str, Any]
    augmentation: Mapping[str, Any]
    decoding: str | None = None
    """How its text is made; None where it gives sound."""
    mirror: bool = False
    """Whether a lipreader reads a clip and its mirror image, and decodes their mean."""
    built_on: tuple[str, ...] = ()
    """Folders of other recipes, next to this one."""
    weights: Weights | None = None
    results: tuple[Measured, ...] | str = ()
    folder: Path = field(default_factory=Path)


@dataclass(frozen=True)
class _Head:
    name: str
    task: str
    licence: str
    training_speakers: tuple[str, ...]
    decoding: str | None = None
    mirror: bool = False
    built_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Data:
    split: str


_TABLES = ("model", "input", "data", "training", "augmentation", "weights", "results")


def load_recipe(folder: Path) -> Recipe:
    """Read a recipe.

    Raises:
        RecipeError: `recipe.toml` is missing, is not TOML, or has an unknown or a wrong key.
    """
    path = folder / RECIPE_FILE
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(
            f"{folder} is not a recipe: cannot read {path.name}: {error.strerror}"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: {error}") from error
    return parse_recipe(table, folder)


def parse_recipe(table: Mapping[str, Any], folder: Path) -> Recipe:
    """Make a recipe of the tables of its TOML file; see `load_recipe`."""
    where = str(folder / RECIPE_FILE)
    top = {key: value for key, value in table.items() if key not in _TABLES}
    head = fill(_Head, top, where)
    model, kind = _model(_table(table, "model", where), where)
    if head.task not in TASKS:
        raise RecipeError(f"{where}: no task {head.task!r}; it is one of {', '.join(TASKS)}")
    if head.task != kind.task:
        raise RecipeError(f"{where}: a model of this class does not do the task {head.task!r}")
    task = TASKS[kind.task]
    frame_input = None
    if task.has_frames:
        frame_input = fill(FrameInput, _table(table, "input", where), f"{where} [input]")
        _check_window(model, frame_input, where)
    weights = table.get("weights")
    return Recipe(
        name=head.name,
        task=head.task,
        licence=head.licence,
        training_speakers=head.training_speakers,
        split=fill(_Data, _table(table, "data", where), f"{where} [data]").split,
        model=model,
        input=frame_input,
        training=_table(table, "training", where),
        augmentation=_table(table, "augmentation", where),
        decoding=_decoding(head, where),
        mirror=head.mirror,
        built_on=head.built_on,
        weights=None if weights is None else fill(Weights, weights, f"{where} [weights]"),
        results=_results(table.get("results", ()), where),
        folder=folder,
    )


def fill(record: type[Record], table: Mapping[str, Any], where: str) -> Record:
    """Make a frozen record of a TOML table; lists become tuples.

    Raises:
        RecipeError: a key is unknown or missing, or a value has another type.
    """
    assert is_dataclass(record)
    known = {entry.name: entry for entry in fields(record)}
    hints = get_type_hints(record)
    for key in table:
        if key not in known:
            raise RecipeError(f"{where}: unknown key {key!r}; it has {', '.join(known)}")
    lacking = [
        name
        for name, entry in known.items()
        if name not in table and entry.default is MISSING and entry.default_factory is MISSING
    ]
    if lacking:
        raise RecipeError(f"{where}: {', '.join(lacking)} is missing")
    values = {}
    for key, value in table.items():
        values[key] = _tuples(value)
        if not _fits(values[key], hints[key]):
            raise RecipeError(f"{where}: {key} = {value!r} is not a {_type_name(hints[key])}")
    return record(**values)


def _fits(value: object, hint: Any) -> bool:
    if get_origin(hint) is UnionType:
        return any(_fits(value, one) for one in get_args(hint))
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        if not isinstance(value, tuple):
            return False
        if kinds[-1] is Ellipsis:
            return all(_fits(part, kinds[0]) for part in value)
        return len(value) == len(kinds) and all(map(_fits, value, kinds))
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)


def _type_name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) and get_origin(hint) is None else str(hint)


def _tuples(value: object) -> object:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _table(table: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    if not isinstance(table.get(name), Mapping):
        raise RecipeError(f"{where}: table [{name}] is missing")
    part: Mapping[str, Any] = table[name]
    return part


def _model(table: Mapping[str, Any], where: str) -> tuple[ModelSettings, ModelKind]:
    settings = dict(table)
    name = settings.pop("class", None)
    if name not in KINDS:
        raise RecipeError(f"{where} [model]: no class {name!r}; it is one of {', '.join(KINDS)}")
    kind = KINDS[name]
    model: ModelSettings = fill(kind.settings, settings, f"{where} [model]")
    mistake = next(model.mistakes(), None)
    if mistake is not None:
        raise RecipeError(f"{where} [model]: {mistake}")
    return model, kind


def _decoding(head: _Head, where: str) -> str | None:
    if not TASKS[head.task].has_text:
        if head.decoding is not None:
            raise RecipeError(f"{where}: task {head.task} has no decoding: it gives sound")
        return None
    decoding = head.decoding or DECODINGS[0]
    if decoding not in DECODINGS:
        known = ", ".join(DECODINGS)
        raise RecipeError(f"{where}: no decoding {decoding!r}; it is one of {known}")
    return decoding


def _check_window(model: ModelSettings, frame_input: FrameInput, where: str) -> None:
    assert isinstance(model, FrameWindow)
    width_px, height_px = frame_input.size_px
    if model.width_px > width_px or model.height_px > height_px:
        raise RecipeError(
            f"{where}: the model's {model.width_px} x {model.height_px} pixels do not fit in the "
            f"input's {width_px} x {height_px}; give [model] width_px and height_px"
        )


def _results(value: object, where: str) -> tuple[Measured, ...] | str:
    if isinstance(value, str):
        return value
    if not isinstance(value, list | tuple):
        raise RecipeError(f"{where}: results is a list of tables, or a line that says why none")
    return tuple(fill(Measured, one, f"{where} [[results]]") for one in value)
