"""Who speaks is whose lips move; lips that are seen too briefly, or are still, do not count."""

import numpy as np
import pytest

from gridkit.media.detector import Box
from gridkit.media.face import Track
from gridkit.media.landmarks import mean_landmarks
from gridkit.media.speaker import face_box, lip_movement, who_speaks

FRAMES = 75


def track(x_px: float, opening: float, missing: slice = slice(0), scale: float = 30) -> Track:
    """A face whose lower lip moves up and down, by so many eye distances either way."""
    points = np.tile(mean_landmarks(), (FRAMES, 1, 1))
    points[:, [56, 57, 58], 1] += opening * np.sin(np.arange(FRAMES) / 2.5)[:, None]
    points = np.rint(points * scale + [x_px, 150]).astype(np.int16)
    gone = np.zeros(FRAMES, bool)
    gone[missing] = True
    return Track(points, gone, np.zeros(FRAMES, bool), faces=2, fit=1.0)


def test_movement_is_in_eye_distances() -> None:
    assert lip_movement(track(180, 0.0)) == pytest.approx(0)
    small = lip_movement(track(180, 0.1))
    assert small == pytest.approx(0.1 / np.sqrt(2), rel=0.4)  # smoothed over 0.2 s
    assert lip_movement(track(180, 0.1, scale=60)) == pytest.approx(small, rel=0.1)


def test_lips_seen_for_less_than_04_s_do_not_count() -> None:
    assert lip_movement(track(180, 0.3, missing=slice(9, None))) == 0


def test_who_moves_the_lips_speaks() -> None:
    still, speaks = track(90, 0.02), track(250, 0.1)
    assert who_speaks([still, speaks]) is speaks
    assert who_speaks([speaks, still]) is speaks


def test_of_two_photographs_the_more_prominent_counts() -> None:
    assert who_speaks([first := track(90, 0.0), track(250, 0.0)]) is first


def test_who_spoke_before_goes_on_unless_another_moves_clearly_more() -> None:
    before, other = track(90, 0.1), track(250, 0.12)
    assert who_speaks([before, other]) is other
    assert who_speaks([before, other], face_box(before, 24), 25) is before
    assert who_speaks([before, track(250, 0.3)], face_box(before, 24), 25) is not before
    assert who_speaks([before, other], Box(700, 700, 50), 25) is other
