"""Which part of large pictures is looked at: around the faces, and not too wide for them."""

import pytest

from gridkit.media.close_up import part_with
from gridkit.media.detector import Box
from gridkit.media.stream import Part

SIZE_PX = (1920, 1080)


def face(x_px, y_px, side_px=95, confidence=1.5):
    return Box(x_px, y_px, side_px, confidence)


def part(*looks, widest_px=720):
    return part_with([list(boxes) for boxes in looks], *SIZE_PX, widest_px)


def test_there_is_room_around_the_face_wherever_it_was_seen() -> None:
    assert part([face(900, 500)], [face(940, 500)]) == Part(710, 310, 420, 380)


def test_the_part_is_inside_the_picture() -> None:
    assert part([face(60, 1040)]) == Part(0, 850, 250, 230)


@pytest.mark.parametrize(("other_x_px", "width_px"), [(1200, 680), (1700, 380)])
def test_others_are_in_it_where_none_becomes_too_small(other_x_px, width_px) -> None:
    """680 px are read as they are; 1180 px would be made 720, and the faces 58."""
    assert part([face(900, 500, confidence=2), face(other_x_px, 500)]).width_px == width_px


def test_what_was_seen_once_is_nobody() -> None:
    looks = [[face(900, 500)]] * 4 + [[face(900, 500), face(1200, 500, confidence=0.1)]]
    assert part(*looks).width_px == 380
