"""Mouths come piece by piece: each frame once, of every crop, with what was found."""

import subprocess
import sys

import av
import numpy as np
import pytest

from gridkit.compute.producer import Producer
from gridkit.errors import MediaError
from gridkit.media.decode import decode_clip
from gridkit.media.face import blank_frames
from gridkit.media.mouth_tracking import open_mouths, windows
from gridkit.media.mouths import Mouths, MouthStream


@pytest.mark.parametrize("count", [1, 75, 150, 151, 200, 250, 251, 1000])
def test_windows_cover_everything(count):
    kept = []
    before = 0
    for window, is_last in windows(iter(range(count))):
        assert len(window) <= 150
        kept += window[before : None if is_last else -25]
        before = 25
    assert kept == list(range(count))


@pytest.fixture(scope="session")
def seen_then_not(portrait, wall, tmp_path_factory):
    """Eight seconds of a face, then eight of a wall, 30 pictures per second."""
    path = tmp_path_factory.mktemp("mouths") / "seen.mp4"
    face = portrait.paste(wall, portrait.matrix(180, 140))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 360, 288, "yuv420p"
        for picture in [face] * 240 + [wall] * 240:
            frame = av.VideoFrame.from_ndarray(picture, format="gray")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    return path


def test_every_crop_has_every_frame_once(seen_then_not):
    mouths = open_mouths(seen_then_not, ["mouth96", "face128"])
    pieces = list(mouths)
    assert mouths.length_s == pytest.approx(16, abs=0.001)
    assert mouths.face_share == pytest.approx(0.5, abs=0.01)
    for crop, shape in (("mouth96", (96, 96)), ("face128", (128, 128, 3))):
        frames = np.concatenate([piece[crop].frames for piece in pieces])
        missing = np.concatenate([piece[crop].missing for piece in pieces])
        assert frames.shape == (400, *shape)
        assert not missing[:199].any()
        assert missing[201:].all()
        assert frames[:199].std() > 10, "a mouth is seen"
        assert not frames[-100:].any(), "black where no face is near"


def test_another_process_makes_the_same(seen_then_not, make_clip, tmp_path):
    tracking = "gridkit.media.mouth_tracking"
    gray = make_clip(tmp_path / "gray.mkv", frames=5)
    with Producer(f"{tracking}:load") as process:
        here = open_mouths(seen_then_not, ["mouth96"])
        pieces = process.call(f"{tracking}:mouth_pieces", seen_then_not, ["mouth96"])
        there = MouthStream(pieces)
        for a, b in zip(here, there, strict=True):
            assert (a["mouth96"].frames == b["mouth96"].frames).all()
            assert (a["mouth96"].missing == b["mouth96"].missing).all()
            assert here.length_s == there.length_s
        assert (here.face_share, here.faces) == (there.face_share, there.faces)
        assert here.offsets_s == there.offsets_s
        with pytest.raises(MediaError, match=r"no face found in any frame of .*gray\.mkv"):
            list(process.call(f"{tracking}:mouth_pieces", gray, ["mouth96"]))


def test_following_a_face_imports_no_torch():
    """The process that does it would load as long as the one that waits for it."""
    code = "import gridkit.media.mouth_tracking as m, sys; m.load(); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_a_video_without_a_face_is_one_line(make_clip, tmp_path):
    path = make_clip(tmp_path / "gray.mkv", frames=5)
    with pytest.raises(
        MediaError, match=r"no face found in any frame of .*gray\.mkv; it would .* 40 pixels wide"
    ):
        list(open_mouths(path, ["mouth96"]))


def write_video(path, pictures):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.height, stream.width, stream.pix_fmt = *pictures[0].shape, "yuv420p"
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="gray")
            container.mux(stream.encode(frame.reformat(format="yuv420p")))
        container.mux(stream.encode(None))
    return path


def test_a_face_on_a_wall_of_even_gray_is_followed(portrait, tmp_path):
    """Frames that are mostly gray count as damaged in GRID alone."""
    wall = np.full((288, 720), 128, np.uint8)
    picture = portrait.paste(wall, portrait.matrix(360, 150))
    assert blank_frames(picture[None]).all()
    mouths = open_mouths(write_video(tmp_path / "a.mp4", [picture] * 4), ["mouth96"])
    list(mouths)
    assert mouths.face_share == 1


def test_a_face_that_is_small_in_a_large_picture_is_seen_in_full_size(portrait, wall, tmp_path):
    """As large as in GRID, in a picture five times as wide."""
    room = np.full((1080, 1920), 120, np.uint8)
    room[600:888, 1200:1560] = portrait.paste(wall, portrait.matrix(180, 140))
    mouths = open_mouths(write_video(tmp_path / "a.mp4", [room] * 8), ["mouth96"])
    alone = open_mouths(
        write_video(tmp_path / "b.mp4", [room[600:888, 1200:1560]] * 8), ["mouth96"]
    )
    (small,), (large,) = list(mouths), list(alone)
    assert mouths.face_share == 1
    assert mouths.faces == 1
    apart = small["mouth96"].frames.astype(int) - large["mouth96"].frames
    assert np.abs(apart).mean() < 4


def test_several_small_faces_are_all_seen(portrait, wall, tmp_path):
    room = np.full((1080, 1920), 120, np.uint8)
    for left in (500, 1300):
        room[600:888, left : left + 360] = portrait.paste(wall, portrait.matrix(180, 140, 1.0))
    mouths = open_mouths(write_video(tmp_path / "a.mp4", [room] * 8), ["mouth96"])
    list(mouths)
    assert (mouths.faces, mouths.face_share) == (2, 1)


def test_a_large_picture_without_a_face_tells_the_smallest_that_would_be_found(tmp_path, wall):
    path = write_video(tmp_path / "wall.mp4", [np.tile(wall, (2, 3))] * 3)
    with pytest.raises(MediaError, match=r"wall\.mp4; it would have to be .* 80 pixels wide"):
        list(open_mouths(path, ["mouth96"]))


@pytest.mark.grid
@pytest.mark.parametrize("photograph_is", ["left", "right"])
def test_the_mouth_is_that_of_who_speaks_not_of_a_photograph(grid_dir, tmp_path, photograph_is):
    luma = decode_clip(sorted((grid_dir / "video/s1").glob("*.mpg"))[30]).video.luma
    other = decode_clip(sorted((grid_dir / "video/s2").glob("*.mpg"))[0]).video.luma[0]
    photograph = np.tile(other[:, 60:300], (75, 1, 1))
    pair = [photograph, luma[:, :, 60:300]]
    both = np.concatenate(pair if photograph_is == "left" else pair[::-1], axis=2)
    mouths = open_mouths(write_video(tmp_path / "two.mp4", both), ["mouth96"])
    alone = open_mouths(write_video(tmp_path / "one.mp4", luma), ["mouth96"])
    (read,), (right,) = list(mouths), list(alone)
    assert mouths.faces == 2
    apart = read["mouth96"].frames.astype(int) - right["mouth96"].frames
    assert np.abs(apart).mean() < 6


def test_a_frame_without_a_face_shows_the_nearest_that_has_one():
    frames = np.arange(200, dtype=np.uint8)[:, None, None]
    missing = np.random.default_rng(0).random(200) < 0.8
    places = np.arange(200)
    seen = np.flatnonzero(~missing)
    nearest = seen[np.abs(seen - places[:, None]).argmin(axis=1)]
    assert Mouths(frames, missing).nearest_seen(places)[:, 0, 0].tolist() == nearest.tolist()
    nothing = Mouths(frames, np.ones(200, bool))
    assert nothing.nearest_seen(places[:3])[:, 0, 0].tolist() == [0, 1, 2]
