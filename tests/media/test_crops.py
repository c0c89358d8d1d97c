"""Crops show what they should, where they should: known pictures through known maps."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from gridkit.media.crops import (
    CHROMA_TO_FULL_RANGE,
    LUMA_TO_FULL_RANGE,
    PROFILES,
    crop_matrices,
    cut_crop,
    to_rgb,
)
from gridkit.media.decode import decode_clip
from gridkit.media.landmarks import map_points, mean_landmarks
from gridkit.media.video import Planes, Video

MOUTH = slice(48, 68)
RGB = [name for name, profile in PROFILES.items() if profile.colour == "rgb"]


def still_face(x=180.0, y=120.0, eye_distance=50.0, degrees=0.0, frames=3):
    """Landmarks of the mean face, the middle between its eyes at (x, y)."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    face = eye_distance * mean_landmarks() @ np.array([[c, s], [-s, c]]) + [x, y]
    return np.rint(np.repeat(face[None], frames, axis=0)).astype(np.int16)


def video(luma, chroma=None, full_range=True, frames=3):
    """The same planes in every frame."""
    height, width = luma.shape
    if chroma is None:
        chroma = np.full((2, (height + 1) // 2, (width + 1) // 2), 128, np.uint8)
    return Video(
        np.repeat(luma[None], frames, axis=0),
        np.repeat(chroma[None], frames, axis=0),
        full_range,
        Fraction(25),
    )


def flat(level, size=(288, 360)):
    return np.full(size, level, np.uint8)


def spot(x, y, size=(288, 360), radius=4.0):
    """A soft light spot on dark ground, its middle at (x, y)."""
    rows, columns = np.indices(size)
    return (40 + 180 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / radius**2)).astype(np.uint8)


def middle_of(plane):
    """Centre of gravity (x, y) of what is brighter than the ground."""
    weight = plane.astype(float) - plane.min()
    rows, columns = np.indices(plane.shape)
    return np.array([(columns * weight).sum(), (rows * weight).sum()]) / weight.sum()


@pytest.mark.parametrize("name", PROFILES)
def test_sizes(name):
    profile = PROFILES[name]
    planes = cut_crop(video(flat(90)), still_face(), profile)
    assert planes.luma.shape == (3, profile.height_px, profile.width_px)
    assert planes.luma.dtype == np.uint8
    assert planes.luma.flags.c_contiguous
    if profile.colour == "gray":
        assert planes.chroma is None
    else:
        assert planes.chroma.shape == (3, 2, profile.height_px // 2, profile.width_px // 2)
        assert planes.chroma.flags.c_contiguous


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("degrees", [-25, 0, 10])
@pytest.mark.parametrize("eye_distance", [30.0, 50.0, 100.0])
def test_a_face_comes_out_level_in_size_and_place(name, degrees, eye_distance):
    profile = PROFILES[name]
    landmarks = still_face(150, 110, eye_distance, degrees)
    points = map_points(crop_matrices(landmarks, profile), landmarks)[0]
    left, right = points[36:42].mean(axis=0), points[42:48].mean(axis=0)
    assert right[0] - left[0] == pytest.approx(profile.eye_distance_px, rel=0.01)
    assert abs(right[1] - left[1]) < 0.6
    if profile.centre == "mouth":
        middle = [(profile.width_px - 1) / 2, (profile.height_px - 1) / 2]
        np.testing.assert_allclose(points[MOUTH].mean(axis=0), middle)


def test_how_much_of_a_profile_the_face_takes():
    """Mouth over half of mouth96 and 0.7 of lipnet; chin in gan; the whole face in face128."""

    def points(name):
        landmarks = still_face()
        return map_points(crop_matrices(landmarks, PROFILES[name]), landmarks)[0]

    assert np.ptp(points("mouth96")[MOUTH, 0]) == pytest.approx(48, abs=2)
    assert np.ptp(points("lipnet")[MOUTH, 0]) == pytest.approx(70, abs=2)
    assert points("gan")[8, 1] < 74
    assert points("gan")[MOUTH].mean(axis=0) == pytest.approx([63.5, 36.5], abs=2)
    face = points("face128")
    assert face.min() > 10
    assert face.max() < 122


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("size", [(288, 360), (576, 720)])
def test_a_spot_goes_where_the_map_says(name, size):
    """To a quarter of a pixel, also where the source is halved first."""
    k = size[1] / 360
    landmarks = still_face(180 * k, 120 * k, 50 * k, degrees=8)
    at = np.array([181.0, 179.0]) * k
    planes = cut_crop(video(spot(*at, size, radius=5 * k)), landmarks, PROFILES[name])
    matrices = crop_matrices(landmarks, PROFILES[name])
    expected = map_points(matrices, np.array([[at]] * 3))[0, 0]
    np.testing.assert_allclose(middle_of(planes.luma[0]), expected, atol=0.25)


@pytest.mark.parametrize("name", RGB)
@pytest.mark.parametrize("size", [(288, 360), (576, 720)])
def test_colour_lies_on_its_luma(name, size):
    """A coloured spot, its chroma made by averaging two by two, agrees to a quarter of a pixel."""
    k = size[1] / 360
    luma = spot(172 * k, 178 * k, size, radius=6 * k)
    half = cv2.resize(luma, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    landmarks = still_face(180 * k, 120 * k, 50 * k, degrees=-12)
    planes = cut_crop(video(luma, np.stack([half, half])), landmarks, PROFILES[name])
    for chroma in planes.chroma[0]:
        on_luma = 2 * middle_of(chroma) + 0.5
        np.testing.assert_allclose(on_luma, middle_of(planes.luma[0]), atol=0.25)


def test_a_shift_by_whole_pixels_is_a_plain_cut():
    luma = np.random.default_rng(2).integers(0, 256, (288, 360), dtype=np.uint8)
    profile = replace(PROFILES["face128"], name="plain", eye_distance_px=64.0, colour="gray")
    landmarks = (64 * mean_landmarks() + np.array([180.5, 120.5]))[None]
    planes = cut_crop(video(luma, frames=1), landmarks, profile)
    left, top = 180 - 63, 120 - 63 + 32
    assert (planes.luma[0] == luma[top : top + 128, left : left + 128]).all()


@pytest.mark.parametrize("name", PROFILES)
def test_a_constant_stays_constant_beyond_the_edge_too(name):
    """A face half outside the picture."""
    planes = cut_crop(video(flat(77)), still_face(x=5, y=5), PROFILES[name])
    assert (planes.luma == 77).all()
    assert planes.chroma is None or (planes.chroma == 128).all()


@pytest.mark.parametrize(("level", "chroma", "full"), [(16, 16, 0), (235, 240, 255)])
def test_limited_range_is_expanded(level, chroma, full):
    coloured = np.full((2, 144, 180), chroma, np.uint8)
    clip = video(flat(level), coloured, full_range=False)
    planes = cut_crop(clip, still_face(), PROFILES["gan"])
    assert (planes.luma == full).all()
    assert (planes.chroma == full).all()
    untouched = cut_crop(replace(clip, full_range=True), still_face(), PROFILES["gan"])
    assert (untouched.luma == level).all()
    assert (untouched.chroma == chroma).all()


def test_a_gray_ramp_survives_expansion():
    full = np.arange(256)
    limited = np.rint(16 + full * 219 / 255).astype(np.uint8)
    assert np.abs(LUMA_TO_FULL_RANGE[limited] - full.astype(int)).max() <= 1
    coded = np.rint(128 + (full - 128) * 224 / 255).astype(np.uint8)
    assert np.abs(CHROMA_TO_FULL_RANGE[coded] - full.astype(int)).max() <= 1
    assert CHROMA_TO_FULL_RANGE[[16, 128, 240]].tolist() == [0, 128, 255]


def test_fine_stripes_do_not_beat_when_shrunk():
    """Stripes of two pixels at twice the size average to gray instead of a coarse pattern."""
    luma = np.zeros((576, 720), np.uint8)
    luma[:, ::2] = 255
    planes = cut_crop(video(luma), still_face(360, 240, 100), PROFILES["face128"])
    assert planes.luma.std() < 3
    assert planes.luma.mean() == pytest.approx(127.5, abs=2)


def test_the_crop_follows_the_face_smoothly():
    """A face that jitters by a pixel gives maps that hardly move."""
    landmarks = np.repeat(still_face(frames=1), 40, axis=0)
    landmarks[::2, :, 0] += 2
    shifts = crop_matrices(landmarks, PROFILES["mouth96"])[6:-6, :, 2]
    assert np.ptp(shifts, axis=0).max() < 0.05


def test_the_same_input_gives_the_same_bytes():
    rng = np.random.default_rng(3)
    clip = video(rng.integers(0, 256, (288, 360), dtype=np.uint8))
    landmarks = still_face(degrees=3)
    first, again = (cut_crop(clip, landmarks, PROFILES["gan"]) for _ in range(2))
    assert first.luma.tobytes() == again.luma.tobytes()
    assert first.chroma.tobytes() == again.chroma.tobytes()


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 150, 120)])
def test_rgb_is_bt601_at_full_range(colour):
    r, g, b = colour
    y = 0.299 * r + 0.587 * g + 0.114 * b
    cb, cr = 128 + (b - y) / 1.772, 128 + (r - y) / 1.402
    levels = np.clip(np.rint([y, cb, cr]), 0, 255).astype(np.uint8)
    planes = Planes(
        luma=np.full((1, 4, 6), levels[0]),
        chroma=np.stack([np.full((1, 2, 3), levels[1]), np.full((1, 2, 3), levels[2])], axis=1),
    )
    rgb = to_rgb(planes)
    assert rgb.shape == (1, 4, 6, 3)
    assert np.abs(rgb.astype(int) - colour).max() <= 2


def test_gray_becomes_three_equal_channels():
    luma = np.arange(24, dtype=np.uint8).reshape(1, 4, 6)
    assert (to_rgb(Planes(luma, None)) == luma[..., None]).all()


def test_colour_is_enlarged_around_pixel_middles():
    """A red edge between two chroma samples lies between the two luma pixels of its middle."""
    chroma = np.full((1, 2, 2, 4), 128, np.uint8)
    chroma[:, 1, :, 2:] = 228
    red = to_rgb(Planes(np.full((1, 4, 8), 100, np.uint8), chroma))[0, 0, :, 0].astype(int)
    assert red[:3].tolist() == [100, 100, 100]
    assert red[3] - 100 == pytest.approx(240 - red[4], abs=1)
    assert (red[5:] == 240).all()


@pytest.mark.grid
def test_mouths_of_real_clips_are_dark_lines_in_the_middle(grid_dir, tracker):
    """Mean over time: the darkest row of the lips, between nose and chin, is near the centre."""
    checked = 0
    for speaker in ("s2", "s3", "s20", "s33"):
        clip = decode_clip(sorted((grid_dir / "video" / speaker).iterdir())[0]).video
        crop = cut_crop(clip, tracker.track(clip.luma).landmarks, PROFILES["mouth96"])
        column = crop.luma[:, 28:68, 36:60].mean(axis=(0, 2))
        assert abs(28 + column.argmin() - 47.5) < 8, speaker
        checked += 1
    assert checked == 4
