"""The weights of a recipe: in and out of a model, and which clips had a part in them.

They are stored as safetensors in half precision and used in float32.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn

from gridkit.errors import RecipeError
from gridkit.recipe.model_kinds import ModelSettings, kind_of
from gridkit.recipe.schema import Recipe, load_recipe
from gridkit.recipe.shelf import FOLDER, RECIPE_FILE, find_shipped

_STORED_NAMES = {"feedback.projection.": "feedback.told."}
"""Parts of names in a module, and what files of weights have in their place."""


def build_model(settings: ModelSettings) -> nn.Module:
    """Return an untrained model.

    Raises:
        RecipeError: no kind of model has such settings.
    """
    return kind_of(settings).module(settings)


def load_weights(recipe: Recipe, model: nn.Module) -> None:
    """Put the recipe's weights into its model.

    Raises:
        RecipeError: there are none, they are not those the recipe names, or they do not fit.
    """
    if recipe.weights is None:
        raise RecipeError(
            f"recipe {recipe.name} has no weights; train it: gridkit train {recipe.folder}"
        )
    path = recipe.folder / recipe.weights.file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecipeError(f"cannot read the weights {path}: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != recipe.weights.sha256:
        raise RecipeError(f"{path} is not what the recipe names (sha256 differs); fetch it again")
    try:
        tensors = {name: tensor.float() for name, tensor in load(content).items()}
    except SafetensorError as error:
        raise RecipeError(f"{path} is not a safetensors file: {error}") from error
    restore(model, tensors, str(path))


def pack_weights(tensors: Mapping[str, torch.Tensor]) -> bytes:
    """Return weights as a safetensors file in half precision; the same weights, the same bytes.

    Raises:
        RecipeError: a weight is not a number, or too large.
    """
    halves = {name: tensors[name].half().contiguous().cpu() for name in sorted(tensors)}
    lost = [name for name, half in halves.items() if not half.isfinite().all()]
    if lost:
        raise RecipeError(
            f"{len(lost)} of {len(halves)} tensors, such as {lost[0]}, hold values that half "
            "precision cannot store; train with a lower rate"
        )
    return save(halves)


def restore(model: nn.Module, tensors: Mapping[str, torch.Tensor], where: str) -> None:
    """Load tensors into a model under the names of `weights_of`, all of them and no others.

    Raises:
        RecipeError: names or shapes differ.
    """
    own = {name: tuple(tensor.shape) for name, tensor in weights_of(model).items()}
    given = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    wrong = sorted(name for name in own.keys() | given.keys() if own.get(name) != given.get(name))
    if wrong:
        first = wrong[0]
        raise RecipeError(
            f"{where} does not fit the model in {len(wrong)} tensors; the first, {first}: "
            f"expected {own.get(first, 'none')}, got {given.get(first, 'none')}"
        )
    own_names = {_stored(name): name for name in model.state_dict()}
    model.load_state_dict({own_names[name]: t for name, t in tensors.items()}, strict=False)


def weights_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """Return what is saved of a model, under the names that files have for it.

    That is all but BatchNorm's step counters, which nothing uses.
    """
    return {
        _stored(name): tensor
        for name, tensor in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }


def _stored(name: str) -> str:
    for own, stored in _STORED_NAMES.items():
        name = name.replace(own, stored)
    return name


def trained_ids(recipe: Recipe) -> frozenset[str]:
    """Return every clip that the weights were trained on, including those of `built_on`.

    Raises:
        RecipeError: a recipe or a list is missing.
        EnvironmentProblem: see `built_on_folder`.
    """
    ids: set[str] = set()
    if recipe.weights is not None:
        path = recipe.folder / recipe.weights.trained_on
        try:
            ids.update(path.read_text(encoding="utf-8").split())
        except OSError as error:
            raise RecipeError(f"cannot read the training list {path}: {error.strerror}") from error
    for other in recipe.built_on:
        ids |= trained_ids(load_recipe(built_on_folder(recipe, other)))
    return frozenset(ids)


def built_on_folder(recipe: Recipe, name: str) -> Path:
    """Return the folder of a recipe that another is built on: next to it, or one of gridkit's.

    Raises:
        RecipeError: there is no such recipe.
        EnvironmentProblem: this installation has no recipes.
    """
    beside = recipe.folder.parent / name
    if (beside / RECIPE_FILE).is_file():
        return beside
    shelved = find_shipped(Path(FOLDER) / name)
    if (shelved / RECIPE_FILE).is_file():
        return shelved
    raise RecipeError(
        f"{recipe.folder} is built on the recipe {name}, which is not in {beside}, in "
        f"{Path(FOLDER) / name} or among gridkit's recipes; copy its folder to {beside}"
    )
