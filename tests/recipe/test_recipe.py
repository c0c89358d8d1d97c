"""Recipes: read strictly, weights that fit and nothing else, systems that answer."""

import hashlib
import shutil
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch

from gridkit.errors import EnvironmentProblem, RecipeError, UsageError
from gridkit.models.lipnet import LipNet
from gridkit.models.recogniser import Recogniser
from gridkit.recipe import (
    Lipreader,
    build_model,
    load_recipe,
    load_system,
    load_weights,
    pack_weights,
    trained_ids,
    weights_of,
)
from gridkit.recipe.schema import parse_recipe
from gridkit.recipe.shelf import shipped_folder
from gridkit.train.settings import training_settings

SHIPPED = [
    recipe
    for path in sorted(shipped_folder().glob("*/recipe.toml"))
    if (recipe := load_recipe(path.parent)).weights is not None
]
assert len(SHIPPED) >= 5

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


def assert_refused(folder: Path, text: str, old: str, new: str, message: str) -> None:
    assert old in text
    write_recipe(folder, text.replace(old, new), with_weights=False)
    with pytest.raises(RecipeError, match=message) as caught:
        load_recipe(folder)
    assert "\n" not in str(caught.value)


def test_a_recipe_is_read_into_records(tmp_path):
    recipe = load_recipe(write_recipe(tmp_path, LIPREADER))
    assert recipe.model.channels == (4, 4, 4)
    assert recipe.input.region_px == (0, 16, 96, 64)
    assert (recipe.split, recipe.decoding) == ("s1", "greedy")
    assert isinstance(build_model(recipe.model), LipNet)
    hears = load_recipe(write_recipe(tmp_path / "r", RECOGNISER))
    assert hears.input is None
    assert isinstance(build_model(hears.model), Recogniser)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("hidden = 8", "hiden = 8", r"\[model\]: unknown key 'hiden'; it has height_px"),
        ("hidden = 8", 'hidden = "8"', r"\[model\]: hidden = '8' is not a int"),
        ("[4, 4, 4]", '[4, "4", 4]', r"\[model\]: channels = .* is not a tuple\[int, ...\]"),
        ("[0, 16, 96, 64]", "[0, 16, 96]", r"\[input\]: region_px = "),
        (
            "hidden = 8",
            "hidden = 8\nrecurrent_layers = 1\nword_feedback = true",
            "word_feedback needs recurrent_layers of at least 2",
        ),
        ('class = "lipnet"', 'class = "lipnot"', r"no class 'lipnot'; it is one of lipnet"),
        ('task = "lipreading"', 'task = "reading"', "no task 'reading'; it is one of"),
        ('[data]\nsplit = "s1"', "", r"table \[data\] is missing"),
        ('split = "s1"', "", r"\[data\]: split is missing"),
        ("name =", "name", "recipe.toml"),
        ('licence = "Apache-2.0"', "colour = 1", "unknown key 'colour'"),
        ('name = "small"', 'name = "small"\ndecoding = "guess"', "no decoding 'guess'; it is one"),
        ('task = "lipreading"', 'task = "recognition"', "does not do the task 'recognition'"),
        ("hidden = 8", 'recurrent = "rnn"', "no recurrent 'rnn'; it is one of gru, lstm"),
        ("hidden = 8", "hidden = 0", "hidden and recurrent_layers are at least 1"),
        ("[4, 4, 4]", "[4, 4]", "channels, kernels and pooled have one entry for each"),
        ("colours = 1", "colours = 3", "mean and deviation have one entry for each of 3 colours"),
        ("width_px = 24", "width_px = 31", "31 x 16 pixels do not fit in the input's 30 x 20"),
    ],
)
def test_a_mistake_in_a_recipe_is_one_line(tmp_path, old, new, message):
    assert_refused(tmp_path, LIPREADER, old, new, message)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"1d"', '"3d"', "no front '3d'; it is one of 2d, 1d"),
        ("[8, 8]", "[8, 9]", "the channels of a 1d front are all the same"),
    ],
)
def test_a_mistake_in_a_recogniser_is_one_line(tmp_path, old, new, message):
    assert_refused(tmp_path, RECOGNISER, old, new, message)


def test_the_example_of_the_docs_is_a_recipe():
    docs = Path(__file__).parents[2] / "docs/add-a-recipe.md"
    example = docs.read_text().split("```toml\n")[1].split("```")[0]
    recipe = parse_recipe(tomllib.loads(example), Path())
    training_settings(recipe)
    frames = np.zeros((2, 75, 96, 96), np.uint8)
    model = build_model(recipe.model)
    assert isinstance(Lipreader(recipe, model, "cpu")(frames[0]), str)


def test_results_are_measurements_or_a_line_that_says_why_not(tmp_path):
    line = "not measured: needs the full corpus"
    folder = write_recipe(tmp_path, f'results = "{line}"\n' + LIPREADER, with_weights=False)
    assert load_recipe(folder).results == line
    measured = """
[[results]]
metric = "wer"
value = 0.05
low = 0.03
high = 0.07
n = 100
decoding = "greedy"
split = "s1:test"
command = "gridkit evaluate"
machine = "a laptop"
date = "2026-01-01"
"""
    folder = write_recipe(tmp_path / "b", LIPREADER + measured, with_weights=False)
    assert load_recipe(folder).results[0].value == 0.05
    folder = write_recipe(
        tmp_path / "c", LIPREADER + measured.replace("n = 100", ""), with_weights=False
    )
    with pytest.raises(RecipeError, match="n is missing"):
        load_recipe(folder)


def test_a_lipreader_reads_what_its_model_says(tmp_path):
    system = load_system(write_recipe(tmp_path, LIPREADER))
    assert (system.task, system.crop) == ("lipreading", "mouth96")
    frames = np.random.default_rng(0).integers(0, 256, (75, 96, 96), dtype=np.uint8)
    text = system(frames)
    assert isinstance(text, str)
    assert system.batch([frames, frames[::-1]])[0] == text
    assert system.card["decoding"] == "greedy"
    grammatical = load_system(tmp_path, decoding="grammar")
    assert len(grammatical(frames).split()) == 6
    assert isinstance(load_system(tmp_path, decoding="beam")(frames), str)
    assert 0 < grammatical.read(frames).confidence <= 1
    with pytest.raises(UsageError, match="no decoding 'guess'; it is one of greedy, beam, grammar"):
        load_system(tmp_path, decoding="guess")


def test_a_crop_of_other_colours_is_one_line(tmp_path):
    system = load_system(write_recipe(tmp_path, LIPREADER))
    with pytest.raises(RecipeError, match=r"crop mouth96 has 3 colours.*takes 1: set"):
        system(np.zeros((75, 96, 96, 3), np.uint8))


def test_a_device_that_is_not_there_is_one_line(tmp_path):
    write_recipe(tmp_path, LIPREADER)
    with pytest.raises(EnvironmentProblem, match="no such device: gpu; give cpu, cuda or cuda:N"):
        load_system(tmp_path, "gpu")
    with pytest.raises(EnvironmentProblem, match=r"no such device: cuda:99; torch .* sees"):
        load_system(tmp_path, "cuda:99")


def test_weights_that_are_no_numbers_are_not_packed():
    with pytest.raises(RecipeError, match="1 of 2 tensors, such as b, hold values that half"):
        pack_weights({"a": torch.ones(2), "b": torch.tensor([1.0, 1e9])})


@pytest.mark.parametrize("recipe", SHIPPED, ids=lambda recipe: recipe.name)
def test_the_weights_of_a_recipe_pack_to_the_bytes_they_came_from(recipe):
    model = build_model(recipe.model)
    load_weights(recipe, model)
    content = (recipe.folder / recipe.weights.file).read_bytes()
    assert pack_weights(weights_of(model)) == content


def test_weights_that_are_not_a_safetensors_file_are_one_line(tmp_path):
    write_recipe(tmp_path, LIPREADER)
    file = tmp_path / "weights.safetensors"
    cut = file.read_bytes()[:-2]
    recipe = tmp_path / "recipe.toml"
    digests = [hashlib.sha256(content).hexdigest() for content in (file.read_bytes(), cut)]
    recipe.write_text(recipe.read_text().replace(*digests))
    file.write_bytes(cut)
    with pytest.raises(RecipeError, match=r"weights.safetensors is not a safetensors file: "):
        load_system(tmp_path)


def test_a_clip_and_its_mirror_image_are_one_where_the_recipe_says_so(tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (75, 96, 96), dtype=np.uint8)
    mirrored = frames[:, :, ::-1]
    plain = load_system(write_recipe(tmp_path / "a", LIPREADER))
    one, other = plain.log_probs([frames, mirrored])
    assert not np.allclose(one, other)
    both = load_system(write_recipe(tmp_path / "b", "mirror = true\n" + LIPREADER))
    first, second = both.log_probs([frames, mirrored])
    np.testing.assert_allclose(first, second, atol=1e-5)
    product = np.exp((one + other) / 2)
    product /= product.sum(-1, keepdims=True)
    np.testing.assert_allclose(np.exp(first), product, atol=1e-5)


def test_half_precision_moves_an_answer_little(tmp_path):
    folder = write_recipe(tmp_path, LIPREADER)
    torch.manual_seed(0)
    whole = build_model(load_recipe(folder).model)
    half = load_system(folder)._model
    for name, tensor in weights_of(whole).items():
        torch.testing.assert_close(weights_of(half)[name], tensor, rtol=1e-3, atol=1e-4)


def test_a_recogniser_answers_the_same_whatever_it_heard_before(tmp_path):
    hears = load_system(write_recipe(tmp_path, RECOGNISER), decoding="grammar")
    rng = np.random.default_rng(0)
    clips = [rng.integers(-3000, 3000, 48_000, dtype=np.int16) for _ in range(3)]
    assert [hears(clip) for clip in clips] == [hears(clip) for clip in clips[::-1]][::-1]
    assert (hears.name, hears.version[12:]) == ("small:grammar", "+grammar")
    own = load_system(tmp_path)
    assert (own.name, own.version[12:]) == ("small", "+greedy")
    assert own.batch(clips) == [own(clip) for clip in clips]


def test_what_was_trained_on_is_inherited(tmp_path):
    write_recipe(tmp_path / "first", RECOGNISER, ids="s1/bbaf2n\ns1/bbaf3s\n")
    write_recipe(tmp_path / "second", 'built_on = ["first"]\n' + RECOGNISER, ids="s1/lbax4n\n")
    assert trained_ids(load_recipe(tmp_path / "second")) == {
        "s1/bbaf2n",
        "s1/bbaf3s",
        "s1/lbax4n",
    }
    (tmp_path / "first" / "trained_on.txt").unlink()
    with pytest.raises(RecipeError, match="cannot read the training list"):
        trained_ids(load_recipe(tmp_path / "second"))


def test_wrong_weights_are_one_line(tmp_path):
    bare = write_recipe(tmp_path / "bare", LIPREADER, with_weights=False)
    with pytest.raises(RecipeError, match="recipe small has no weights; train it: gridkit train"):
        load_system(bare)
    folder = write_recipe(tmp_path / "a", LIPREADER)
    with pytest.raises(RecipeError, match="is a lipreader; this command needs a speech recog"):
        load_system(folder, task="recognition")
    text = (folder / "recipe.toml").read_text()
    (folder / "recipe.toml").write_text(text.replace("hidden = 8", "hidden = 6"))
    with pytest.raises(RecipeError, match=r"does not fit the model in \d+ tensors; the first, "):
        load_system(folder)
    (folder / "recipe.toml").write_text(text)
    weights = folder / "weights.safetensors"
    shutil.copy(weights, tmp_path / "kept")
    weights.write_bytes(weights.read_bytes()[:-2])
    with pytest.raises(RecipeError, match="is not what the recipe names"):
        load_system(folder)
    weights.unlink()
    with pytest.raises(RecipeError, match="cannot read the weights"):
        load_system(folder)
    with pytest.raises(RecipeError, match=r"not a recipe: cannot read .*recipe.toml"):
        load_recipe(tmp_path)


def test_a_recogniser_does_not_read_lips(tmp_path):
    with pytest.raises(RecipeError, match="is a speech recogniser; this command needs a lipread"):
        load_system(write_recipe(tmp_path, RECOGNISER), task="lipreading")
