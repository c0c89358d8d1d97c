"""Crop profiles: what part of a face a crop shows, and how large. Data, not code.

The built-in profiles are the TOML files in `gridkit/media/data`; a user's own file has the same
keys, all of them:

    name             lower-case letters, digits and underscores; the column is `crop_NAME`
    width_px         even, 16 to 512 (chroma has half the resolution)
    height_px        the same
    colour           "gray" or "rgb"
    reference        parts whose points give rotation and scale: jaw, brows, nose, eyes, mouth
    centre           the part that stands in the middle of the crop, wherever it moves; or
                     [x, y], a fixed place on the mean face, in eye distances from the middle
                     between the eyes, y downwards (mouth: [0.0, 1.2], chin: [0.0, 1.9])
    eye_distance_px  distance of the eyes' centres in the crop: the scale
    smooth_frames    frames over which the points are averaged; 1 for no smoothing
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from importlib import resources
from pathlib import Path
from typing import Any

from gridkit.errors import ProfileError
from gridkit.media.landmarks import PARTS

BUILT_IN = ("mouth96", "lipnet", "gan", "face128")
DEFAULT_PROFILE = "mouth96"
COLOURS = ("gray", "rgb")
SIDES_PX = (16, 512)
EYE_DISTANCES_PX = (4, 512)
SMOOTH_FRAMES = (1, 75)
MAX_OFF_CENTRE = 4.0
NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


@dataclass(frozen=True)
class CropProfile:
    """What a crop shows. See the top of this module for the fields.

    Raises:
        ProfileError: a value that cannot be.
    """

    name: str
    width_px: int
    height_px: int
    colour: str
    reference: tuple[str, ...]
    centre: str | tuple[float, float]
    eye_distance_px: float
    smooth_frames: int

    def __post_init__(self) -> None:
        _require(
            isinstance(self.name, str) and NAME.fullmatch(self.name) is not None,
            f"name is {self.name!r}; lower-case letters, digits and _ only, a letter first",
        )
        for key in ("width_px", "height_px"):
            side_px = getattr(self, key)
            _require(
                _is_whole(side_px, SIDES_PX) and side_px % 2 == 0,
                f"{key} is {side_px!r}, not an even number from {SIDES_PX[0]} to {SIDES_PX[1]}",
            )
        _require(self.colour in COLOURS, f"colour is {self.colour!r}, not gray or rgb")
        _require(
            len(self.reference) > 0
            and all(_is_part(part) for part in self.reference)
            and len(set(self.reference)) == len(self.reference),
            f"reference is {list(self.reference)!r}, not a list of {', '.join(PARTS)}",
        )
        _require(
            _is_part(self.centre) or _is_place(self.centre),
            f"centre is {self.centre!r}, neither {', '.join(PARTS)} nor [x, y] "
            f"within {MAX_OFF_CENTRE:g} eye distances",
        )
        _require(
            _is_number(self.eye_distance_px, *EYE_DISTANCES_PX),
            f"eye_distance_px is {self.eye_distance_px!r}, not a number from "
            f"{EYE_DISTANCES_PX[0]} to {EYE_DISTANCES_PX[1]}",
        )
        _require(
            _is_whole(self.smooth_frames, SMOOTH_FRAMES),
            f"smooth_frames is {self.smooth_frames!r}, not a whole number from "
            f"{SMOOTH_FRAMES[0]} to {SMOOTH_FRAMES[1]}",
        )


def load_profile(name_or_path: str | Path) -> CropProfile:
    """Return a built-in profile by name, or a profile from a TOML file.

    Raises:
        ProfileError: an unknown profile, a file that breaks the format, or one whose name is taken.
    """
    if str(name_or_path) in PROFILES:
        return PROFILES[str(name_or_path)]
    path = Path(name_or_path)
    if path.suffix != ".toml":
        raise ProfileError(
            f"crop {str(name_or_path)!r}: no such profile; "
            f"take {', '.join(PROFILES)} or the path of a .toml file"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise ProfileError(f"{path}: {reason}; name a readable TOML file") from error
    profile = parse_profile(text, where=str(path))
    if profile.name in PROFILES:
        raise ProfileError(f"{path}: {profile.name!r} is a built-in profile; choose another name")
    return profile


def parse_profile(text: str, where: str) -> CropProfile:
    """Read a profile from TOML.

    Raises:
        ProfileError: what is wrong, and `where`.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{where}: not TOML: {error}") from error
    return profile_of(table, where)


def profile_of(table: Mapping[str, Any], where: str) -> CropProfile:
    """Return the profile that a table of its fields describes, as TOML or JSON give it.

    Raises:
        ProfileError: what is wrong, and `where`.
    """
    try:
        _check_keys(table)
        return CropProfile(**{key: _frozen(value) for key, value in table.items()})
    except ProfileError as error:
        raise ProfileError(f"{where}: {error}") from None


def _check_keys(table: Mapping[str, Any]) -> None:
    known = [field.name for field in fields(CropProfile)]
    unknown = [key for key in table if key not in known]
    _require(not unknown, f"unknown key {', '.join(unknown)}; known: {', '.join(known)}")
    lacking = [key for key in known if key not in table]
    _require(not lacking, f"{', '.join(lacking)} missing")
    _require(isinstance(table["reference"], list), "reference is not a list")


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ProfileError(otherwise)


def _is_number(value: object, low: float, high: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high


def _is_whole(value: object, limits: tuple[int, int]) -> bool:
    return isinstance(value, int) and _is_number(value, *limits)


def _is_part(value: object) -> bool:
    return isinstance(value, str) and value in PARTS


def _is_place(value: object) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) == 2
        and all(_is_number(number, -MAX_OFF_CENTRE, MAX_OFF_CENTRE) for number in value)
    )


def _built_in(name: str) -> CropProfile:
    text = resources.files("gridkit.media").joinpath("data", f"{name}.toml").read_text()
    return parse_profile(text, where=name)


PROFILES: dict[str, CropProfile] = {name: _built_in(name) for name in BUILT_IN}
"""The built-in profiles by name."""
