"""Which part of large pictures is looked at: around the faces, and not too wide for them."""

import pytest

from gridkit.media.close_up import part_with
from gridkit.media.detector import Box
from gridkit.media.stream import Part

SIZE_PX = (1920, 1080)


def face(x_px, y_px, side_px=95, confidence=1.5):
    return Box(x_px, y_px, side_px, confidence)


def part(*looks):
    return part_with([list(boxes) for boxes in looks], *SIZE_PX)


def test_there_is_room_around_the_face_wherever_it_was_seen() -> None:
    assert part([face(900, 500)], [face(940, 500)]) == (Part(710, 310, 420, 380), 1)


def test_the_part_is_inside_the_picture() -> None:
    assert part([face(60, 1040)])[0] == Part(0, 850, 250, 230)


def test_large_faces_are_made_160_px() -> None:
    assert part([face(900, 540, side_px=200)])[1] == 0.8


@pytest.mark.parametrize(("other_x_px", "width_px"), [(1700, 1180), (300, 980)])
def test_others_are_in_it(other_x_px, width_px) -> None:
    whole, scale = part([face(900, 500, confidence=2), face(other_x_px, 500)])
    assert (whole.width_px, scale) == (width_px, 1)


def test_others_are_not_in_it_where_faces_would_become_too_small() -> None:
    """A part of 1180 x 860 would be read at 0.77 of its size."""
    faces = [face(900, 200, confidence=2), face(1700, 680)]
    assert part(faces)[0].width_px == 380
    assert part([face(900, 200, 120, 2), face(1700, 680, 120)])[0].width_px == 1260


def test_what_was_seen_once_is_nobody() -> None:
    looks = [[face(900, 500)]] * 4 + [[face(900, 500), face(1200, 500, confidence=0.1)]]
    assert part(*looks)[0].width_px == 380
