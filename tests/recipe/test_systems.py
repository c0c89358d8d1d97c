"""Recipes as systems: what they take and answer."""

import numpy as np
import pytest
from support.small_recipes import LIPREADER, RECOGNISER, write_recipe

from gridkit.errors import EnvironmentProblem, RecipeError, UsageError
from gridkit.recipe import load_system


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


def test_a_recogniser_answers_the_same_whatever_it_heard_before(tmp_path):
    hears = load_system(write_recipe(tmp_path, RECOGNISER), decoding="grammar")
    rng = np.random.default_rng(0)
    clips = [rng.integers(-3000, 3000, 48_000, dtype=np.int16) for _ in range(3)]
    assert [hears(clip) for clip in clips] == [hears(clip) for clip in clips[::-1]][::-1]
    assert (hears.name, hears.version[12:]) == ("small:grammar", "+grammar")
    own = load_system(tmp_path)
    assert (own.name, own.version[12:]) == ("small", "+greedy")
    assert own.batch(clips) == [own(clip) for clip in clips]


def test_a_recogniser_does_not_read_lips(tmp_path):
    with pytest.raises(RecipeError, match="is a speech recogniser; this command needs a lipread"):
        load_system(write_recipe(tmp_path, RECOGNISER), task="lipreading")
