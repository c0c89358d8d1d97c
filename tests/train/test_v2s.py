"""Video-to-speech learners: they resume to the same bits, log every loss, and can do without."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.small_recipes import LIPREADER, RECOGNISER, write_recipe
from support.training_clips import AUGMENTATION, made_up_clips, recipe_of
from support.v2s import GAN, MEL

from gridkit.errors import RecipeError, TrainingError
from gridkit.recipe import load_recipe, weights_of
from gridkit.recipe.model_kinds import kind_of
from gridkit.recipe.shelf import shipped_folder
from gridkit.train import loop
from gridkit.train.settings import training_settings
from gridkit.train.v2s_gan import V2SGanTraining
from gridkit.train.v2s_mel import V2SMelTraining

pytestmark = pytest.mark.usefixtures("one_thread")

GENERAL = {
    "steps": 4, "batch": 2, "warmup_steps": 2, "validate_every": 2, "average_decay": 0.9,
    "features_from": 1,
}  # fmt: skip
MEL_SETTINGS = V2SMelTraining(**GENERAL, predicted_from=2)
GAN_SETTINGS = V2SGanTraining(**GENERAL, critic_from=2, critic_first_steps=1)
KINDS = pytest.mark.parametrize(
    ("model", "settings"), [(MEL, MEL_SETTINGS), (GAN, GAN_SETTINGS)], ids=["mel", "gan"]
)


@pytest.fixture
def recipes(tmp_path):
    """A folder of recipes with a recogniser and a lipreader in it."""
    write_recipe(tmp_path / "recipes/listener", RECOGNISER)
    write_recipe(tmp_path / "recipes/reader", LIPREADER)
    return tmp_path / "recipes"


def learner(model, settings, folder, **changes):
    recipe = replace(recipe_of(model), folder=folder / "made-up", **changes)
    return kind_of(model).learner(recipe, made_up_clips(), settings, AUGMENTATION, "cpu")


@KINDS
def test_a_run_in_pieces_ends_with_the_same_bits(model, settings, recipes, tmp_path):
    heard = replace(settings, recogniser="listener")

    # a step each, so that one piece begins after every part has learnt
    whole, *pieces = (
        learner(model, heard, recipes, built_on=("listener",)) for _ in range(1 + settings.steps)
    )
    expected = loop.train(whole, tmp_path / "whole", heard)
    outcomes = [loop.train(piece, tmp_path / "pieces", heard, minutes=0) for piece in pieces]
    assert [outcome.step for outcome in outcomes] == [1, 2, 3, 4]
    assert outcomes[-1].figures == expected.figures
    assert same(outcomes[-1].weights, expected.weights)
    for name, helper in whole.helpers.items():
        assert same(pieces[-1].helpers[name].average, helper.average)


def same(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[n], second[n]) for n in first)


def test_every_loss_has_its_name(recipes):
    built_on = {"built_on": ("listener",)}
    mel = learner(MEL, replace(MEL_SETTINGS, recogniser="listener"), recipes, **built_on)
    acoustic = {"mel", "power", "envelope", "words", "ctc"}
    vocoder = {"vocoder_mel", "vocoder_stft"}
    assert mel.step(0).keys() == acoustic | vocoder
    assert mel.step(1).keys() == acoustic | vocoder | {"features"}
    gan = learner(GAN, replace(GAN_SETTINGS, recogniser="listener"), recipes, **built_on)
    sound = {"stft", "sound_mel", "sound_envelope", "variation"}
    assert gan.step(0).keys() == acoustic | sound
    assert gan.step(1).keys() == acoustic | sound | {"features"}
    assert gan.step(2).keys() == acoustic | sound | {
        "features",
        "adversarial",
        "distance",
        "penalty",
    }


@KINDS
def test_extended_stoi_of_the_sound_is_a_loss_where_it_has_a_weight(model, settings, recipes):
    heads = {}
    for weight in (0.0, 100.0):
        made = learner(model, replace(settings, estoi_weight=weight), recipes)
        steps = [made.step(number) for number in range(3)]
        named = {name for name in steps[-1] if name.endswith("_estoi")}
        name = "sound_estoi" if model is GAN else "vocoder_estoi"
        assert named == ({name} if weight else set())
        heads[weight] = made.model.acoustic.head.weight.detach().clone()
    # it reaches what says the spectrogram, not only what makes sound of it
    assert not torch.equal(heads[0.0], heads[100.0])


def test_what_a_recogniser_hears_in_the_sound_is_a_loss_where_it_has_a_weight(recipes):
    heads = {}
    for weight in (0.0, 100.0):
        settings = replace(
            MEL_SETTINGS, recogniser="listener", features_weight=0.0, sound_features_weight=weight
        )
        made = learner(MEL, settings, recipes, built_on=("listener",))
        steps = [made.step(number) for number in range(3)]
        assert ("vocoder_features" in steps[-1]) == (weight > 0)
        assert "features" not in steps[-1]
        heads[weight] = made.model.acoustic.head.weight.detach().clone()
    assert not torch.equal(heads[0.0], heads[100.0])


def test_a_buzz_is_a_loss_where_it_has_a_weight(recipes):
    heads = {}
    for weight in (0.0, 100.0):
        made = learner(MEL, replace(MEL_SETTINGS, buzz_weight=weight), recipes)
        steps = [made.step(number) for number in range(3)]
        assert ("vocoder_buzz" in steps[-1]) == (weight > 0)
        heads[weight] = made.model.vocoder.head.weight.detach().clone()
    assert not torch.equal(heads[0.0], heads[100.0])


def test_a_vocoder_may_learn_from_whole_clips(recipes):
    made = learner(MEL, replace(MEL_SETTINGS, vocoder_frames=1000, estoi_weight=4.0), recipes)
    assert "vocoder_mel" in made.step(2)


@KINDS
def test_val_is_measured_and_heard(model, settings, recipes):
    made = learner(model, replace(settings, recogniser="listener"), recipes, built_on=("listener",))
    figures = made.validate()
    assert figures.keys() == {"estoi", "stoi", "wer"}
    (sound,) = made.examples().values()
    assert sound.shape == (48_000,)
    assert made.examples().keys() == {"x1/clip3"}


@KINDS
def test_without_a_recogniser_there_is_no_perceptual_loss(model, settings, recipes):
    made = learner(model, settings, recipes)
    assert "features" not in made.step(2)
    assert made.validate().keys() == {"estoi", "stoi"}


def test_without_a_weight_there_is_no_critic(recipes):
    made = learner(GAN, replace(GAN_SETTINGS, adversarial_weight=0.0), recipes)
    assert "distance" not in made.step(2)


def test_the_critic_is_not_among_the_weights(recipes):
    made = learner(GAN, GAN_SETTINGS, recipes)
    assert made.weights().keys() == weights_of(made.model).keys()


@KINDS
@pytest.mark.parametrize(
    ("names", "built_on", "message"),
    [
        ({"recogniser": "listener"}, (), r"trains with listener, and does not say so; add it to"),
        ({"recogniser": "reader"}, ("reader",), r"recogniser 'reader' does not recognise speech"),
        ({"lipreader": "listener"}, ("listener",), r"'listener' is not a lipreading recipe"),
        ({"lipreader": "reader"}, ("reader",), r"does not fit the model in \d+ tensors, such as"),
        ({"recogniser": "gone"}, ("gone",), r"made-up is built on the recipe gone, which"),
    ],
)
def test_a_recipe_that_it_cannot_be_built_on_is_one_line(
    model, settings, names, built_on, message, recipes
):
    with pytest.raises(RecipeError, match=message) as caught:
        learner(model, replace(settings, **names), recipes, built_on=built_on)
    assert "\n" not in str(caught.value)


@KINDS
def test_a_loss_that_is_not_a_number_ends_in_one_line(model, settings, recipes):
    made = learner(model, replace(settings, word_weight=float("nan")), recipes)
    with pytest.raises(TrainingError, match=r"the loss is nan at step 0; run again with a lower"):
        made.step(0)


VOICES = [
    recipe
    for path in sorted(shipped_folder().glob("*/recipe.toml"))
    if (recipe := load_recipe(path.parent)).task == "v2s"
]


@pytest.mark.parametrize("recipe", VOICES, ids=lambda recipe: recipe.name)
def test_every_voice_recipe_starts(recipe, tmp_path):
    short = ["training.steps=1", "training.batch=1", "training.validate_every=1"]
    settings, augmentation = training_settings(recipe, short)
    width, height = recipe.input.size_px
    made_up = made_up_clips()
    shape = (len(made_up.labels), 75, height, width, recipe.model.colours)
    frames = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    clips = replace(made_up, frames=frames)
    made = kind_of(recipe.model).learner(recipe, clips, settings, augmentation, "cpu")
    outcome = loop.train(made, tmp_path, settings)
    assert outcome.step == 1
    assert all(tensor.isfinite().all() for tensor in outcome.weights.values())
    # in half precision, as it is shipped
    assert 2 * sum(tensor.numel() for tensor in outcome.weights.values()) < 6e6
