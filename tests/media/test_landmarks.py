"""Similarities and smoothing, against what must come out."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkit.errors import LandmarkModelError
from gridkit.media.landmarks import (
    fit_similarities,
    map_points,
    mean_landmarks,
    part_indices,
    smooth_landmarks,
)
from gridkit.media.landmarks_model import (
    DEFAULT_LICENCE,
    DEFAULT_SHA256,
    default_landmark_model,
    load_landmark_model,
)

FACE = mean_landmarks() * 50 + 150


@given(
    degrees=st.floats(-180, 180),
    scale=st.floats(0.1, 10),
    x=st.floats(-500, 500),
    y=st.floats(-500, 500),
)
def test_a_known_similarity_is_recovered(degrees, scale, x, y):
    c, s = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    matrix = np.array([[c, -s, x], [s, c, y]])
    moved = map_points(matrix[None], FACE[None])
    np.testing.assert_allclose(
        fit_similarities(moved, FACE)[0, :, :2] @ matrix[:, :2], np.eye(2), atol=1e-7
    )
    np.testing.assert_allclose(map_points(fit_similarities(moved, FACE), moved)[0], FACE, atol=1e-7)


def test_noisy_points_are_laid_as_least_squares_does():
    rng = np.random.default_rng(1)
    moved = FACE * 0.7 + rng.normal(0, 3, FACE.shape)
    x, y = moved.T
    design = np.block(
        [
            [x[:, None], -y[:, None], np.ones((68, 1)), np.zeros((68, 1))],
            [y[:, None], x[:, None], np.zeros((68, 1)), np.ones((68, 1))],
        ]
    )
    a, b, tx, ty = np.linalg.lstsq(design, FACE.T.ravel(), rcond=None)[0]
    found = fit_similarities(moved[None], FACE)[0]
    np.testing.assert_allclose(found, [[a, -b, tx], [b, a, ty]], atol=1e-9)


def test_a_mirror_image_is_not_turned_into_a_face():
    (matrix,) = fit_similarities((FACE * [-1, 1])[None], FACE)
    assert np.linalg.det(matrix[:, :2]) > 0


@pytest.mark.parametrize("frames", [1, 5, 12])
def test_smoothing_keeps_what_stands_still(frames):
    still = np.repeat(FACE[None], 30, axis=0)
    np.testing.assert_allclose(smooth_landmarks(still, frames), still)


@pytest.mark.parametrize("frames", [5, 12])
def test_smoothing_does_not_lag(frames):
    """A straight movement stays where it is, but for the ends, where one side is lacking."""
    moving = FACE + 2.0 * np.arange(40)[:, None, None]
    inner = slice(frames // 2, -(frames // 2))
    np.testing.assert_allclose(smooth_landmarks(moving, frames)[inner], moving[inner])


def test_smoothing_spreads_one_frame_over_the_window():
    blow = np.zeros((41, 1, 2))
    blow[20] = 12
    spread = smooth_landmarks(blow, 12)[:, 0, 0]
    assert spread.sum() == pytest.approx(12)
    np.testing.assert_allclose(spread[14:27], [0.5, *[1] * 11, 0.5])
    assert not spread[:14].any()


def test_smoothing_of_a_clip_shorter_than_the_window():
    assert smooth_landmarks(np.array([[[0, 0]], [[2, 4]]]), 12).tolist() == [[[1, 2]]] * 2


def test_the_mean_face_is_upright_symmetric_and_of_unit_size():
    face = mean_landmarks()
    assert face.shape == (68, 2)
    np.testing.assert_allclose(face[36:42].mean(axis=0), [-0.5, 0], atol=1e-4)
    np.testing.assert_allclose(face[42:48].mean(axis=0), [0.5, 0], atol=1e-4)
    np.testing.assert_allclose(face[:17], face[16::-1] * [-1, 1], atol=1e-4)
    np.testing.assert_allclose(face[48:68].mean(axis=0)[0], 0, atol=1e-4)
    below = [face[part_indices((part,)), 1].mean() for part in ("brows", "eyes", "nose", "mouth")]
    assert below == sorted(below)
    assert not face.flags.writeable


def test_the_default_model_is_the_known_one():
    model = default_landmark_model()
    assert model.sha256 == DEFAULT_SHA256
    assert model.name == "shape_predictor_68_face_landmarks"
    assert "non-commercial" in model.licence
    assert default_landmark_model() is model, "read once a process"


def test_the_default_model_is_known_by_its_digest_alone():
    """What decides, plans and describes a run does not load 100 MB of it."""
    program = (
        "import sys; from gridkit.media.landmarks_model import default_landmark_model; "
        "print(default_landmark_model().licence, 'dlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == f"{DEFAULT_LICENCE} False\n", done.stderr


def test_a_file_that_is_no_model(tmp_path):
    path = tmp_path / "model.dat"
    path.write_text("nothing")
    with pytest.raises(LandmarkModelError, match=r"model\.dat: not a dlib shape predictor"):
        load_landmark_model(path)


def test_a_model_with_other_points():
    five = default_landmark_model().path.with_name("shape_predictor_5_face_landmarks.dat")
    with pytest.raises(LandmarkModelError, match="finds 5 points, not 68"):
        load_landmark_model(five)


def test_a_model_that_is_missing(tmp_path):
    with pytest.raises(LandmarkModelError, match="no such file"):
        load_landmark_model(tmp_path / "none.dat")
