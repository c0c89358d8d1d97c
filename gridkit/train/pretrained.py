"""Models of other recipes that a training starts from, or takes features of.

A recipe names them in `built_on`, so that what they were trained on counts as its own.
"""

import json
from dataclasses import asdict, replace

import torch
from torch import nn

from gridkit.errors import RecipeError
from gridkit.models.lipnet import LipNet
from gridkit.models.recogniser import Recogniser
from gridkit.recipe import Recipe, build_model, load_recipe, load_weights
from gridkit.recipe.weights import built_on_folder

_FREE_SETTINGS = ("mean", "deviation", "spatial_dropout", "recurrent_dropout")
"""Settings of a lipreader that the names and shapes of its weights do not depend on."""


def pretrained_lipreader(recipe: Recipe, name: str) -> LipNet:
    """Return the model of a lipreading recipe that another is built on; see `_pretrained`."""
    model = _pretrained(recipe, name)
    if not isinstance(model, LipNet):
        raise RecipeError(f"recipe {recipe.name}: lipreader {name!r} is not a lipreading recipe")
    return model


def pretrained_recogniser(recipe: Recipe, name: str) -> Recogniser:
    """Return the recogniser that another recipe is built on; its weights stay as they are."""
    model = _pretrained(recipe, name)
    if not isinstance(model, Recogniser):
        raise RecipeError(f"recipe {recipe.name}: recogniser {name!r} does not recognise speech")
    return model.eval().requires_grad_(False)


def _pretrained(recipe: Recipe, name: str) -> nn.Module:
    """Return the model of a recipe that another one is built on, with its weights.

    Raises:
        RecipeError: it is not named in `built_on`, missing, or has no weights.
    """
    if name not in recipe.built_on:
        raise RecipeError(
            f"recipe {recipe.name} trains with {name}, and does not say so; "
            f'add it to recipe.toml: built_on = ["{name}"]'
        )
    other = load_recipe(built_on_folder(recipe, name))
    model = build_model(other.model)
    load_weights(other, model)
    return model


def start_lipreader(lipreader: LipNet, pretrained: LipNet) -> None:
    """Give a lipreader with a bottleneck the weights of one without.

    The bottleneck takes on what the first recurrent layer did with its inputs, as nearly as its
    width allows: the largest singular values of that layer's input weights.

    Raises:
        RecipeError: the two differ in more than the bottleneck.
    """
    weights = pretrained.state_dict()
    own = lipreader.state_dict()
    if lipreader.bottleneck is not None:
        directions = ("recurrent.layers.0.weight_ih_l0", "recurrent.layers.0.weight_ih_l0_reverse")
        whole = torch.cat([weights.pop(name) for name in directions])
        left, values, right = torch.linalg.svd(whole, full_matrices=False)
        width, scale = len(own["bottleneck.weight"]), values.sqrt()
        weights["bottleneck.weight"] = (scale[:, None] * right)[:width]
        weights["bottleneck.bias"] = torch.zeros(width)
        weights |= zip(directions, (left * scale)[:, :width].chunk(2), strict=True)
    differing = sorted(
        name
        for name in own.keys() | weights.keys()
        if getattr(own.get(name), "shape", None) != getattr(weights.get(name), "shape", None)
    )
    if differing:
        raise RecipeError(
            f"the pretrained lipreader does not fit the model in {len(differing)} tensors, "
            f"such as {differing[0]}; {_what_to_change(lipreader, pretrained)}"
        )
    lipreader.load_state_dict(weights)


def _what_to_change(lipreader: LipNet, pretrained: LipNet) -> str:
    """Return which settings make a pretrained lipreader fit, as TOML; it has no bottleneck."""
    needed = asdict(replace(lipreader.settings, bottleneck=0))
    given = asdict(pretrained.settings)
    lacking = [
        f"{name} = {json.dumps(value)}"
        for name, value in needed.items()
        if name not in _FREE_SETTINGS and value != given[name]
    ]
    if not lacking:
        return "give the voice a smaller bottleneck"
    return (
        f"its recipe needs {', '.join(lacking)} in [model]; a setting that the voice has too can "
        "be changed there instead"
    )
