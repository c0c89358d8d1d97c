import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from gridkit.errors import MissingExtraError
from gridkit.synthesize import mouth, portrait
from gridkit.synthesize.articulation import REST, MouthShape, targets_of
from gridkit.synthesize.face import Camera, Motion, draw_motion
from gridkit.synthesize.portrait import Appearance, appearance_of

Landmarks = Callable[[np.ndarray], np.ndarray]
STILL = Motion(*(np.full(16, value) for value in (0.0, 0.0, 0.0, 1.0, 0.0)))


def film(shapes: list[MouthShape], number: int, motion: Motion = STILL) -> np.ndarray:
    camera = Camera(appearance_of(number, 0))
    return camera.film(np.array(shapes, np.float32), motion, np.random.default_rng(0))


def opening_px(points: np.ndarray) -> float:
    return float(points[65:68, 1].mean() - points[61:64, 1].mean())


def width_px(points: np.ndarray) -> float:
    return float(np.linalg.norm(points[54] - points[48]))


def test_pictures_have_grids_size() -> None:
    pictures = film([REST], 1)
    assert pictures.shape == (1, 288, 360, 3)
    assert pictures.dtype == np.uint8


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5, 6])
def test_visemes_differ_as_landmarks_see_them(number: int, find_landmarks: Landmarks) -> None:
    sounds = ("m", "A:", "u:", "i:", "f", "E")
    pictures = film([targets_of(sound)[0] for sound in sounds], number)
    points = dict(zip(sounds, map(find_landmarks, pictures), strict=True))
    opening = {sound: opening_px(found) for sound, found in points.items()}
    width = {sound: width_px(found) for sound, found in points.items()}
    assert opening["A:"] > opening["E"] > opening["i:"] > opening["m"] + 2
    assert opening["A:"] > opening["m"] + 8
    assert width["i:"] > width["A:"] + 3 > width["u:"] + 6
    assert width["m"] > width["u:"] + 2


def test_visemes_differ_as_pixels() -> None:
    sounds = ("p", "f", "T", "t", "l", "s", "S", "k", "r", "w", "i:", "E", "a", "A:", "0", "u:")
    pictures = film([targets_of(sound)[0] for sound in sounds], 1).astype(float)
    mouths = pictures[:, 170:225, 145:215]
    distance = np.abs(mouths[:, np.newaxis] - mouths).mean(axis=(2, 3, 4))
    assert distance[~np.eye(16, dtype=bool)].min() > 3


def test_only_the_lower_face_moves_with_the_mouth() -> None:
    closed, wide = film([REST, targets_of("A:")[0]], 1).astype(int)
    changed = np.abs(wide - closed).max(axis=2) > 25
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert rows[0] > 150
    assert 110 < columns[0] < columns[-1] < 250


def test_the_warp_is_the_identity_away_from_the_mouth() -> None:
    x = np.array([120.0, 223.0, 223.0, 330.0])
    y = np.array([140.0, 100.0, 215.0, 140.0])
    warped = mouth.warp(x, y, targets_of("A:")[0])
    assert np.allclose(warped.x, x)
    assert np.allclose(warped.y[1:3], y[1:3])


def test_the_warp_never_folds() -> None:
    y, x = np.mgrid[120:210:0.5, 170:278:0.5]
    for sound in ("m", "A:", "u:", "i:", "f", "S"):
        warped = mouth.warp(x, y, targets_of(sound)[0])
        assert (np.diff(warped.y, axis=0) >= -1e-9).all()
        assert (np.diff(warped.x, axis=1) > 0).all()


def test_speakers_look_different() -> None:
    pictures = [film([REST], number)[0].astype(float) for number in range(1, 9)]
    for index, one in enumerate(pictures):
        for other in pictures[:index]:
            assert np.abs(one - other).mean() > 10


def test_faces_have_different_shapes(find_landmarks: Landmarks) -> None:
    def outline(appearance: Appearance) -> np.ndarray:
        """Return the landmarks, one size, one place, none mirrored."""
        appearance = replace(appearance, mirrored=False)
        picture = Camera(appearance).film(np.array([REST]), STILL, np.random.default_rng(0))[0]
        points = find_landmarks(picture)
        points = points - points.mean(axis=0)
        return points / np.linalg.norm(points)

    appearances = [appearance_of(number, 0) for number in range(1, 7)]
    shapes = [outline(appearance) for appearance in appearances]
    # the same appearance elsewhere in the frame says how far landmarks err
    same = outline(replace(appearances[0], frame_scale=1.25, frame_centre=(181.5, 163.2)))
    error = np.linalg.norm(outline(replace(appearances[0], frame_scale=1.3)) - same)
    distances = [np.linalg.norm(a - b) for i, a in enumerate(shapes) for b in shapes[:i]]
    assert np.median(distances) > 2 * error


def test_the_head_moves_a_little() -> None:
    motion = draw_motion(75, np.random.default_rng(1))
    assert 0.5 < np.ptp(motion.x_px) < 8
    assert np.abs(np.diff(motion.x_px)).max() < 1
    assert np.abs(motion.turn_deg).max() < 4


def test_no_skimage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    portrait._astronaut.cache_clear()
    portrait._person_opacity.cache_clear()
    with pytest.raises(MissingExtraError, match=r'pip install "gridkit\[synth\]"'):
        Camera(appearance_of(1, 0))
