"""Profiles are data; a file that breaks the format says what is wrong in one line."""

import pytest

from gridkit.errors import ProfileError
from gridkit.media.profiles import PROFILES, load_profile

GOOD = """
name = "lips"
width_px = 64
height_px = 32
colour = "rgb"
reference = ["eyes", "nose"]
centre = "mouth"
eye_distance_px = 50
smooth_frames = 5
"""


def write(tmp_path, text):
    path = tmp_path / "my.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "size", "colour"),
    [
        ("mouth96", (96, 96), "gray"),
        ("lipnet", (100, 50), "rgb"),
        ("gan", (128, 74), "rgb"),
        ("face128", (128, 128), "rgb"),
    ],
)
def test_built_in_profiles(name, size, colour):
    profile = load_profile(name)
    assert profile is PROFILES[name]
    assert (profile.width_px, profile.height_px) == size
    assert (profile.name, profile.colour) == (name, colour)


def test_a_profile_of_ones_own(tmp_path):
    profile = load_profile(write(tmp_path, GOOD))
    assert (profile.name, profile.width_px, profile.height_px) == ("lips", 64, 32)
    assert profile.reference == ("eyes", "nose")
    assert profile.centre == "mouth"


def test_a_fixed_place_on_the_face(tmp_path):
    text = GOOD.replace('centre = "mouth"', "centre = [0.0, 1.5]")
    assert load_profile(write(tmp_path, text)).centre == (0.0, 1.5)


@pytest.mark.parametrize(
    ("line", "instead", "message"),
    [
        ('name = "lips"', 'name = "mouth96"', "'mouth96' is a built-in profile"),
        ('name = "lips"', 'name = "My lips"', "name is 'My lips'"),
        ('name = "lips"', "name = 5", "name is 5"),
        ("width_px = 64", "width_px = 63", "width_px is 63, not an even number"),
        ("width_px = 64", "width_px = 64.0", "width_px is 64.0"),
        ("height_px = 32", "height_px = 4096", "height_px is 4096"),
        ("height_px = 32", "height_px = -2", "height_px is -2"),
        ("height_px = 32", "", "height_px missing"),
        ('colour = "rgb"', 'colour = "bgr"', "colour is 'bgr', not gray or rgb"),
        ('["eyes", "nose"]', '["eyes", "ear"]', "reference is "),
        ('["eyes", "nose"]', "[]", "reference is "),
        ('["eyes", "nose"]', '["eyes", "eyes"]', "reference is "),
        ('["eyes", "nose"]', '[["eyes"]]', "reference is "),
        ('["eyes", "nose"]', '"eyes"', "reference is not a list"),
        ('centre = "mouth"', 'centre = "chin"', "centre is 'chin'"),
        ('centre = "mouth"', "centre = [0.0]", "centre is "),
        ('centre = "mouth"', "centre = [0.0, 99]", "centre is "),
        ('centre = "mouth"', "centre = [0.0, nan]", "centre is "),
        ('centre = "mouth"', "centre = {x = 1}", "centre is "),
        ("eye_distance_px = 50", "eye_distance_px = true", "eye_distance_px is True"),
        ("eye_distance_px = 50", "eye_distance_px = nan", "eye_distance_px is nan"),
        ("smooth_frames = 5", "smooth_frames = 0", "smooth_frames is 0"),
        ("smooth_frames = 5", "smooth_frames = 5\nzoom = 2", "unknown key zoom; known: name"),
        ("smooth_frames = 5", "smooth_frames = ", "not TOML"),
    ],
)
def test_a_broken_profile(tmp_path, line, instead, message):
    assert line in GOOD
    path = write(tmp_path, GOOD.replace(line, instead))
    with pytest.raises(ProfileError) as caught:
        load_profile(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_name():
    with pytest.raises(ProfileError, match=r"'mouth97': no such profile; take mouth96, lipnet"):
        load_profile("mouth97")


def test_a_missing_file(tmp_path):
    with pytest.raises(ProfileError, match="No such file"):
        load_profile(tmp_path / "none.toml")


def test_a_file_that_is_no_text(tmp_path):
    path = tmp_path / "my.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ProfileError, match="not UTF-8"):
        load_profile(path)
